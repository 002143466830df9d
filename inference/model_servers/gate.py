"""Who may call a model server now: one that failed is left alone, and none is overrun.

Inside of a job (`guarded`) failures are counted in the database, for all workers together.
A person who verifies a model, or asks `mediview doctor`, calls it whatever was before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import structlog

from inference.model_servers.endpoint import Endpoint
from inference.refusals import (
    ModelServerDeclined,
    ModelServerFailed,
    ModelServerLeftAlone,
    ModelUnusable,
)
from storage.audit import NODE, AuditEvent, Code
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.deliveries.circuit_breaker import Breakers, OpenBreaker
from storage.outbox.retry import retry_policy
from storage.processes.turns import turn

log = structlog.get_logger(__name__)

_PREFIX = "model-server:"


@dataclass(frozen=True)
class _Guard:
    storage: Storage
    study_instance_uid: str
    audited: set[str] = field(default_factory=set)
    """Servers that the audit trail has heard of."""


_guard: ContextVar[_Guard | None] = ContextVar("model_server_guard", default=None)


@contextmanager
def guarded(storage: Storage, study_instance_uid: str = "") -> Iterator[None]:
    """Calls in this block keep to the turns and the circuit breakers of `storage`, and the audit
    trail hears of each server that is given something of the study."""
    token = _guard.set(_Guard(storage, study_instance_uid))
    try:
        yield
    finally:
        _guard.reset(token)


@contextmanager
def admitted(endpoint: Endpoint) -> Iterator[None]:
    """One call. Raises ModelServerLeftAlone where the server failed before, or is busy, and
    StorageUnavailable where the audit trail fails closed.

    What the block raises counts as the server's failure, unless it declined this input alone.
    """
    guard = _guard.get()
    if guard is None:
        yield
        return
    settings = guard.storage.settings
    with turn(
        guard.storage.engine,
        settings.data_dir / "model-servers",
        endpoint.name,
        settings.model_server_at_once,
        endpoint.limits.total_s,
    ) as is_free:
        if not is_free:
            raise ModelServerLeftAlone(
                f"{endpoint} was busy with {settings.model_server_at_once} requests of this node"
                f" for {endpoint.limits.total_s:g} s.",
                remedy="Raise MEDIVIEW_MODEL_SERVER_AT_ONCE if it can take more.",
            )
        with _counted(guard, endpoint):
            yield


def _audit(guard: _Guard, endpoint: Endpoint) -> None:
    """Once a job and server: something of the study leaves the node."""
    if endpoint.name in guard.audited:
        return
    uid = guard.study_instance_uid
    guard.storage.audit.record(
        AuditEvent(
            Code.EXPORT,
            "R",
            NODE,
            study_instance_uids=(uid,) if uid else (),
            detail={
                "via": "model server",
                "destination": endpoint.name,
                "toward": "other",
                "other": {"name": endpoint.name, "address": urlsplit(endpoint.url).netloc},
            },
        )
    )
    guard.audited.add(endpoint.name)


def note_answer(breakers: Breakers, name: str) -> None:
    """A server works again, as somebody who tried it has seen: what waits for it need not."""
    breakers.answered(f"{_PREFIX}{name}", utcnow())


def failing(storage: Storage) -> list[OpenBreaker]:
    """Servers of the settings that failed so often in a row that they are left alone."""
    named = {f"{_PREFIX}{one.name}" for one in storage.settings.model_servers}
    return [
        one
        for one in storage.breakers.all()
        if one.destination in named and one.failures >= storage.settings.model_server_failures
    ]


def sentence_of(breaker: OpenBreaker) -> str:
    """A failing server in a sentence, with what to do."""
    again = (
        f"after {breaker.open_until:%H:%M:%S} UTC"
        if breaker.open_until > utcnow()
        else "with the next job that needs it"
    )
    return (
        f"The model server {breaker.destination.removeprefix(_PREFIX)} failed"
        f" {breaker.failures} times in a row: {breaker.last_error} It is tried again {again};"
        " `mediview doctor` tries it now."
    )


@contextmanager
def _counted(guard: _Guard, endpoint: Endpoint) -> Iterator[None]:
    storage = guard.storage
    most, breakers = storage.settings.model_server_failures, storage.breakers
    key = f"{_PREFIX}{endpoint.name}"
    now = utcnow()
    trial = timedelta(seconds=endpoint.limits.connect_s + endpoint.limits.total_s)
    if not breakers.may_try(key, now, now + trial, most - 1):
        raise ModelServerLeftAlone(
            f"{endpoint} failed several times in a row and is left alone for a while.",
            remedy="`mediview doctor` says what is wrong with it; it is tried again by itself.",
        )
    # Before anything is asked: that it cannot be recorded says nothing of the server.
    _audit(guard, endpoint)
    failure: MediViewError | None = None
    try:
        yield
    except (ModelServerFailed, ModelUnusable) as error:
        if not isinstance(error, ModelServerDeclined):
            failure = error
        raise
    finally:
        # A caller that was stopped, or has heard enough, has had an answer.
        if failure is None:
            breakers.answered(key, utcnow())
        else:
            _note_failure(storage, endpoint, key, failure.message)


def _note_failure(storage: Storage, endpoint: Endpoint, key: str, sentence: str) -> None:
    most = storage.settings.model_server_failures
    failures = storage.breakers.failed(key, sentence, utcnow())
    if failures >= most:
        policy = retry_policy(storage.settings, "model_server")
        storage.breakers.open(key, policy.again_at(failures - most + 1, utcnow()))
    log.warning("model_server_failed", server=endpoint.name, failures=failures)
