"""Log lines with the trace of the study that they are about (`trace_id`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from storage.core.errors import MediViewError
from storage.settings import Settings
from storage.traces.spans import TraceIds

TRACE_ID = "trace_id"


class TraceNames:
    """Those of `TraceIds`, which a log line goes without where the node's key cannot be read."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._ids: TraceIds | None = None

    def of_study(self, study_instance_uid: str) -> str:
        """Empty where the key cannot be read."""
        try:
            if self._ids is None:
                self._ids = TraceIds(self._data_dir)
        except MediViewError:
            return ""
        return self._ids.name_of_study(study_instance_uid)


@contextmanager
def traced(settings: Settings, study_instance_uid: str) -> Iterator[None]:
    """Log lines inside have the trace of the study, where traces are sent."""
    name = ""
    if settings.traces_url and study_instance_uid:
        name = TraceNames(settings.data_dir).of_study(study_instance_uid)
    if not name:
        yield
        return
    with structlog.contextvars.bound_contextvars(**{TRACE_ID: name}):
        yield
