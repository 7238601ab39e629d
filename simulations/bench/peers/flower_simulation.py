"""A simulation of Flower's whose clients train nothing. Prints one JSON object at its end, as ../simulation/measured.ts wants it."""

import argparse
import importlib.metadata
import json
import os
import time

BEGAN = time.monotonic()
# Telemetry would go out over the network.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np  # noqa: E402
from flwr.app import ArrayRecord, MetricRecord, Message, RecordDict  # noqa: E402
from flwr.clientapp import ClientApp  # noqa: E402
from flwr.serverapp import ServerApp  # noqa: E402
from flwr.serverapp.strategy import FedAvg  # noqa: E402
from flwr.simulation import run_simulation  # noqa: E402

from processes import family, peak_bytes_of, processor_seconds_of  # noqa: E402


def client_app():
    app = ClientApp()

    @app.train()
    def train(message, context):
        # Every value moves by a hair, so that what goes back is new.
        arrays = [(array + np.float32(1e-4)).astype("float32") for array in message.content["arrays"].to_numpy_ndarrays()]
        return Message(
            content=RecordDict({"arrays": ArrayRecord(arrays), "metrics": MetricRecord({"num-examples": 100})}),
            reply_to=message,
        )

    return app


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--floats", type=int, required=True)
    parser.add_argument("--sites", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args()
    ends = []
    computed = []
    peak = [0]

    class Timed(FedAvg):
        def aggregate_train(self, server_round, replies):
            replies = list(replies)
            if len(replies) != options.sites:
                raise RuntimeError(f"round must have {options.sites} replies, got {len(replies)}")
            result = super().aggregate_train(server_round, replies)
            ends.append(time.monotonic() - BEGAN)
            computed.append(processor_seconds_of(family(os.getpid())))
            peak[0] = max(peak[0], peak_bytes_of(family(os.getpid()))[1])
            return result

    app = ServerApp()

    @app.main()
    def serve(grid, context):
        strategy = Timed(
            fraction_evaluate=0.0, min_train_nodes=options.sites, min_available_nodes=options.sites
        )
        arrays = [np.random.default_rng(0).standard_normal(options.floats, dtype=np.float32)]
        strategy.start(grid=grid, initial_arrays=ArrayRecord(arrays), num_rounds=options.rounds)

    run_simulation(server_app=app, client_app=client_app(), num_supernodes=options.sites)
    print(
        json.dumps(
            {
                "firstRoundSeconds": ends[0],
                "roundSeconds": [end - begin for begin, end in zip(ends, ends[1:])],
                "processorSeconds": computed[-1] - computed[0],
                "peakBytes": peak[0],
                "version": f"flwr {importlib.metadata.version('flwr')}",
            }
        )
    )


if __name__ == "__main__":
    main()
