"""Events that the node makes itself: of a study in the viewer, and of a judged finding."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import structlog

from api.access.principal import Principal
from api.fhircast.event_patients import is_about
from api.fhircast.members import SharingStorage
from inference.fhir.observation import observation
from inference.fhir.result_report import result_report
from inference.fhir.subject import accession_of, order_of, patient_of
from inference.fhir.types import uid_identifier
from inference.findings.derived import void_among
from storage.core.clock import rfc3339, utcnow
from storage.core.entities import Study
from storage.core.errors import MediViewError, VersionConflict
from storage.core.findings import Finding
from storage.fhircast.entities import Context
from storage.fhircast.messages import OWN_IDS, CastMessage, Json
from storage.findings.conditions import finding_id_in
from storage.findings.search import find_findings

log = structlog.get_logger(__name__)

_TRIES = 3


def announce_study(
    storage: SharingStorage,
    principal: Principal,
    study_instance_uid: str,
    change: Literal["open", "close"],
) -> CastMessage:
    """Raises NotFound, TooManyRequests."""
    study = storage.index.study(study_instance_uid)
    events, now = storage.fhircast_events, utcnow()
    by = principal.identity.id
    topic = storage.fhircast_topics.of(principal.identity, now, principal.groups).topic
    contexts = events.contexts(topic)
    for one in contexts:
        # The report that the node opened goes with its study.
        is_of_node = one.opened.event_id.startswith(OWN_IDS)
        is_other = one.study_instance_uid != study_instance_uid or change == "close"
        if one.anchor == "DiagnosticReport" and is_of_node and is_other:
            events.announce(
                _event(topic, f"{one.anchor}-close", one.opened.event["context"], now), now, by=by
            )
    if change == "open" and _is_open(contexts, study):
        return contexts[-1].opened
    message = _event(topic, f"ImagingStudy-{change}", study_context(study), now)
    return events.announce(message, now, by=by)


def share_feedback(storage: SharingStorage, principal: Principal, finding: Finding) -> list[str]:
    """Send a judged finding to those who have its study open; the names of who listens.

    It changes nothing for who judged: what cannot be sent is logged.
    """
    if not storage.settings.fhircast:
        return []
    try:
        return _share(storage, principal, finding)
    except MediViewError as error:
        log.warning("finding_not_shared", finding_id=finding.finding_id, error=error.code)
        return []


def study_context(study: Study) -> list[Json]:
    """Study and patient, as far as another system needs them to find the study (3.5.1)."""
    identifiers = [uid_identifier(study.study_instance_uid)]
    if study.accession_number.strip():
        identifiers.append(accession_of(study))
    orders = order_of(study)
    patient = patient_of(study).to_json()
    # A resource of its own here, with the id by which the study names it.
    patient["id"] = f"of-{study.study_instance_uid}"[:64]
    shown: Json = {
        "resourceType": "ImagingStudy",
        "id": study.study_instance_uid,
        "identifier": [one.to_json() for one in identifiers],
        "status": "available",
        "subject": {"reference": f"Patient/{patient['id']}"},
    }
    if orders:
        shown["basedOn"] = [one.to_json() for one in orders]
    return [
        {"key": "study", "resource": shown},
        {"key": "patient", "resource": {"resourceType": "Patient", **patient}},
    ]


def _is_open(contexts: Sequence[Context], study: Study) -> bool:
    """Whether it is the current context already, as where another system has just opened it."""
    current = contexts[-1] if contexts else None
    return (
        current is not None
        and current.study_instance_uid == study.study_instance_uid
        and is_about(current.opened, study)
    )


def _share(storage: SharingStorage, principal: Principal, finding: Finding) -> list[str]:
    events, now = storage.fhircast_events, utcnow()
    topic = storage.fhircast_topics.find_of(principal.identity.id)
    if topic is None:
        return []
    contexts = events.contexts(topic.topic)
    study = storage.index.study(finding.study_instance_uid)
    if not _is_open(contexts, study):
        return []
    names = storage.fhircast_subscriptions.connected(topic.topic)
    if not names:
        return []
    found, _ = find_findings(storage.engine, [finding_id_in([finding.finding_id])], 1, 0)
    feedback = storage.finding_feedback.of_findings([finding.finding_id])[finding.finding_id]
    is_void = bool(void_among(storage.findings, storage.finding_feedback, [finding]))
    stated = observation(found[0], study, feedback, is_void=is_void)
    if contexts[-1].anchor != "DiagnosticReport":
        job = storage.jobs.get(finding.job_id)
        report = result_report(job, study, [stated], now, is_withdrawn=found[0].is_withdrawn)
        context = [{"key": "report", "resource": report.to_json()}, *study_context(study)]
        opening = _event(topic.topic, "DiagnosticReport-open", context, now)
        events.announce(opening, now, by=topic.owner_id)
    for left in reversed(range(_TRIES)):
        report_context = events.contexts(topic.topic)[-1]
        if report_context.anchor != "DiagnosticReport":
            return []
        try:
            update = _update(report_context, stated.to_json(), now)
            events.announce(update, now, by=topic.owner_id)
        except VersionConflict:
            # Another system shares something at the same time.
            if not left:
                raise
        else:
            return names
    return []


def _update(context: Context, resource: Json, now: datetime) -> CastMessage:
    anchor: Json = {
        "resourceType": "DiagnosticReport",
        "id": context.opened.resource_id,
        "status": context.opened.resources("report")[0].get("status", "unknown"),
    }
    bundle = {
        "resourceType": "Bundle",
        "id": str(uuid.uuid4()),
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"Observation/{resource['id']}",
                "request": {"method": "PUT", "url": f"Observation/{resource['id']}"},
                "resource": resource,
            }
        ],
    }
    keys = [{"key": "report", "resource": anchor}, {"key": "updates", "resource": bundle}]
    message = _event(context.opened.topic, "DiagnosticReport-update", keys, now)
    return message.with_versions(context.version_id)


def _event(topic: str, name: str, context: list[Any], now: datetime) -> CastMessage:
    event = {"hub.topic": topic, "hub.event": name, "context": context}
    message = {"timestamp": rfc3339(now), "id": f"{OWN_IDS}{uuid.uuid4()}", "event": event}
    return CastMessage(message, name, topic)
