"""Hiding what rejection notes in force name, and showing again what none names any more.

An instance is hidden by a flag in its row: its bytes are stored, verified and uploaded as all
others.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, exists, select, update

from storage import tables as t
from storage.core.sources import named_sender
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.deliveries.cancellation import cancel_rejected, resume_rejected
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event
from storage.peers.notifications import by_series, want_notified


@dataclass(frozen=True)
class Hidden:
    study_instance_uid: str
    instances: int
    senders: tuple[str, ...] = ()
    """Of the notes: by which way they came, and from whom."""


def hide_rejected(engine: Engine, now: datetime, since: datetime | None = None) -> list[Hidden]:
    """Hide what is rejected and here; how much in which study. `since` spares old series."""
    with reading(engine) as connection:
        # Most rounds find nothing, and need not keep those waiting who write.
        is_grown = connection.scalar(select(exists().where(*_grown(since))))
        if not (is_grown or _instances(connection, *_PENDING)):
            return []
    with writing(engine) as connection:
        rows = _instances(connection, *_PENDING)
        hidden = [one for one in rows if not one.is_rejected]
        _mark(connection, rows)
        _set_rejected(connection, hidden, now, is_rejected=True)
        connection.execute(update(t.series).where(*_grown(since)).values(is_rejected=False))
        counted = Counter(one.study_instance_uid for one in hidden)
        return [
            Hidden(
                study,
                count,
                _senders(
                    connection,
                    study,
                    [one.sop_instance_uid for one in hidden if one.study_instance_uid == study],
                ),
            )
            for study, count in sorted(counted.items())
        ]


def _senders(
    connection: Connection, study_instance_uid: str, sop_instance_uids: Sequence[str]
) -> tuple[str, ...]:
    """From whom the notes of a study came that reject these."""
    names = t.rejection.c
    sources: set[str] = set()
    for part in in_portions(sop_instance_uids):
        query = (
            select(t.instance.c.source)
            .distinct()
            .join(t.rejection, names.note_sop_instance_uid == t.instance.c.sop_instance_uid)
            .where(names.study_instance_uid == study_instance_uid, names.sop_instance_uid.in_(part))
        )
        sources.update(connection.execute(query).scalars())
    return tuple(sorted(map(named_sender, sources)))


def show_unnamed(connection: Connection, sop_instance_uids: Sequence[str], now: datetime) -> int:
    """Show again what of these no note rejects any more; how many that are."""
    count = 0
    for part in in_portions(sop_instance_uids):
        shown = _instances(
            connection,
            t.instance.c.sop_instance_uid.in_(part),
            t.instance.c.is_rejected,
            ~exists().where(*_NAMED_IN_STUDY),
        )
        _set_rejected(connection, shown, now, is_rejected=False)
        count += len(shown)
    return count


def hide_again(connection: Connection) -> None:
    """Of an index that was made again from the volumes: what is rejected is hidden again."""
    connection.execute(update(t.rejection).values(is_applied=False))


@dataclass(frozen=True)
class _Row:
    row_id: int
    sop_instance_uid: str
    series_fk: int
    is_rejected: bool
    sop_class_uid: str
    series_instance_uid: str
    study_instance_uid: str


def _instances(connection: Connection, *conditions: ColumnElement[bool]) -> list[_Row]:
    rows = connection.execute(
        select(
            t.instance.c.id,
            t.instance.c.sop_instance_uid,
            t.instance.c.series_fk,
            t.instance.c.is_rejected,
            t.instance.c.sop_class_uid,
            t.series.c.series_instance_uid,
            t.study.c.study_instance_uid,
        )
        .join(t.series, t.instance.c.series_fk == t.series.c.id)
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(*conditions)
    )
    return [_Row(*row) for row in rows]


def _mark(connection: Connection, rows: Sequence[_Row]) -> None:
    for uids in in_portions([one.sop_instance_uid for one in rows]):
        named = t.rejection.c.sop_instance_uid.in_(uids)
        connection.execute(update(t.rejection).where(named).values(is_applied=True))


def _set_rejected(
    connection: Connection, rows: Sequence[_Row], now: datetime, *, is_rejected: bool
) -> None:
    """Received series complete once more, over what is left; those with nothing left are hidden."""
    for part in in_portions([one.row_id for one in rows]):
        connection.execute(
            update(t.instance).where(t.instance.c.id.in_(part)).values(is_rejected=is_rejected)
        )
    change_deliveries = cancel_rejected if is_rejected else resume_rejected
    change_deliveries(connection, [one.sop_instance_uid for one in rows], now)
    for study_instance_uid in sorted({one.study_instance_uid for one in rows}):
        of_study = [one for one in rows if one.study_instance_uid == study_instance_uid]
        gone = by_series(of_study) if is_rejected else None
        want_notified(connection, "ian", study_instance_uid, now, gone=gone)
    for part in in_portions(sorted({one.series_fk for one in rows})):
        of_part = t.series.c.id.in_(part)
        connection.execute(
            update(t.series)
            .where(of_part, t.series.c.origin == "received")
            .values(state="RECEIVING", last_instance_at=now)
        )
        connection.execute(update(t.series).where(of_part).values(is_rejected=~_HAS_VISIBLE))
    for study in sorted({one.study_instance_uid for one in rows}):
        add_event(connection, now, "study", study, payload=StudyEvent(change="rejections_changed"))


def _grown(since: datetime | None) -> list[ColumnElement[bool]]:
    """Of a series of which all was hidden and that got another instance."""
    recent = [] if since is None else [t.series.c.last_instance_at >= since]
    return [t.series.c.is_rejected, _HAS_VISIBLE, *recent]


# A note in force speaks of its own study alone.
_NAMED_IN_STUDY = (
    t.rejection.c.sop_instance_uid == t.instance.c.sop_instance_uid,
    t.rejection.c.study_instance_uid == t.study.c.study_instance_uid,
    t.rejection.c.note_sop_instance_uid.not_in(
        select(t.rejection_note.c.sop_instance_uid).where(t.rejection_note.c.is_revoked)
    ),
)
_PENDING = (
    t.instance.c.sop_instance_uid.in_(
        select(t.rejection.c.sop_instance_uid).where(~t.rejection.c.is_applied)
    ),
    exists().where(*_NAMED_IN_STUDY, ~t.rejection.c.is_applied),
)
_HAS_VISIBLE = exists().where(t.instance.c.series_fk == t.series.c.id, ~t.instance.c.is_rejected)
