"""Contender: NVFLARE's simulator. One step is one round of its FedAvg with clients that train nothing."""

import argparse
import importlib.metadata
import os
import sys
import tempfile

from contender import serve
from processes import Processes, family, peak_bytes_of, processor_seconds_of
from turns import Turns

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--shapes", required=True, help="JSON: a list of shapes, the model's tensors")
    parser.add_argument("--limit", type=float, default=600, help="seconds that the start, and a round, may take")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-nvflare-") as folder:
        processes = Processes(folder)
        try:
            contest(options, folder, processes)
        finally:
            processes.stop()


def contest(options, folder, processes):
    turns = Turns(options.limit)
    simulation = processes.start(
        "simulation",
        [sys.executable, os.path.join(HERE, "nvflare_simulation.py")]
        + ["--sites", str(options.sites), "--shapes", os.path.abspath(options.shapes)]
        + ["--port", str(turns.port), "--folder", os.path.join(folder, "workspace")],
        {"PYTHONPATH": HERE},
    )
    turns.accept(processes.check)

    def step():
        turns.step()
        processes.check()

    # The largest of its processes is the server's: a client's holds less.
    serve(
        {"nvflare": importlib.metadata.version("nvflare")},
        step,
        lambda: peak_bytes_of(family(simulation.pid))[0],
        # Server and clients share processes.
        lambda: {"all": processor_seconds_of(family(simulation.pid))},
    )


if __name__ == "__main__":
    main()
