"""Nodes with results that are due, and archives that take them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inference.deliveries.destinations import checked_peer
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Delivery, Instance
from storage.peers.entities import KnownPeer
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.small import BrightRegion, study_uid
from tests.services import OrthancServer, orthanc

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


FOLDER = KnownPeer("disk", kind="folder", folder="research/brains", is_destination=True)


@contextmanager
def node(folder: Path, *peers: KnownPeer, **overrides: Any) -> Iterator[Storage]:
    with storage_in(folder, **overrides) as storage:
        for peer in peers:
            storage.peers.add(checked_peer(peer, storage.settings))
        yield storage


@contextmanager
def archive(folder: Path, **options: Any) -> Iterator[tuple[OrthancServer, str]]:
    """Orthanc with its DICOMweb plugin, and the address of its service."""
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is missing (Debian package orthanc-dicomweb)")
    wanted = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True}, **options}
    with orthanc(folder, options=wanted) as server:
        yield server, f"{server.url}/dicom-web"


def host_of(url: str) -> str:
    return url.split("/")[2]


def stow(url: str, **changes: Any) -> KnownPeer:
    return KnownPeer("archive", kind="stow", url=url, is_destination=True, **changes)


def with_results(storage: Storage, name: str = "a") -> list[Instance]:
    """Run a job, so that its SEG and SR are due."""
    (decision,) = schedule_series(storage, complete_series(storage, name), (BrightRegion(),))
    job = run_job(storage, decision.job_id or "", "worker", pipelines=(BrightRegion(),))
    assert job is not None
    return [storage.index.instance(one["sop_instance_uid"]) for one in job.result["instances"]]


def deliveries(storage: Storage, name: str = "a") -> list[Delivery]:
    return storage.deliveries.of_study(study_uid(name))


@contextmanager
def answering(answer: Any) -> Iterator[str]:
    """An HTTP server that answers (status, JSON) as told; it reads bodies and forgets them."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self._read_body()
            status, value = answer(self.command, self.path.partition("?")[0], self.headers)
            body = json.dumps(value).encode()
            self.send_response(status)
            if status == 307:
                self.send_header("Location", value["Location"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_OPTIONS = _answer

        def _read_body(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="archive")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
