"""What an answer costs the server: CPU time of its process for an instance, a frame, a study.

    python -m benchmarks.served

Sixty CT slices of 0.5 MB, SQLite, one process, everything in the page cache. CPU time differs
less than rates do where other programs use the cores.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pydicom.uid import generate_uid

from storage.container import open_storage
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings
from tests.dicom_node.builders import ct_instance, encoded
from tests.services import free_port

_INSTANCES = 60
_START_S = 120.0
_STORED = "transfer-syntax=*"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", free_disk_mark_bytes=0)
        study, series, uids = _fill(settings)
        port = free_port()
        environment = {
            **os.environ,
            "MEDIVIEW_DATA_DIR": str(settings.data_dir),
            "MEDIVIEW_HTTP_PORT": str(port),
            "MEDIVIEW_HTTP_PROCESSES": "1",
            "MEDIVIEW_LOG_LEVEL": "ERROR",
            "MEDIVIEW_RATE_LIMIT_ANONYMOUS_PER_MINUTE": "0",
        }
        server = subprocess.Popen([sys.executable, "-m", "api.cli", "api"], env=environment)
        try:
            connection = _connected(port)
            base = f"/dicom-web/studies/{study}"
            instances = [f"{base}/series/{series}/instances/{uid}" for uid in uids]
            kind = 'multipart/related; type="application/dicom"; ' + _STORED
            for name, paths, accept, rounds in (
                ("instance of 0.5 MB", instances, f"application/dicom; {_STORED}", 15),
                ("frame of 0.5 MB", [f"{one}/frames/1" for one in instances], "*/*", 15),
                ("study of 32 MB", [base], kind, 20),
            ):
                cost_ms = _cost_ms(server.pid, connection, paths, accept, rounds)
                print(f"{name}: {cost_ms:.2f} ms of the server's CPU", flush=True)
        finally:
            server.terminate()
            server.wait()


def _fill(settings: Settings) -> tuple[str, str, list[str]]:
    upgrade(settings)
    study, series = generate_uid(), generate_uid()
    with open_storage(settings) as storage:
        for number in range(_INSTANCES):
            dataset = ct_instance(
                size=512, seed=number, study_instance_uid=study, series_instance_uid=series
            )
            storage.ingest.accept(encoded(dataset), "stow")
        return study, series, [one.sop_instance_uid for one in storage.index.instances_of(study)]


def _connected(port: int) -> http.client.HTTPConnection:
    deadline = time.monotonic() + _START_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            _get(connection, "/health", "*/*")
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return connection


def _cost_ms(
    pid: int,
    connection: http.client.HTTPConnection,
    paths: Sequence[str],
    accept: str,
    rounds: int,
) -> float:
    for path in paths:
        _get(connection, path, accept)
    before = _cpu_s(pid)
    for _ in range(rounds):
        for path in paths:
            _get(connection, path, accept)
    return (_cpu_s(pid) - before) / rounds / len(paths) * 1000


def _get(connection: http.client.HTTPConnection, path: str, accept: str) -> None:
    connection.request("GET", path, headers={"Accept": accept})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status not in (200, 503):
        raise RuntimeError(f"{path} is answered {answer.status}: {body[:200]!r}")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
