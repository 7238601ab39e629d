"""Processes of a peer, started here and ended here, with all that they start."""

import argparse
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from contender import peak_bytes

# From the wish to end until a process is killed.
GRACE_SECONDS = 2.0


def hold_contest(name, contest):
    """Reads what a federation's contender is asked for, and runs `contest(options, folder, processes)`; its processes end with it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=3)
    parser.add_argument("--shapes", required=True, help="JSON: a list of shapes, the model's tensors")
    parser.add_argument("--limit", type=float, default=600, help="seconds that the start, and a round, may take")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
        processes = Processes(folder)
        try:
            contest(options, folder, processes)
        finally:
            processes.stop()


class Processes:
    def __init__(self, folder):
        self.folder = folder
        self.children = []
        # A referee that gives up sends SIGTERM: it must reach `stop`.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def start(self, name, command, env=None):
        """What it writes goes to NAME.log in the folder."""
        with open(os.path.join(self.folder, f"{name}.log"), "ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self.children.append((name, child))
        return child

    def check(self):
        """Raises when one has ended, with the end of what it wrote."""
        for name, child in self.children:
            if child.poll() is None:
                continue
            with open(os.path.join(self.folder, f"{name}.log"), "rb") as log:
                tail = log.read()[-1500:].decode(errors="replace")
            raise RuntimeError(f"{name} must run, got its end with status {child.returncode}\n{tail}")

    def stop(self):
        """Ends all, and what they started in groups of its own too; kills what does not end."""
        # Before the first signal: a child whose parent is gone is nobody's any more.
        pids = [pid for _, child in self.children if child.poll() is None for pid in family(child.pid)]
        _signal(pids, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(map(_is_running, pids)):
            for _, child in self.children:
                child.poll()
            time.sleep(0.05)
        _signal([pid for pid in pids if _is_running(pid)], signal.SIGKILL)
        for _, child in self.children:
            child.wait()


def _end_with_parent():
    """Should this process be killed, the system asks the child to end (Linux: PR_SET_PDEATHSIG is 1)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for_port(port, limit, check):
    """Returns when something listens there."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        check()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"port must be listened on within {limit} seconds, got none")


def peak_bytes_of(pids):
    """The largest resident memory that any of these processes has had, and the sum over all."""
    peaks = [peak_bytes(pid) for pid in pids]
    known = [peak for peak in peaks if peak is not None]
    return (max(known), sum(known)) if known else (None, None)


def processor_seconds_of(pids):
    """What these processes, and children of theirs that have ended, have computed."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as file:
                # Behind the name: utime, stime, cutime and cstime are fields 14 to 17.
                ticks += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:15]))
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid):
    """A process and all that descend from it."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting.extend(children.get(one, []))
    return found
