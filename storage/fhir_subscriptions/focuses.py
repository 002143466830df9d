"""Which resources an event of the node is about, as far as a subscriber sees them and asked."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Engine, select

from storage import tables as t
from storage.core.entities import Event
from storage.db.conditions import Condition, any_of
from storage.db.engine import reading
from storage.events.row_mapping import to_event
from storage.fhir_subscriptions.entities import Focus, PatientKey
from storage.fhir_subscriptions.topics import Topic
from storage.findings.conditions import finding_id_in, finding_of_job
from storage.findings.search import find_findings, find_reports
from storage.reports.conditions import report_id_is
from storage.studies.conditions import patient_id_is
from storage.webhooks.payloads import Notice, NoticeData, notices_of, wanted_as

_FINDINGS_AT_ONCE = 500


def focuses_since(
    engine: Engine,
    topic: Topic,
    patients: Sequence[Sequence[PatientKey]],
    position: int,
    at_most: int,
) -> tuple[list[Focus], int]:
    """What changed after the event of number `position`, and the number of the last one read.

    Limited to the studies that the current visibility shows. Raises StorageUnavailable.
    """
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.event)
            .where(t.event.c.event_id > position)
            .order_by(t.event.c.event_id)
            .limit(at_most)
        ).mappings()
        events = [to_event(row) for row in rows]
        wanted = [(one, notice) for one in events for notice in _wanted(connection, topic, one)]
    where = [any_of(*(patient_id_is(*key) for key in keys)) for keys in patients]
    found = [
        Focus(reference, study, event.at)
        for event, notice in wanted
        for reference, study in _resources(engine, topic, notice, where)
    ]
    return found, events[-1].event_id if events else position


def _wanted(connection: Connection, topic: Topic, event: Event) -> list[Notice]:
    families = {name.partition(".")[0] for name in topic.events}
    if event.topic not in families:
        return []
    return [one for one in notices_of(connection, event) if wanted_as(topic.events, one.event_type)]


def _resources(
    engine: Engine, topic: Topic, notice: Notice, where: list[Condition]
) -> Iterator[tuple[str, str]]:
    """References, each with its StudyInstanceUID."""
    match topic.resource_type:
        case "DiagnosticReport":
            report_id = notice.data["report_id"]
            reports, _ = find_reports(engine, [report_id_is(report_id), *where], 1, 0)
            for report in reports:
                yield f"DiagnosticReport/{report_id}", report.entity.study_instance_uid
        case "Observation":
            yield from _observations(engine, notice.data, where)
        case "ImagingStudy":
            study_instance_uid = notice.data["study_instance_uid"]
            if _is_of_patient(engine, study_instance_uid, where):
                yield f"ImagingStudy/{study_instance_uid}", study_instance_uid


def _observations(
    engine: Engine, data: NoticeData, where: list[Condition]
) -> Iterator[tuple[str, str]]:
    if finding_id := data.get("finding_id"):
        those = finding_id_in([finding_id])
    elif job_id := data.get("job_id"):
        those = finding_of_job(job_id)
    else:
        return
    offset, total = 0, 1
    while offset < total:
        found, total = find_findings(engine, [those, *where], _FINDINGS_AT_ONCE, offset)
        for one in found:
            yield f"Observation/{one.entity.finding_id}", one.entity.study_instance_uid
        offset += _FINDINGS_AT_ONCE


def _is_of_patient(engine: Engine, study_instance_uid: str, where: list[Condition]) -> bool:
    joined = t.study.join(t.patient, t.patient.c.id == t.study.c.patient_fk)
    statement = (
        select(t.study.c.id)
        .select_from(joined)
        .where(t.study.c.study_instance_uid == study_instance_uid, *where)
    )
    with reading(engine) as connection:
        return connection.execute(statement).first() is not None
