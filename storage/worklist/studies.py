"""The studies that items of the worklist are about."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, select

from storage import tables as t
from storage.access_groups.orders import is_orderers_study
from storage.db.due.studies import mark_due
from storage.db.engine import reading
from storage.index.accession_issuers import may_share_issuer, may_share_issuer_of_study
from storage.index.seen_by_all import is_seen_by_all_of_study
from storage.reports.draft_queue import mark_report_due
from storage.worklist.entities import WorklistItem

_is_of_number = and_(
    t.worklist_item.c.accession_number != "",
    t.worklist_item.c.accession_number == t.study.c.accession_number,
    may_share_issuer(t.worklist_item, t.study),
)


def patient_ids_of(connection: Connection, study_instance_uid: str) -> set[str]:
    """Under which ID the study arrived, and which one its patient has now."""
    study, received = t.study.c, t.received_patient.c
    now = (
        select(t.patient.c.patient_id)
        .join(t.study, study.patient_fk == t.patient.c.id)
        .where(study.study_instance_uid == study_instance_uid)
    )
    arrived = select(received.patient_id).where(received.study_instance_uid == study_instance_uid)
    return set(connection.execute(now.union(arrived)).scalars())


def mark_studies(connection: Connection, worklist_item_id: str, now: datetime) -> None:
    """Rules may ask for orders, and were asked before this one stated what it does now."""
    item, study = t.worklist_item.c, t.study.c
    studies = (
        select(study.study_instance_uid)
        .distinct()
        .join(
            t.worklist_item,
            (item.study_instance_uid == study.study_instance_uid) | _is_of_number,
        )
        .where(item.worklist_item_id == worklist_item_id)
    )
    mark_due(connection, t.order_due, studies, now)


def mark_study(connection: Connection, study_instance_uid: str, now: datetime) -> None:
    """A study with orders that are its own where those see it who order, or see the order."""
    item, study = t.worklist_item.c, t.study.c
    by_number = _is_of_number & (item.study_instance_uid != study.study_instance_uid)
    of_some_groups = (item.study_instance_uid == study.study_instance_uid) & (
        item.orderer_groups.is_not(None)
    )
    studies = (
        select(study.study_instance_uid)
        .distinct()
        .join(t.worklist_item, by_number | of_some_groups)
        .where(study.study_instance_uid == study_instance_uid)
    )
    mark_due(connection, t.order_due, studies, now)
    if connection.execute(_drafted(study_instance_uid, of_some_groups)).first() is not None:
        mark_report_due(connection, study_instance_uid, now)


def _drafted(study_instance_uid: str, is_its_order: ColumnElement[bool]) -> Select[tuple[str]]:
    return (
        select(t.report.c.study_instance_uid)
        .join(t.study, t.study.c.study_instance_uid == t.report.c.study_instance_uid)
        .join(t.worklist_item, is_its_order)
        .where(t.report.c.study_instance_uid == study_instance_uid, t.report.c.state == "draft")
        .limit(1)
    )


def mark_reports(connection: Connection, worklist_item_id: str, now: datetime) -> None:
    """An order may come after the images: what is drafted of its studies lacks its reason."""
    item = t.worklist_item.c
    studies = connection.execute(
        select(t.study.c.study_instance_uid)
        .join(t.report, t.report.c.study_instance_uid == t.study.c.study_instance_uid)
        .join(
            t.worklist_item,
            (item.study_instance_uid == t.study.c.study_instance_uid) | _is_of_number,
        )
        .where(item.worklist_item_id == worklist_item_id, t.report.c.state == "draft")
    ).scalars()
    for study_instance_uid in studies.all():
        mark_report_due(connection, study_instance_uid, now)


def items_of_study(
    engine: Engine, study_instance_uid: str, accession_number: str
) -> Sequence[WorklistItem]:
    """See `Worklist.of_study`."""
    columns = t.worklist_item.c
    items = select(t.worklist_item).where(columns.state != "CANCELED")
    newest_first = items.order_by(columns.updated_at.desc())
    with reading(engine) as connection:
        of_uid = newest_first.where(
            columns.study_instance_uid == study_instance_uid, is_orderers_study(t.worklist_item)
        )
        found = [WorklistItem(**row) for row in connection.execute(of_uid).mappings()]
        if found or not accession_number:
            return found
        of_number = newest_first.where(
            columns.accession_number == accession_number,
            may_share_issuer_of_study(t.worklist_item, study_instance_uid),
            is_seen_by_all_of_study(t.worklist_item, study_instance_uid),
            is_orderers_study(t.worklist_item, study_instance_uid),
        )
        found = [WorklistItem(**row) for row in connection.execute(of_number).mappings()]
        patient_ids = patient_ids_of(connection, study_instance_uid)
    return [one for one in found if one.attributes.get("PatientID", "") in {"", *patient_ids}]
