"""Contender: numpy's mean or median of a stack of deltas in memory; or reading them once, as fast as the machine can. One step is one of these."""

import argparse

import numpy as np
import torch

from contender import serve


def averaged(stack, weights):
    return np.average(stack, axis=0, weights=weights)


def added_up(stack, weights):
    """One delta after the other: what aggregation in frameworks comes down to, and faster than np.average, which copies the stack."""
    total = np.zeros(stack.shape[1], dtype=np.float64)
    for row, weight in zip(stack, weights):
        total += row * np.float64(weight)
    return (total / weights.sum()).astype(np.float32)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--floats", type=int, default=5_300_000)
    parser.add_argument("--rule", choices=("average", "mean", "median", "read"), default="mean")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = np.random.default_rng(1)
    stack = np.empty((options.updates, options.floats), dtype=np.float32)
    for row in stack:
        row[:] = generator.standard_normal(options.floats, dtype=np.float32)
    weights = np.arange(1, options.updates + 1, dtype=np.float64)
    whole = torch.from_numpy(stack)
    work = {
        "average": lambda: averaged(stack, weights),
        "mean": lambda: added_up(stack, weights),
        "median": lambda: np.median(stack, axis=0),
        "read": lambda: torch.sum(whole),
    }[options.rule]

    def step():
        work()

    serve({"numpy": np.__version__, "torch": torch.__version__}, step)
