"""A DICOMweb node for tests: the whole HTTP side over a real storage."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from storage.container import Storage
from storage.core.errors import MediViewError
from storage.settings import load_settings
from tests.api.client import api_node
from tests.migrated import upgrade
from tests.services import free_port


@dataclass(frozen=True)
class DicomwebNode:
    storage: Storage
    url: str
    """Of the DICOMweb services."""
    files: dict[str, Path] = field(default_factory=dict)
    """SOP Instance UID to the file that was stored under it."""

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, **options)  # type: ignore[arg-type]

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
            else:  # the same UID in other bytes: another encoding is a duplicate
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
    """The whole HTTP side, as it is served."""
    settings = load_settings(data_dir=folder / "data", http_port=free_port(), **overrides)
    upgrade(settings)
    with api_node(settings) as node:
        yield DicomwebNode(node.storage, f"{node.url}/dicom-web")
