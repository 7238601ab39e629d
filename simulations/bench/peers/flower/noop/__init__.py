"""Rounds that train nothing."""
