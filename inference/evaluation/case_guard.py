"""What a case of an evaluation may ask of model servers: what a job or a trial may."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

from inference.model_servers.gate import GateStorage, guarded

_storage: ContextVar[GateStorage | None] = ContextVar("evaluating_storage", default=None)


@contextmanager
def evaluating(storage: GateStorage) -> Iterator[None]:
    """Cases in this block keep to the turns and the circuit breakers of `storage`.

    The self-test before them is nobody's study, and calls a server whatever was before.
    """
    token = _storage.set(storage)
    try:
        yield
    finally:
        _storage.reset(token)


@contextmanager
def guarded_case(study_instance_uid: str) -> Iterator[None]:
    """The audit trail hears of each server that is given something of the case's study."""
    storage = _storage.get()
    with nullcontext() if storage is None else guarded(storage, study_instance_uid):
        yield
