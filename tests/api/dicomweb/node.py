"""A DICOMweb node for tests: the real router over a real storage, behind a real uvicorn."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from api.dicomweb import router
from api.errors import install_error_handlers
from storage.errors import MediViewError
from storage.migrate import upgrade
from storage.opening import Storage, open_storage
from storage.settings import load_settings
from tests.services import START_TIMEOUT_S, free_port


@dataclass(frozen=True)
class DicomwebNode:
    storage: Storage
    url: str
    """Of the DICOMweb services."""
    files: dict[str, Path] = field(default_factory=dict)
    """SOP Instance UID to the file that was stored under it."""

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **options)  # type: ignore[arg-type]

    def keep(self, paths: Iterable[Path]) -> list[Path]:
        """Store files through the one door; returns those whose UID was taken already."""
        conflicting = []
        for path in paths:
            try:
                accepted = self.storage.ingest.accept(path.read_bytes(), "test")
            except MediViewError:
                continue  # no part 10 file, or without its UIDs
            if accepted.outcome == "stored":
                self.files[accepted.sop_instance_uid] = path
            elif accepted.outcome == "conflict":
                conflicting.append(path)
        return conflicting

    def path_of(self, sop_instance_uid: str) -> str:
        instance = self.storage.index.instance(sop_instance_uid)
        return (
            f"/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
            f"/instances/{instance.sop_instance_uid}"
        )

    def stored(self, path: Path) -> str:
        """The UID under which that very file is stored."""
        return next(uid for uid, kept in self.files.items() if kept == path)


@contextmanager
def dicomweb_node(folder: Path, **overrides: object) -> Iterator[DicomwebNode]:
    settings = load_settings(data_dir=folder / "data", **overrides)
    upgrade(settings)
    with open_storage(settings) as storage:
        app = FastAPI()
        app.state.storage = storage
        app.include_router(router)
        install_error_handlers(app)
        with serving(app) as port:
            yield DicomwebNode(storage, f"http://127.0.0.1:{port}/dicom-web")


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Run the application in a thread of this process; yields its port."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise RuntimeError("uvicorn did not start")
            time.sleep(0.01)
        yield port
    finally:
        server.should_exit = True
        thread.join()
