"""Tell the audit trail of each request, once it is known how it went.

Innermost of the layers that know who asks. Where the trail fails closed, an
answer leaves only after its event is written.
"""

import base64
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import structlog
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.actor import actor_of
from api.access.principal import principal_of
from api.access.rule_index import RuleIndex
from api.audit_rules import Audited, AuditRule, NotAudited, unknown_method
from api.errors import problem_response, status_of
from api.middleware.request_context import CLIENT_LEFT, route_template
from api.middleware.safe_methods import SAFE_METHODS
from storage.audit import MINOR_FAILURE, SERIOUS_FAILURE, SUCCESS, Audit, AuditEvent, Code
from storage.audit.change_event import JoinedRecord
from storage.core.callers.request_context import Stored, current_request_id, listening
from storage.core.errors import MediViewError
from storage.core.text.outside_text import text_from_outside

log = structlog.get_logger(__name__)

_PATIENT_KEYS = frozenset({"patientid", "00100020"})
_WADO_STUDY = frozenset({"studyuid"})
"""Parameter of WADO-URI (PS3.18 9.1.2.1)."""
_WILDCARDS = frozenset("*?\\")
_QUERY_MAX_CHARACTERS = 4000
_MAX_PARAMETERS = 200
# Parameters of the path that say what was asked for; studies stand for themselves.
_STUDY = "study_instance_uid"
# What is no UID at all may be asked for as one; it is recorded so far as it says what was tried.
_UID_CHARACTERS, _NAMED_CHARACTERS = 64, 256
NAMED_STUDIES = "audit_studies"
"""In the request's state: studies that only the route knows (`name_studies`)."""
NAMED_PATIENTS = "audit_patients"
ADDED_DETAIL = "audit_detail"
"""In the request's state: what the path does not say of what was asked for (`add_detail`)."""
_ANSWERED = frozenset({"http.response.start", "websocket.accept"})
_SWITCHED = 101
_PARTLY = 202
"""STOW-RS took some instances and refused others (PS3.18 10.5.3)."""


def name_studies(
    request: HTTPConnection, *study_instance_uids: str, patients: tuple[str, ...] = ()
) -> None:
    """For a route whose path does not name the study that it shows or changes.

    `patients`: their IDs, where the node need not hold the study that says them.
    """
    state = request.scope.setdefault("state", {})
    state[NAMED_STUDIES], state[NAMED_PATIENTS] = study_instance_uids, patients


def add_detail(request: HTTPConnection, **detail: str | list[str]) -> None:
    """For a route whose body says what its event must tell, such as whom a study is sent to."""
    request.scope.setdefault("state", {})[ADDED_DETAIL] = detail


@dataclass(slots=True)
class _CameIn:
    """What a request brought into the storage, by study."""

    audit: Audit
    studies: dict[str, Counter[str]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    """Studies of which something came that was not here."""

    def take(self, stored: Stored) -> None:
        if stored.outcome != "duplicate":
            self.changed.add(stored.study_instance_uid)
        if stored.outcome == "stored":
            self.audit.series_came(stored.series_instance_uid)
        counts = self.studies.setdefault(stored.study_instance_uid, Counter())
        counts[stored.sop_class_uid] += 1


class AuditTrail:
    """Around the routes: what each request was goes into the trail."""

    def __init__(self, app: ASGIApp, rules: RuleIndex) -> None:
        self.app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        audit: Audit = scope["app"].state.storage.audit
        request = _Request(audit, scope, self._rules)
        refused = False

        async def send_recording(message: Message) -> None:
            nonlocal refused
            if refused:
                return
            if message["type"] in _ANSWERED and not request.is_recorded:
                status = message.get("status", _SWITCHED)
                try:
                    if audit.fail_closed:
                        await run_sync(request.record, status)
                    else:
                        request.record(status)
                except MediViewError as error:
                    refused = True
                    await _refusal(error)(scope, receive, send)
                    return
            await send(message)

        try:
            method = scope.get("method", "GET")
            if method in SAFE_METHODS:
                await self.app(scope, receive, send_recording)
                return
            if audit.fail_closed:
                await run_sync(audit.check)
            if method == "DELETE":
                await run_sync(request.remember_patients)
            with listening(request.came_in.take), request.record_of_change.with_change():
                await self.app(scope, receive, send_recording)
            request.record_rest()
        except MediViewError as error:
            # What a route raises is answered inside; this is of the trail.
            await _refusal(error)(scope, receive, send)
        except BaseException as error:
            if not request.is_recorded:
                request.record(CLIENT_LEFT if isinstance(error, ClientDisconnect) else 500)
            raise


class _Request:
    def __init__(self, audit: Audit, scope: Scope, rules: RuleIndex) -> None:
        self._audit = audit
        self._scope = scope
        self._rules = rules
        self.came_in = _CameIn(audit)
        self.is_recorded = False
        self._patients: tuple[str, ...] = ()
        self.record_of_change = JoinedRecord(audit, self._event_of_change)

    def remember_patients(self) -> None:
        """Whose study it is, before it is gone."""
        # The router has not read the path yet.
        parts = str(self._scope["path"]).split("/")
        uids = [after for before, after in pairwise(parts) if before == "studies"]
        # No study has one that the database does not take; the route says so.
        uids = [uid for uid in uids if "\0" not in uid]
        if uids:
            self._patients = self._audit.patients_of(uids)

    def _event_of_change(self) -> AuditEvent | None:
        what = self._rule()
        if isinstance(what, Audited) and what.with_change and not self.is_recorded:
            return self._event(what, 200)
        return None

    def _rule(self) -> AuditRule | None:
        """None for the viewer's files, and for what is not there."""
        template = route_template(self._scope)
        if template.startswith("("):
            return None
        method = self._scope.get("method", "WEBSOCKET")
        rule = self._rules.of_template(method, template)
        return rule.policy.audit if rule is not None else unknown_method(method)

    def record(self, status: int) -> None:
        """Raises StorageUnavailable, StorageFull where the trail fails closed."""
        self.is_recorded = True
        what = self._rule()
        if what is None or isinstance(what, NotAudited):
            return
        if self.record_of_change.is_committed and status < 400:
            return
        audit = self._audit
        if what.stores:
            self._record_stored(status)
            return
        event = self._event(what, status)
        if what.via and event.study_instance_uids and status < 400:
            # The route may know more of it: a copy that was de-identified is another look.
            via = str(event.detail.get("via", what.via))
            for study in event.study_instance_uids:
                audit.viewed(event.actor, study, via)
            return
        if 400 <= status < 500:
            audit.without_effect(event)
        elif what.repeated:
            audit.repeated(event)
        else:
            audit.record(event)

    def _event(self, what: Audited, status: int) -> AuditEvent:
        method = self._scope.get("method", "WEBSOCKET")
        template = route_template(self._scope)
        parameters: Mapping[str, Any] = self._scope.get("path_params") or {}
        state = self._scope.get("state") or {}
        named = state.get(NAMED_STUDIES, ())
        studies = (str(parameters[_STUDY]),) if _STUDY in parameters else tuple(named)
        if what.via and not studies:
            studies = _values_of(self._scope.get("query_string", b""), _WADO_STUDY)
        studies = _shown(studies, _UID_CHARACTERS)
        event = partial(
            AuditEvent,
            what.code,
            what.action,
            actor_of(self._scope, principal_of(self._scope)),
            outcome=_outcome(status),
            type=what.type,
            study_instance_uids=studies,
            patient_ids=self._patients or state.get(NAMED_PATIENTS, ()),
        )
        detail: dict[str, Any] = {
            name: text_from_outside(str(value), _NAMED_CHARACTERS)
            for name, value in parameters.items()
            if name != _STUDY
        }
        detail |= state.get(ADDED_DETAIL, {})
        if status >= 400:
            detail["status"] = status
        if method not in ("GET", "HEAD") or what.code != Code.QUERY:
            detail["route"] = f"{method} {template}"
        if what.code == Code.QUERY:
            query = self._scope.get("query_string", b"")
            text = f"{self._scope['path']}?{query.decode('latin-1')}"[:_QUERY_MAX_CHARACTERS]
            detail["query"] = base64.b64encode(text.encode()).decode()
            detail["query_uid"] = template
            return event(
                patient_ids=_shown(_patients_asked_for(query), _NAMED_CHARACTERS), detail=detail
            )
        if what.code == Code.INSTANCES_TRANSFERRED:
            detail["toward"] = "actor"
        return event(detail=detail)

    def record_rest(self) -> None:
        """What came in after the answer had begun."""
        if self.is_recorded and self.came_in.studies:
            self._record_stored(200)

    def _record_stored(self, status: int) -> None:
        """An event for each study that something came in for, and one for what was refused."""
        method = self._scope["method"]
        route = f"{method} {route_template(self._scope)}"
        event_of = partial(
            AuditEvent,
            Code.INSTANCES_TRANSFERRED,
            "C",
            actor_of(self._scope, principal_of(self._scope)),
        )
        record = self._audit.record
        while self.came_in.studies:
            uid, counts = self.came_in.studies.popitem()
            detail: dict[str, Any] = {"route": route, "sop_classes": dict(counts), "toward": "node"}
            is_new = uid in self.came_in.changed
            tell = record if is_new else self._audit.without_effect
            tell(event_of(study_instance_uids=(uid,), detail=detail))
        self.came_in.changed.clear()
        if status >= 400 or status == _PARTLY:
            detail = {"route": route, "status": status, "toward": "node"}
            tell = record if status >= 500 else self._audit.without_effect
            tell(event_of(outcome=max(_outcome(status), MINOR_FAILURE), detail=detail))


def _outcome(status: int) -> int:
    if status < 400:
        return SUCCESS
    return MINOR_FAILURE if status < 500 else SERIOUS_FAILURE


def _patients_asked_for(query: bytes) -> tuple[str, ...]:
    """Patients whom a search names outright."""
    return tuple(one for one in _values_of(query, _PATIENT_KEYS) if not _WILDCARDS & set(one))


def _shown(values: Iterable[str], at_most: int) -> tuple[str, ...]:
    return tuple(text_from_outside(one, at_most) for one in values)


def _values_of(query: bytes, names: frozenset[str]) -> tuple[str, ...]:
    try:
        parameters = parse_qsl(query.decode("latin-1"), max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        return ()
    return tuple(dict.fromkeys(value for name, value in parameters if name.lower() in names))


def _refusal(error: MediViewError) -> Any:
    log.error("audit_refused_access", error=error.code)
    return problem_response(
        status_of(error),
        error.code,
        "The request cannot be written into the audit trail, so it is refused.",
        remedy="Try again when the database answers; MEDIVIEW_AUDIT_FAIL_CLOSED asks for this.",
        request_id=current_request_id(),
        headers={"Retry-After": "5"},
    )
