"""Rejection notes that were read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, exists, select

from storage import tables as t
from storage.core.entities import Instance
from storage.core.sources import KEY_OBJECT_SELECTION, named_sender
from storage.db.engine import insert_or_ignore, reading, writing
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.rejection_notes.hiding import Hidden, hide_rejected
from storage.rejection_notes.in_force import update_notes_in_force
from storage.rejection_notes.revocation import QUALITY


@dataclass(frozen=True)
class IgnoredNote:
    sender: str
    received_at: datetime


class RejectionNotes:
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

        How many instances are shown again, because it revokes the note that rejected them. One that
        was deleted since it was looked up rejects nothing.
        """
        with writing(self._engine) as connection:
            if not _is_here(connection, note):
                return 0
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
            return update_notes_in_force(connection, note.study_instance_uid, now) if code else 0

    def ignore(self, note: Instance, code: str, now: datetime) -> bool:
        """Keep that a note takes no effect; False where it was read before, or is deleted."""
        with writing(self._engine) as connection:
            return _is_here(connection, note) and insert_or_ignore(
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
                shown[uid] = update_notes_in_force(connection, uid, now)
        return shown

    def apply(self, now: datetime, since: datetime | None = None) -> list[Hidden]:
        """Hide what is rejected and here; how much in which study. `since` as for `unread`."""
        return hide_rejected(self._engine, now, since)


def _is_here(connection: Connection, note: Instance) -> bool:
    """Whether it is stored; who deletes it waits from now on (PostgreSQL), and finds what it
    rejects (`forget_notes`)."""
    study = t.study.c.study_instance_uid == note.study_instance_uid
    connection.execute(select(t.study.c.id).where(study).with_for_update())
    stored = t.instance.c.sop_instance_uid == note.sop_instance_uid
    return bool(connection.scalar(select(exists().where(stored))))
