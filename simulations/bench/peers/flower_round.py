"""Contender: Flower with real processes on this machine. One step is one round: a SuperLink, and a SuperNode a site whose client trains nothing."""

import importlib.metadata
import os
import subprocess
import sys

from contender import serve
from processes import family, free_port, hold_contest, peak_bytes_of, processor_seconds_of, wait_for_port
from turns import Turns

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.dirname(sys.executable)


def contest(options, folder, processes):
    turns = Turns(options.limit)
    port = free_port()
    address = f"127.0.0.1:{port}"
    # Its own home: the user's configuration stays as it is. Telemetry would go out over the network.
    env = {
        "FLWR_HOME": folder,
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        # SuperLink and SuperNodes start programs of their package by name.
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    superlink = processes.start(
        "superlink",
        [f"{BIN}/flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", str(port)]
        + ["--disable-runtime-dependency-installation"],
        env,
    )
    wait_for_port(port, options.limit, processes.check)
    nodes = [
        processes.start(
            f"supernode-{site}",
            [f"{BIN}/flower-supernode", "--insecure", "--superlink", address]
            + ["--host", "127.0.0.1", "--port", str(free_port()), "--node-config", f"site={site}"],
            env,
        )
        for site in range(options.sites)
    ]
    with open(os.path.join(folder, "config.toml"), "w") as file:
        file.write(f'[superlink]\ndefault = "bench"\n\n[superlink.bench]\naddress = "{address}"\ninsecure = true\n')
    config = f'port={turns.port} sites={options.sites} shapes="{os.path.abspath(options.shapes)}"'
    run = subprocess.run(
        [f"{BIN}/flwr", "run", os.path.join(HERE, "flower"), "bench", "--run-config", config],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=options.limit,
    )
    if run.returncode != 0:
        raise RuntimeError(f"flwr run must end well, got {run.stdout[-1000:]}{run.stderr[-1000:]}")
    turns.accept(processes.check)

    def step():
        turns.step()
        processes.check()

    # The server is the SuperLink and the ServerApp that it starts.
    serve(
        {"flwr": importlib.metadata.version("flwr")},
        step,
        lambda: peak_bytes_of(family(superlink.pid))[1],
        lambda: {
            "server": processor_seconds_of(family(superlink.pid)),
            "sites": processor_seconds_of([pid for node in nodes for pid in family(node.pid)]),
        },
    )


if __name__ == "__main__":
    hold_contest("flower", contest)
