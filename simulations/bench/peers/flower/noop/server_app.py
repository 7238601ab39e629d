"""Flower's own FedAvg, which begins a round when the contender lets it."""

import json
import socket

import numpy as np
from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

app = ServerApp()

# More than any contest asks for; the contender ends the processes.
ENDLESS = 1_000_000


class InTurns(FedAvg):
    """Asks before each round, on the line that the contender listens on (../turns.py has the other end)."""

    def __init__(self, port, **options):
        super().__init__(**options)
        self.line = socket.create_connection(("127.0.0.1", port)).makefile("rw")

    def configure_train(self, server_round, arrays, config, grid):
        self.line.write("ready\n")
        self.line.flush()
        if self.line.readline() == "":
            raise SystemExit(0)
        return super().configure_train(server_round, arrays, config, grid)


@app.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    with open(str(config["shapes"])) as file:
        shapes = json.load(file)
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(shape, dtype=np.float32) * 0.02 for shape in shapes]
    strategy = InTurns(
        int(config["port"]), fraction_evaluate=0.0, min_train_nodes=config["sites"], min_available_nodes=config["sites"]
    )
    strategy.start(grid=grid, initial_arrays=ArrayRecord(arrays), num_rounds=ENDLESS)
