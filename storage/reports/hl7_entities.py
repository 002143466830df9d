"""A message to an HL7 system, and which messages belong together."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, FromClause, and_, or_, select

from storage import tables as t

Hl7State = Literal["PENDING", "SENDING", "ACCEPTED", "DEAD"]


@dataclass(frozen=True)
class Hl7Message:
    """ACCEPTED: the system answered AA or CA. DEAD: it refused for good, or was tried too often."""

    message_id: str
    destination: str
    report_id: str
    report_version: int
    study_instance_uid: str
    control_id: str
    """MSH-10: the same at each attempt, so that the receiver can tell a repetition."""
    state: Hl7State
    attempts: int
    next_attempt_at: datetime
    last_error: str
    created_at: datetime
    updated_at: datetime
    superseded_at: datetime | None = None
    """Of a message that withdraws: when results under the version were withdrawn."""


def to_hl7_message(row: Any) -> Hl7Message:
    return Hl7Message(**{name: row[name] for name in Hl7Message.__dataclass_fields__})


_ABOUT = ("study_instance_uid", "report_id", "destination")


def of_same_report(other: FromClause, this: FromClause | Hl7Message) -> ColumnElement[bool]:
    """Messages about one report to one system."""
    values = this if isinstance(this, Hl7Message) else this.c
    return and_(*(other.c[name] == getattr(values, name) for name in _ABOUT))


def is_overtaken(connection: Connection, message: Hl7Message) -> bool:
    """By version, a notice after its version, and of two notices the one about the last
    withdrawal. No time says it: the clock may have been set back between."""
    newer = t.hl7_message.c
    of_version: ColumnElement[bool] = newer.superseded_at.is_not(None)
    if message.superseded_at is not None:
        last = select(t.report.c.superseded_at).where(t.report.c.report_id == message.report_id)
        of_version = and_(
            newer.superseded_at != message.superseded_at,
            newer.superseded_at == last.scalar_subquery(),
        )
    query = select(newer.message_id).where(
        of_same_report(t.hl7_message, message),
        newer.state == "ACCEPTED",
        or_(
            newer.report_version > message.report_version,
            and_(newer.report_version == message.report_version, of_version),
        ),
    )
    return connection.execute(query.limit(1)).first() is not None
