"""NVFLARE's simulator, in the process it is started in: a server and clients that train nothing. Started by nvflare_round.py."""

import argparse

from nvflare.job_config.api import FedJob
from nvflare_parts.in_turns import InTurns
from nvflare_parts.noop import NoOp


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, required=True)
    parser.add_argument("--shapes", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    options = parser.parse_args()
    job = FedJob(name="noop", min_clients=options.sites)
    job.to_server(InTurns(port=options.port, shapes=options.shapes, sites=options.sites))
    job.to_clients(NoOp(), tasks=["train"])
    job.simulator_run(options.folder, n_clients=options.sites, threads=options.sites)


if __name__ == "__main__":
    main()
