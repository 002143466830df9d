"""One process of all hosts performs for others, as long as it runs."""

from collections.abc import Callable, Sequence
from typing import Protocol

from inference.pipeline import Pipeline
from inference.ups_sources.listening import perform_for_others
from inference.ups_sources.performing import SourceStorage
from storage.container.has import HasEngine
from storage.db.locks.advisory_lock import only_one

_LOCK = 0x6D767570


class RunningStorage(SourceStorage, HasEngine, Protocol):
    """The same, and the database of which a lock is taken."""


def run_alone(
    storage: RunningStorage,
    stopping: Callable[[], bool],
    pipelines: Sequence[Pipeline] | None = None,
) -> None:
    """Until the process stops; nothing where another one does it. Raises StorageUnavailable."""
    path = storage.settings.data_dir / "ups-sources.lock"
    with only_one(storage.engine, path, _LOCK) as is_alone:
        if is_alone:
            perform_for_others(storage, stopping, pipelines)
