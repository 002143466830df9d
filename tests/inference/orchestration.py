"""Helpers of the tests of orchestration: a storage, a series in it, time that passes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.settings import Settings, load_settings
from tests.inference.small import mr_series, series_uid, study_uid
from tests.migrated import upgrade
from tests.patience import PATIENCE_S


def settings_in(folder: Path, **overrides: Any) -> Settings:
    return load_settings(data_dir=folder / "data", free_disk_mark_bytes=0, **overrides)


@contextmanager
def storage_in(folder: Path, **overrides: Any) -> Iterator[Storage]:
    settings = settings_in(folder, **overrides)
    upgrade(settings)
    with open_storage(settings) as storage:
        yield storage


def receive(storage: Storage, instances: Sequence[bytes]) -> None:
    for part10 in instances:
        storage.ingest.accept(part10, source="dimse:TEST")


def complete_series(storage: Storage, name: str, count: int = 8) -> Series:
    """A small MR series, received and completed."""
    receive(storage, mr_series(name, count))
    for series in storage.index.series_of(study_uid(name)):
        storage.index.mark_complete(series, utcnow())
    return storage.index.series(study_uid(name), series_uid(name))


def later(seconds: float) -> Any:
    return utcnow() + timedelta(seconds=seconds)


def wait_for(done: Callable[[], Any], what: str, limit_s: float = PATIENCE_S) -> Any:
    """What `done` gives as soon as it is true."""
    deadline = monotonic() + limit_s
    while True:
        value = done()
        if value:
            return value
        if monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {limit_s:g} s")
        sleep(0.1)


def receive_folder(storage: Storage, folder: Path) -> str:
    """Take every file of a folder in; the study's UID."""
    study_instance_uid = ""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            accepted = storage.ingest.accept(path.read_bytes(), source="dimse:TEST")
            study_instance_uid = accepted.study_instance_uid
    return study_instance_uid
