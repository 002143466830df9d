"""Rejection notes that were read, and hiding what they reject.

An instance is hidden by a flag in its row: its bytes are kept, verified and uploaded as all
others. What no note rejects any more is shown again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, delete, exists, select, update

from storage import tables as t
from storage.core.entities import Instance
from storage.core.sources import KEY_OBJECT_SELECTION, named_sender
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.portions import in_portions
from storage.deliveries.cancellation import cancel_rejected, resume_rejected
from storage.events.repository import add_event
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.rejections.revocation import QUALITY, revoked_notes


@dataclass(frozen=True)
class Hidden:
    study_instance_uid: str
    instances: int
    senders: tuple[str, ...] = ()
    """Of the notes: by which way they came, and from whom."""


@dataclass(frozen=True)
class IgnoredNote:
    sender: str
    received_at: datetime


class Rejections:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unread(
        self, limit: int, since: datetime | None = None, but: Collection[str] = ()
    ) -> list[Instance]:
        """Received Key Object Selections that nobody has looked at, also those that another one
        rejects, the newest first; `since` spares old series, and `but` leaves some out."""
        conditions = [
            t.series.c.modality == "KO",
            t.series.c.origin == "received",
            t.series.c.state.in_(("RECEIVING", "COMPLETE")),
            t.instance.c.sop_class_uid == KEY_OBJECT_SELECTION,
            ~exists().where(t.rejection_note.c.sop_instance_uid == t.instance.c.sop_instance_uid),
        ]
        if since is not None:
            conditions.append(t.series.c.last_instance_at >= since)
        if but:
            conditions.append(t.instance.c.sop_instance_uid.not_in(but))
        query = select_stored_instances(*conditions).order_by(t.series.c.last_instance_at.desc())
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(limit))
            return [to_instance(row) for row in rows.mappings()]

    def read(self, note: Instance, code: str, rejected: Collection[str], now: datetime) -> int:
        """What a note rejects; nothing with an empty code. Again: nothing changes.

        How many instances are shown again, because it revokes the note that rejected them.
        """
        with writing(self._engine) as connection:
            is_new = insert_or_ignore(
                connection,
                t.rejection_note,
                {
                    "sop_instance_uid": note.sop_instance_uid,
                    "study_instance_uid": note.study_instance_uid,
                    "code": code,
                    "read_at": now,
                },
            )
            if not is_new:
                return 0
            for sop_instance_uid in sorted(rejected):
                insert_or_ignore(
                    connection,
                    t.rejection,
                    {
                        "note_sop_instance_uid": note.sop_instance_uid,
                        "sop_instance_uid": sop_instance_uid,
                        "study_instance_uid": note.study_instance_uid,
                    },
                )
            return _revoke(connection, note.study_instance_uid, now) if code else 0

    def ignore(self, note: Instance, code: str, now: datetime) -> bool:
        """Keep that a note takes no effect; False where it was read before."""
        with writing(self._engine) as connection:
            return insert_or_ignore(
                connection,
                t.rejection_note,
                {
                    "sop_instance_uid": note.sop_instance_uid,
                    "study_instance_uid": note.study_instance_uid,
                    "code": "",
                    "ignored_code": code,
                    "read_at": now,
                },
            )

    def ignored(self, study_instance_uid: str) -> list[IgnoredNote]:
        """Notes of a study whose senders may not reject, the first ones first."""
        note, stored = t.rejection_note.c, t.instance.c
        query = (
            select(stored.source, stored.received_at)
            .join(t.rejection_note, note.sop_instance_uid == stored.sop_instance_uid)
            .where(note.study_instance_uid == study_instance_uid, note.ignored_code != "")
            .order_by(stored.received_at)
        )
        with reading(self._engine) as connection:
            return [IgnoredNote(named_sender(one), at) for one, at in connection.execute(query)]

    def judge(self, limit: int, after: str, now: datetime) -> Mapping[str, int]:
        """Bring up to date which notes are in force, of studies in which one rejects another.

        How many instances are shown again, by study: at most `limit`, of the UIDs after that one.
        What former versions read was not judged.
        """
        note, names = t.rejection_note.c, t.rejection.c
        study = note.study_instance_uid
        query = (
            select(study)
            .distinct()
            .join(t.rejection, names.sop_instance_uid == note.sop_instance_uid)
            .where(
                note.code == QUALITY,
                ~note.is_revoked,
                names.note_sop_instance_uid != note.sop_instance_uid,
                names.study_instance_uid == study,
                study > after,
            )
            .order_by(study)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            studies = list(connection.execute(query).scalars())
        shown = {}
        for uid in studies:
            with writing(self._engine) as connection:
                shown[uid] = _revoke(connection, uid, now)
        return shown

    def apply(self, now: datetime, since: datetime | None = None) -> list[Hidden]:
        """Hide what is rejected and here; how much in which study. `since` as for `unread`."""
        with reading(self._engine) as connection:
            # Most rounds find nothing, and need not keep those waiting who write.
            is_grown = connection.scalar(select(exists().where(*_grown(since))))
            if not (is_grown or _instances(connection, *_PENDING)):
                return []
        with writing(self._engine) as connection:
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


def forget_notes(connection: Connection, sop_instance_uids: Sequence[str], now: datetime) -> None:
    """In the transaction that deletes instances: what only notes among them rejected is shown.

    A rejected one that comes again is hidden again.
    """
    connection.execute(
        update(t.rejection)
        .where(t.rejection.c.sop_instance_uid.in_(sop_instance_uids))
        .values(is_applied=False)
    )
    studies = connection.execute(
        delete(t.rejection_note)
        .where(t.rejection_note.c.sop_instance_uid.in_(sop_instance_uids))
        .returning(t.rejection_note.c.study_instance_uid)
    )
    changed = sorted(set(studies.scalars()))
    of_notes = t.rejection.c.note_sop_instance_uid.in_(sop_instance_uids)
    named = list(
        connection.execute(select(t.rejection.c.sop_instance_uid).where(of_notes)).scalars()
    )
    connection.execute(delete(t.rejection).where(of_notes))
    _show(connection, named, now)
    for study in changed:
        _revoke(connection, study, now)


def _show(connection: Connection, sop_instance_uids: Sequence[str], now: datetime) -> int:
    """How many of these no note rejects any more, and are shown again."""
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


def _revoke(connection: Connection, study_instance_uid: str, now: datetime) -> int:
    """Bring up to date which notes of a study are in force; how many instances are shown again.

    What is to be hidden again waits for `apply`.
    """
    note, names = t.rejection_note.c, t.rejection.c
    of_study = note.study_instance_uid == study_instance_uid
    notes = connection.execute(
        select(note.sop_instance_uid, note.code, note.is_revoked).where(of_study, note.code != "")
    ).all()
    rejected: defaultdict[str, set[str]] = defaultdict(set)
    for by, other in connection.execute(
        select(names.note_sop_instance_uid, names.sop_instance_uid)
        .join(t.rejection_note, note.sop_instance_uid == names.sop_instance_uid)
        .where(of_study, names.study_instance_uid == study_instance_uid)
    ):
        rejected[by].add(other)
    before = {one.sop_instance_uid for one in notes if one.is_revoked}
    revoked = revoked_notes({one.sop_instance_uid: one.code for one in notes}, rejected)
    for uids, is_revoked in ((revoked - before, True), (before - revoked, False)):
        for part in in_portions(sorted(uids)):
            connection.execute(
                update(t.rejection_note)
                .where(note.sop_instance_uid.in_(part))
                .values(is_revoked=is_revoked)
            )
    for part in in_portions(sorted(before - revoked)):
        connection.execute(
            update(t.rejection)
            .where(names.note_sop_instance_uid.in_(part))
            .values(is_applied=False)
        )
    shown = 0
    for part in in_portions(sorted(revoked - before)):
        named = select(names.sop_instance_uid).where(names.note_sop_instance_uid.in_(part))
        shown += _show(connection, list(connection.execute(named).scalars()), now)
    return shown


def hide_again(connection: Connection) -> None:
    """Of an index that was made again from the volumes: what is rejected is hidden again."""
    connection.execute(update(t.rejection).values(is_applied=False))


@dataclass(frozen=True)
class _Row:
    row_id: int
    sop_instance_uid: str
    series_fk: int
    is_rejected: bool
    study_instance_uid: str


def _instances(connection: Connection, *conditions: ColumnElement[bool]) -> list[_Row]:
    rows = connection.execute(
        select(
            t.instance.c.id,
            t.instance.c.sop_instance_uid,
            t.instance.c.series_fk,
            t.instance.c.is_rejected,
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
    for part in in_portions(sorted({one.series_fk for one in rows})):
        of_part = t.series.c.id.in_(part)
        connection.execute(
            update(t.series)
            .where(of_part, t.series.c.origin == "received")
            .values(state="RECEIVING", last_instance_at=now)
        )
        connection.execute(update(t.series).where(of_part).values(is_rejected=~_HAS_VISIBLE))
    for study in sorted({one.study_instance_uid for one in rows}):
        add_event(connection, now, "study", study, payload={"change": "rejections_changed"})


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
