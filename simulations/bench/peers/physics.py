"""What this machine can do at most, as far as a good library reaches it: multiply-adds a second, and bytes a second. Prints JSON.

Floating-point peak: sgemm of 2048³ (MKL or OpenBLAS reach 85 to 95 % of what the units could do). Memory: copy (one array read, one
written) and triad a = b + 3·c (two read, one written), on arrays larger than any cache; counted without the line that a write fetches first.
"""

import argparse
import json
import time

import torch

MIB = 1024 * 1024


def best_seconds(work, least_seconds=1.5, least_runs=5):
    """The fastest of several runs: what else the machine does can only slow one down."""
    work()
    best, begun, runs = float("inf"), time.perf_counter(), 0
    while runs < least_runs or time.perf_counter() - begun < least_seconds:
        before = time.perf_counter()
        work()
        best, runs = min(best, time.perf_counter() - before), runs + 1
    return best


def gemm_gflops(size=2048):
    a, b = torch.randn(size, size), torch.randn(size, size)
    out = torch.empty(size, size)
    return 2 * size**3 / best_seconds(lambda: torch.mm(a, b, out=out)) / 1e9


def gigabytes_per_second(mebibytes, arrays, work):
    count = mebibytes * MIB // 4
    tensors = [torch.ones(count) for _ in range(arrays)]
    return arrays * count * 4 / best_seconds(lambda: work(*tensors)) / 1e9


def copy(a, b):
    b.copy_(a)


def triad(a, b, c):
    torch.add(b, c, alpha=3.0, out=a)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    found = {}
    for threads in sorted({1, options.threads}):
        torch.set_num_threads(threads)
        found[str(threads)] = {
            "gemmGflops": gemm_gflops(),
            "copyGBs": gigabytes_per_second(256, 2, copy),
            "triadGBs": gigabytes_per_second(256, 3, triad),
            # Fits the caches caches: what a tensor just written can be read back with.
            "cachedCopyGBs": gigabytes_per_second(1, 2, copy),
        }
    print(json.dumps(found))
