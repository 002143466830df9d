"""How often the node waits for the disk while it receives, counted by strace (as root).

    python -m benchmarks.syncs [--only node,node-pg]

Unlike a rate it does not depend on what else the machine does, but for the size of batches:
instances that arrive while the disk works share the next sync. The syncs of PostgreSQL's own
processes are not in it; those of SQLite are.
"""

import argparse
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.support.sender import Load, send
from benchmarks.support.servers import SERVERS, Server

_CALLS = ("fsync", "fdatasync")
_ATTACHED_S = 2.0
_LOADS = {"512×512 CT": Load(512, 4, 400), "10 KB": Load(68, 4, 3200)}


def syncs(server: Server, load: Load) -> int:
    """How many there were while all of it was sent over four associations."""
    with tempfile.NamedTemporaryFile("r") as counted:
        attached = [part for pid in server.process_ids() for part in ("-p", str(pid))]
        command = ["strace", "-f", "-c", "-qq", "-e", f"trace={','.join(_CALLS)}"]
        strace = subprocess.Popen([*command, "-o", counted.name, *attached])
        try:
            strace.wait(_ATTACHED_S)
        except subprocess.TimeoutExpired:
            send(server.peer, load, _at_once)
            strace.send_signal(signal.SIGINT)
            strace.wait()
        else:
            raise RuntimeError("strace may not attach")
        rows = [line.split() for line in Path(counted.name).read_text().splitlines()]
    # % time, seconds, µs a call, calls, errors where there are any, name.
    return sum(int(row[3]) for row in rows if row and row[-1] in _CALLS)


def _at_once(sending: Callable[[], None]) -> None:
    sending()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="node,node-pg")
    print("| server | instances | syncs an instance |\n|---|---|---|")
    for name in parser.parse_args().only.split(","):
        with tempfile.TemporaryDirectory() as folder, SERVERS[name](Path(folder)) as server:
            send(server.peer, Load(68, 4, 400), _at_once)
            for what, load in _LOADS.items():
                each = syncs(server, load) / load.instances
                print(f"| {name} | {what}, 4 associations | {each:.2f} |", flush=True)


if __name__ == "__main__":
    main()
