"""What a study is still needed for: running work, results that are owed, open tasks of people."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, literal, or_, select

from storage import tables as t
from storage.core.entities import OPEN_STATES
from storage.core.errors import StateConflict
from storage.db.engine import reading
from storage.reports.entities import SIGNED_STATES

ObligationKind = Literal[
    "legal_hold",
    "receiving",
    "job",
    "withdrawal",
    "delivery",
    "release",
    "unconfirmed",
    "routing",
    "hl7",
    "hl7_failed",
    "report_due",
    "draft",
    "report",
    "feedback",
    "alert",
    "workitem",
    "conflict",
]
"""`unconfirmed`: a delivery that was sent and whose destination could not be asked for proof.
`draft`: an unsigned report that nobody has touched; `report`: one that a person has written in, or
that is on its way to its destinations."""


@dataclass(frozen=True)
class Obligation:
    kind: ObligationKind
    count: int
    owed_to: str = ""
    """The destination of results."""


class Obligations:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of_studies(self, study_instance_uids: Sequence[str]) -> dict[str, list[Obligation]]:
        with reading(self._engine) as connection:
            return _obligations(connection, study_instance_uids)

    def check(
        self,
        study_instance_uid: str,
        updated_at: datetime,
        counts: Callable[[Obligation], bool],
    ) -> Callable[[Connection], None]:
        """For `Deletions.study`: raises StateConflict where something came up since the decision.

        `updated_at`: of the study as it was decided on. `counts`: which obligations matter.
        """

        def check(connection: Connection) -> None:
            found = _obligations(connection, [study_instance_uid])[study_instance_uid]
            now = connection.execute(
                select(t.study.c.updated_at).where(
                    t.study.c.study_instance_uid == study_instance_uid
                )
            ).scalar()
            if now != updated_at or any(counts(one) for one in found):
                raise StateConflict("The study has changed since it was decided to remove it.")

        return check


def _obligations(
    connection: Connection, study_instance_uids: Sequence[str]
) -> dict[str, list[Obligation]]:
    found: dict[str, list[Obligation]] = {uid: [] for uid in study_instance_uids}
    for kind, query in _queries(study_instance_uids).items():
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for uid, owed_to, count in connection.execute(query):
            counts[uid, owed_to] += count
        for (uid, owed_to), count in sorted(counts.items()):
            found[uid].append(Obligation(kind, count, owed_to))
    return found


def _queries(uids: Sequence[str]) -> dict[ObligationKind, Select[str, str, int]]:
    """Rows of study, to whom something is owed, and how many."""
    job, report, delivery, hl7 = t.job.c, t.report.c, t.delivery.c, t.hl7_message.c
    unsigned = report.state.not_in(SIGNED_STATES)
    return {
        "legal_hold": _count(t.legal_hold.c.study_instance_uid, uids),
        "receiving": _count(t.study.c.study_instance_uid, uids)
        .join_from(t.study, t.series, t.series.c.study_fk == t.study.c.id)
        .where(t.series.c.state == "RECEIVING", t.series.c.origin == "received"),
        "job": _count(job.study_instance_uid, uids).where(job.state.in_(OPEN_STATES)),
        "withdrawal": _count(job.study_instance_uid, uids).where(
            job.ending == "superseded", job.withdrawn_at.is_(None)
        ),
        "delivery": _count(delivery.study_instance_uid, uids, delivery.destination).where(
            delivery.state.in_(("PENDING", "SENDING", "REFUSED"))
        ),
        "release": _count(delivery.study_instance_uid, uids, delivery.destination).where(
            delivery.state == "AWAITING_RELEASE"
        ),
        "unconfirmed": _count(delivery.study_instance_uid, uids, delivery.destination).where(
            delivery.state == "SENT"
        ),
        "routing": _count(t.study.c.study_instance_uid, uids).where(
            or_(t.study.c.route_at.is_not(None), _has_unrouted_series())
        ),
        "hl7": _count(hl7.study_instance_uid, uids, hl7.destination).where(
            hl7.state.in_(("PENDING", "SENDING"))
        ),
        "hl7_failed": _count(hl7.study_instance_uid, uids, hl7.destination).where(
            hl7.state == "DEAD"
        ),
        "report_due": _count(t.report_due.c.study_instance_uid, uids),
        "draft": _count(report.study_instance_uid, uids).where(unsigned, report.changed_by == ""),
        "report": _count(report.study_instance_uid, uids).where(
            or_(
                unsigned & (report.changed_by != ""),
                report.publish_version > report.published_version,
                report.superseded_at.is_not(None)
                & (
                    report.withdrawal_notified_at.is_(None)
                    | (report.withdrawal_notified_at != report.superseded_at)
                ),
            )
        ),
        "feedback": _count(t.finding_feedback.c.study_instance_uid, uids).where(
            ~t.finding_feedback.c.is_reported
        ),
        "alert": _count(t.alert.c.study_instance_uid, uids).where(t.alert.c.state == "OPEN"),
        "workitem": _count(t.work_item.c.study_instance_uid, uids).where(
            t.work_item.c.state.in_(OPEN_STATES)
        ),
        "conflict": _count(t.study.c.study_instance_uid, uids)
        .join_from(t.study, t.series, t.series.c.study_fk == t.study.c.id)
        .join(t.instance, t.instance.c.series_fk == t.series.c.id)
        .join(t.conflict, t.conflict.c.sop_instance_uid == t.instance.c.sop_instance_uid),
    }


def _has_unrouted_series() -> ColumnElement[bool]:
    """The rules of routing have not been asked about all that was received."""
    return (
        select(t.series.c.id)
        .where(
            t.series.c.study_fk == t.study.c.id,
            t.series.c.origin == "received",
            t.series.c.routed_fingerprint != t.series.c.fingerprint,
        )
        .exists()
    )


def _count(
    study: ColumnElement[str], uids: Sequence[str], owed_to: ColumnElement[str] | None = None
) -> Select[str, str, int]:
    to = literal("") if owed_to is None else owed_to
    return select(study, to, func.count()).where(study.in_(uids)).group_by(study, to)
