"""What a series is beside the others of its study: known where somebody has stated the study."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from pydicom.dataset import Dataset

from inference.series_classification.ct_phase import (
    ContrastPhase,
    CtSeries,
    contrast_phases,
    ct_series,
)

_STUDY: ContextVar[Callable[[], Sequence[CtSeries]] | None] = ContextVar("study", default=None)


@contextmanager
def of_study(read: Callable[[], Sequence[CtSeries]]) -> Iterator[None]:
    """Within it series are judged beside what `read` gives, which is called where it is needed."""
    token = _STUDY.set(read)
    try:
        yield
    finally:
        _STUDY.reset(token)


def contrast_phase(headers: Sequence[Dataset]) -> ContrastPhase:
    """Of a CT series, or a stack of one; by its own headers alone where the study is not known,
    and of a series of another study. Empty where nothing tells it."""
    own = ct_series(headers)
    if own is None:
        return ""
    read = _STUDY.get()
    others = [] if read is None else read()
    if not any(one.study_instance_uid == own.study_instance_uid for one in others):
        others = []
    beside = [one for one in others if one.key != own.key]
    return contrast_phases([*beside, own]).get(own.key, "")
