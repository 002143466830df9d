"""Which interactive models there are, and a new session of one."""

from typing import Protocol

from api.access.principal import Principal
from api.interactive.schemas import InteractiveModelPayload, NewInteractiveSession
from inference.broker.notify import wake_interactive
from inference.interactive.models import ClickModel, click_model_named, click_models
from inference.model_registry.status import ModelBlocked, Standing, state_of
from storage.container.has import (
    HasHeartbeats,
    HasIndex,
    HasInteractiveSessions,
    HasModelStates,
    HasSettings,
)
from storage.core.clock import utcnow
from storage.core.errors import NotConfigured
from storage.interactive.entities import InteractiveSession
from storage.model_registry.registry import ModelStates
from storage.processes.heartbeats import Heartbeats
from storage.processes.process_roles import worker_name
from storage.settings import Settings


class OpeningStorage(
    HasSettings, HasIndex, HasModelStates, HasHeartbeats, HasInteractiveSessions, Protocol
):
    """What of the storage layer a session is opened with."""


def why_unavailable(settings: Settings, heartbeats: Heartbeats) -> NotConfigured | None:
    if not settings.interactive_sessions:
        return NotConfigured(
            "This node allows no sessions of interactive models.",
            remedy="Set MEDIVIEW_INTERACTIVE_SESSIONS to how many people may have one at once.",
        )
    if not heartbeats.is_alive(worker_name("interactive"), utcnow()):
        return NotConfigured(
            "No worker for interactive models gives a sign of life.",
            remedy="Start one on a host with memory for them: mediview worker --queue interactive",
        )
    return None


def _blocked(states: ModelStates, model: ClickModel) -> str:
    record = states.get(model.card.name, model.card.version)
    return Standing(model, state_of(model.card, record), record).blocked


def model_payload(states: ModelStates, model: ClickModel) -> InteractiveModelPayload:
    reason = _blocked(states, model)
    if not reason:
        readiness = model.readiness()
        reason = "" if readiness.ready else readiness.detail
    return InteractiveModelPayload(
        name=model.name,
        version=model.version,
        title=model.title,
        description=model.description,
        modality=model.model.modality,
        structures=list(model.structures),
        needs_structure=model.needs_structure,
        interactions=list(model.interactions),
        takes_initial_mask=model.takes_initial_mask,
        is_ready=not reason,
        reason=reason,
    )


def open_session(
    storage: OpeningStorage, principal: Principal, new: NewInteractiveSession
) -> InteractiveSession:
    storage.index.series(new.study_instance_uid, new.series_instance_uid)
    unavailable = why_unavailable(storage.settings, storage.heartbeats)
    if unavailable is not None:
        raise unavailable
    named = [
        one
        for one in click_models(storage.settings)
        if new.model in (one.name, one.model.name) and not _blocked(storage.model_states, one)
    ]
    model = click_model_named(named or click_models(storage.settings), new.model)
    if blocked := _blocked(storage.model_states, model):
        raise ModelBlocked(blocked)
    session = storage.interactive_sessions.open(
        new.study_instance_uid,
        new.series_instance_uid,
        model.name,
        model.version,
        model.structure(new.structure),
        principal.identity.id,
        storage.settings.interactive_sessions,
        utcnow(),
    )
    wake_interactive(storage.settings)
    return session
