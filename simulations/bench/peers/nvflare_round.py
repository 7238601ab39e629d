"""Contender: NVFLARE's simulator. One step is one round of its FedAvg with clients that train nothing."""

import importlib.metadata
import os
import sys

from contender import serve
from processes import family, hold_contest, peak_bytes_of, processor_seconds_of
from turns import Turns

HERE = os.path.dirname(os.path.abspath(__file__))


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
    hold_contest("nvflare", contest)
