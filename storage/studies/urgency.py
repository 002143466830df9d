"""How soon a person should look at a study: what the study list says."""

from collections.abc import Sequence
from typing import Literal, get_args

from sqlalchemy import ColumnElement, Engine, Table, and_, case, exists, func, or_, select

from storage import tables as t
from storage.access_groups.orders import is_orderers_study
from storage.db.engine import reading
from storage.index.accession_issuers import may_share_issuer
from storage.index.seen_by_all import seen_by_all_of

Urgency = Literal["reported", "unreported", "unread", "high", "stat", "critical"]
URGENCIES: tuple[Urgency, ...] = get_args(Urgency)
"""Rising: the last is the most urgent."""


def urgency() -> ColumnElement[int]:
    """The place of the row of `study` in `URGENCIES`."""
    of_study = t.study.c.study_instance_uid
    signed = _has(
        t.report,
        t.report.c.study_instance_uid == of_study,
        t.report.c.state.in_(("final", "amended")),
    )
    seen = _has(
        t.report, t.report.c.study_instance_uid == of_study, t.report.c.state == "preliminary"
    )
    open_alert = _has(t.alert, t.alert.c.study_instance_uid == of_study, t.alert.c.state == "OPEN")
    findings = _has(t.finding, t.finding.c.study_instance_uid == of_study)
    return case(
        (open_alert, URGENCIES.index("critical")),
        (signed, URGENCIES.index("reported")),
        (_ordered("STAT"), URGENCIES.index("stat")),
        (_ordered("HIGH"), URGENCIES.index("high")),
        (and_(findings, ~seen), URGENCIES.index("unread")),
        else_=URGENCIES.index("unreported"),
    )


class Urgencies:
    """Read for the studies that are shown."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_studies(self, study_instance_uids: Sequence[str]) -> dict[str, Urgency]:
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.study.c.study_instance_uid, urgency()).where(
                    t.study.c.study_instance_uid.in_(study_instance_uids)
                )
            ).all()
        return {uid: URGENCIES[place] for uid, place in rows}


def _ordered(priority: str) -> ColumnElement[bool]:
    """By Requested Procedure Priority (0040,1003), PS3.3 C.4.11; HL7 orders are mapped to it."""
    order = t.worklist_item.c
    study, number = t.study.c.study_instance_uid, t.study.c.accession_number
    stands = order.state != "CANCELED"
    is_such = order.attributes["RequestedProcedurePriority"].as_string() == priority
    # Two questions, each with an index of its own.
    return or_(
        _has(
            t.worklist_item,
            order.study_instance_uid == study,
            stands,
            is_such,
            is_orderers_study(t.worklist_item),
        ),
        and_(
            number != "",
            _has(
                t.worklist_item,
                order.accession_number == number,
                may_share_issuer(t.worklist_item, t.study),
                stands,
                is_such,
                # Each site gives out its own numbers: the conditions of `Worklist.of_study`.
                _is_of_its_patient(),
                is_orderers_study(t.worklist_item, study),
                seen_by_all_of(t.study, t.worklist_item),
            ),
        ),
    )


def _is_of_its_patient() -> ColumnElement[bool]:
    """Whether the row of `worklist_item` states the patient of that of `study`, or none."""
    stated = func.coalesce(t.worklist_item.c.attributes["PatientID"].as_string(), "")
    now, arrived = t.patient.alias(), t.received_patient.alias()
    is_now = exists().where(now.c.id == t.study.c.patient_fk, now.c.patient_id == stated)
    has_arrived = exists().where(
        arrived.c.study_instance_uid == t.study.c.study_instance_uid,
        arrived.c.patient_id == stated,
    )
    of_both = (t.study, t.worklist_item)
    return or_(stated == "", is_now.correlate(*of_both), has_arrived.correlate(*of_both))


def _has(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(table.c[table.primary_key.columns.keys()[0]])
        .where(*conditions)
        .correlate(t.study)
        .exists()
    )
