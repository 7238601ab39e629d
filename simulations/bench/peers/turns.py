"""The contender's end of a line over which a federation's server asks to begin its next round.

    server → contender   ready   when a round could begin
    contender → server   go      when its turn has come

A step is from `go` to the next `ready`: one whole round, and nothing between two rounds that the contest does not ask for.
"""

import socket
import time


class Turns:
    """@param limit Seconds that a federation may take to start, and a round."""

    def __init__(self, limit):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.limit = limit
        self.line = None
        self.port = self.listener.getsockname()[1]

    def accept(self, check):
        """Waits until the server could begin its first round. `check` raises when one of the processes has ended."""
        self.listener.settimeout(1)
        deadline = time.monotonic() + self.limit
        while self.line is None:
            check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the federation must be ready within {self.limit} seconds, got none")
            try:
                connection, _ = self.listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(self.limit)
            self.line = connection.makefile("rw")
        self.wait()

    def step(self):
        """One round."""
        self.line.write("go\n")
        self.line.flush()
        self.wait()

    def wait(self):
        if self.line.readline() != "ready\n":
            raise RuntimeError("the federation ended in the middle of a contest")
