"""The child's end of a contest: answers `{"run": n}` on standard input, one JSON object a line on standard output.

The referee (../referee.ts) says what each message must hold.
"""

import json
import os
import resource
import sys
import time


def reset_peak():
    """Lets the kernel count the peak anew, so that imports and compilation do not hide what a step needs."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return True
    except OSError:
        return False


def peak_bytes(pid="self"):
    """Largest resident set of a process since the last reset_peak(); None where the system has no such count, or the process has ended."""
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def lifetime_peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def serve(versions, step, peak_of_all=None, processor_of_all=None):
    """Runs steps as the referee asks. `step` does one and returns its loss, or None where there is none.

    Where the work is done by other processes than this one, `peak_of_all` gives their largest memory since the start, and `processor_of_all`
    the processor seconds of each kind of process so far.
    """
    # A library that prints must not break the stream of messages.
    out, sys.stdout = sys.stdout, sys.stderr

    def say(message):
        out.write(json.dumps(message) + "\n")
        out.flush()

    say({"ready": {"versions": versions, "pid": os.getpid()}})
    for line in sys.stdin:
        count = json.loads(line)["run"]
        counted = reset_peak()
        seconds, losses = [], []
        spent = processor_of_all() if processor_of_all else {}
        for _ in range(count):
            before = time.perf_counter()
            loss = step()
            seconds.append(time.perf_counter() - before)
            losses.append(loss)
        processor = {kind: now - spent[kind] for kind, now in processor_of_all().items()} if processor_of_all else None
        say({
            **({"processor": processor} if processor else {}),
            "seconds": seconds,
            "losses": [loss for loss in losses if loss is not None],
            "stepPeakBytes": peak_bytes() if counted and peak_of_all is None else None,
            "peakBytes": peak_of_all() if peak_of_all else lifetime_peak_bytes(),
        })
