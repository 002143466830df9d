"""Asking again and again for a list that has not changed, beside a server that does nothing else.

    python -m benchmarks.polling --rounds 3

`GET /api/studies?limit=20` with the ETag of the answer before, over keep-alive sockets; rounds
interleaved. The floor is uvicorn alone, as many processes of it, with an application that answers
304 to everything. Beside requests a second, which the loader shares the machine with, stands the
processor's time of the server for each.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.support.dicomweb_servers import Server, our_node, wait_for_port
from benchmarks.support.figures import Surroundings, write_figures
from benchmarks.support.http_loader import Connection, Request, at_once, message
from benchmarks.support.process_tree import cpu_s
from tests.api.client import part10
from tests.dicom_node.builders import ct_instance
from tests.services import free_port

_PATH = "/api/studies?limit=20"
_STUDIES = 20
_PROCESSES = min(8, os.cpu_count() or 1)
"""As the node takes by itself."""
_FLOOR = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", b'W/"1"')]})
        await send({"type": "http.response.body", "body": b""})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    around = Surroundings()
    rounds: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-polling-") as name:
        folder = Path(name)
        with our_node(folder) as node, _floor(folder) as floor:
            connection = Connection(node.port)
            for number in range(_STUDIES):
                connection.post(
                    "/dicom-web/studies", message(part10(ct_instance(patient_id=str(number))))
                )
            etag = httpx.get(f"http://127.0.0.1:{node.port}{_PATH}").headers["etag"]
            for _ in range(options.rounds):
                for server in (node, floor):
                    before_s = cpu_s(server.pid)
                    rate = at_once(server.port, _asking(etag), options.seconds, options.clients)
                    used_s = cpu_s(server.pid) - before_s
                    for what, value in (
                        ("polls of a list (1/s)", rate.requests_s),
                        ("CPU of a poll (ms)", 1000 * used_s / rate.requests_s / options.seconds),
                    ):
                        rounds.setdefault(what, {}).setdefault(server.name, []).append(value)
    for what, by_server in rounds.items():
        print(what, {one: round(statistics.median(values), 2) for one, values in by_server.items()})
    print(f"load {around.load_before:.1f} before, {os.getloadavg()[0]:.1f} after")
    if options.json:
        write_figures(options.json, around, rounds)


def _asking(etag: str) -> Request:
    return lambda connection, _: connection.get(_PATH, "application/json", etag)


@contextmanager
def _floor(folder: Path) -> Iterator[Server]:
    (folder / "floor.py").write_text(_FLOOR)
    port = free_port()
    options = ("--port", str(port), "--workers", str(_PROCESSES), "--no-access-log")
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "floor:app", *options, "--log-level", "error"], cwd=folder
    )
    try:
        wait_for_port(port, process)
        yield Server("floor", port, "", process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


if __name__ == "__main__":
    main()
