"""Who may call a model server now: one that failed is left alone, and none is overrun.

What a server does wrong counts against it; what is wrong with one of its models, or with the card
of that, against the model alone.
Inside of a job (`guarded`) failures are counted in the database, for all workers together.
A person who verifies a model, or asks `mediview doctor`, calls it whatever was before.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from inference.model_servers.endpoint import Endpoint
from inference.refusals import (
    ModelServerDeclined,
    ModelServerFailed,
    ModelServerLeftAlone,
    ModelServerOutOfTime,
    ModelUnusable,
)
from storage.audit import NODE, AuditEvent, Code
from storage.container.has import HasAudit, HasCircuitBreakers, HasEngine, HasSettings
from storage.core.clock import utcnow
from storage.deliveries.circuit_breaker import CircuitBreakers, OpenBreaker
from storage.outbox.retry_policies import retry_policy
from storage.processes.turn_taking import turn
from storage.settings import Settings

log = structlog.get_logger(__name__)

_PREFIX = "model-server:"
# What the table of breakers has room for beside a server's name.
_MODEL_AT_MOST = 34


class GateStorage(HasEngine, HasSettings, HasAudit, HasCircuitBreakers, Protocol):
    """What of the storage layer calls of model servers are counted and audited with."""


@dataclass(frozen=True)
class _Guard:
    storage: GateStorage
    study_instance_uid: str
    audited: set[str] = field(default_factory=set)
    """Servers that the audit trail has a record of."""


_guard: ContextVar[_Guard | None] = ContextVar("model_server_guard", default=None)


@contextmanager
def guarded(storage: GateStorage, study_instance_uid: str = "") -> Iterator[None]:
    """Calls in this block keep to the turns and the circuit breakers of `storage`, and the audit
    trail hears of each server that is given something of the study."""
    token = _guard.set(_Guard(storage, study_instance_uid))
    try:
        yield
    finally:
        _guard.reset(token)


@contextmanager
def admitted(endpoint: Endpoint, model: str) -> Iterator[None]:
    """One call. Raises ModelServerLeftAlone where the server or the model failed before, or the
    server is busy, and StorageUnavailable where the audit trail fails closed.

    What the block raises counts as a failure of the server (ModelServerFailed) or of the model
    (ModelUnusable), unless this input alone was declined, or who asked gave too little time.
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
        endpoint.limits.within_s,
    ) as is_free:
        if not is_free:
            raise ModelServerLeftAlone(
                f"{endpoint} was busy with {settings.model_server_at_once} requests of this node"
                f" for {endpoint.limits.within_s:g} s.",
                remedy="Raise MEDIVIEW_MODEL_SERVER_AT_ONCE if it can take more.",
            )
        with _counted(guard, endpoint, model):
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


def note_answer(breakers: CircuitBreakers, server: str, models: Iterable[str]) -> None:
    """They work again, as somebody who tried them has seen: what waits for them need not."""
    for key in (_key(server), *(_key(server, model) for model in models)):
        breakers.answered(key, utcnow())


def failing(settings: Settings, breakers: CircuitBreakers) -> list[OpenBreaker]:
    """Servers of the settings, and models of them, that failed so often in a row that they are
    left alone."""
    named = {one.name for one in settings.model_servers}
    return [
        one
        for one in breakers.all()
        if one.destination.startswith(_PREFIX)
        and _server_and_model(one.destination)[0] in named
        and one.failures >= settings.model_server_failures
    ]


def sentence_of(breaker: OpenBreaker) -> str:
    """A failing server or model in a sentence, with what to do."""
    # While a job tries it, that is how long the others wait for this job at most.
    again = (
        f"A job tries it now, or the next one does after {breaker.open_until:%H:%M:%S} UTC"
        if breaker.open_until > utcnow()
        else "It is tried again with the next job that needs it"
    )
    server, model = _server_and_model(breaker.destination)
    which = f"model {model} of the model server" if model else "model server"
    return (
        f"The {which} {server} failed"
        f" {breaker.failures} times in a row: {breaker.last_error} {again};"
        " `mediview doctor` tries it now."
    )


def _key(server: str, model: str = "") -> str:
    """Of a circuit breaker; a model of a long name has a digest at the end of it."""
    if len(model) > _MODEL_AT_MOST:
        digest = hashlib.sha256(model.encode()).hexdigest()[:8]
        model = f"{model[: _MODEL_AT_MOST - 9]}~{digest}"
    return f"{_PREFIX}{server}/{model}" if model else f"{_PREFIX}{server}"


def _server_and_model(key: str) -> tuple[str, str]:
    server, _, model = key.removeprefix(_PREFIX).partition("/")
    return server, model


@contextmanager
def _counted(guard: _Guard, endpoint: Endpoint, model: str) -> Iterator[None]:
    storage, breakers = guard.storage, guard.storage.circuit_breakers
    of_server, of_model = _key(endpoint.name), _key(endpoint.name, model)
    now = utcnow()
    trial = timedelta(seconds=endpoint.limits.connect_s + endpoint.limits.within_s)
    tolerated = storage.settings.model_server_failures - 1
    for key, failed in ((of_model, f"{model} on {endpoint}"), (of_server, str(endpoint))):
        if not breakers.may_try(key, now, now + trial, tolerated):
            raise ModelServerLeftAlone(
                f"{failed} failed several times in a row and is left alone for a while.",
                remedy="`mediview doctor` says what is wrong with it; it is tried again by itself.",
            )
    # Before anything is asked: that it cannot be recorded says nothing of the server.
    _audit(guard, endpoint)
    answered: tuple[str, ...] = (of_server, of_model)
    try:
        yield
    except ModelServerDeclined:
        raise
    except ModelServerOutOfTime:
        answered = ()
        raise
    except ModelServerFailed as error:
        answered = ()
        _note_failure(storage.settings, storage.circuit_breakers, of_server, error.message)
        raise
    except ModelUnusable as error:
        answered = (of_server,)
        _note_failure(storage.settings, storage.circuit_breakers, of_model, error.message)
        raise
    finally:
        # A caller that was stopped, or needs no more, has had an answer.
        for key in answered:
            breakers.answered(key, utcnow())


def _note_failure(settings: Settings, breakers: CircuitBreakers, key: str, sentence: str) -> None:
    most = settings.model_server_failures
    failures = breakers.failed(key, sentence, utcnow())
    if failures >= most:
        policy = retry_policy(settings, "model_server")
        breakers.open(key, policy.again_at(failures - most + 1, utcnow()))
    server, model = _server_and_model(key)
    log.warning("model_server_failed", server=server, model=model, failures=failures)
