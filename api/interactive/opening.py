"""Which interactive models there are, and a new session of one."""

from api.access.principal import Principal
from api.interactive.schemas import InteractiveModelPayload, NewInteractiveSession
from inference.broker.notify import wake_interactive
from inference.interactive.models import ClickModel, click_model_named, click_models
from inference.model_registry.status import ModelBlocked, Standing, state_of
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import NotConfigured
from storage.interactive.entities import InteractiveSession
from storage.processes.process_roles import worker_name


def why_unavailable(storage: Storage) -> NotConfigured | None:
    if not storage.settings.interactive_sessions:
        return NotConfigured(
            "This node allows no sessions of interactive models.",
            remedy="Set MEDIVIEW_INTERACTIVE_SESSIONS to how many people may have one at once.",
        )
    if not storage.heartbeats.is_alive(worker_name("interactive"), utcnow()):
        return NotConfigured(
            "No worker for interactive models gives a sign of life.",
            remedy="Start one on a host with memory for them: mediview worker --queue interactive",
        )
    return None


def _blocked(storage: Storage, model: ClickModel) -> str:
    record = storage.model_states.get(model.card.name, model.card.version)
    return Standing(model, state_of(model.card, record), record).blocked


def model_payload(storage: Storage, model: ClickModel) -> InteractiveModelPayload:
    reason = _blocked(storage, model)
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
        is_ready=not reason,
        reason=reason,
    )


def open_session(
    storage: Storage, principal: Principal, new: NewInteractiveSession
) -> InteractiveSession:
    storage.index.series(new.study_instance_uid, new.series_instance_uid)
    unavailable = why_unavailable(storage)
    if unavailable is not None:
        raise unavailable
    named = [
        one
        for one in click_models(storage.settings)
        if new.model in (one.name, one.model.name) and not _blocked(storage, one)
    ]
    model = click_model_named(named or click_models(storage.settings), new.model)
    if blocked := _blocked(storage, model):
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
