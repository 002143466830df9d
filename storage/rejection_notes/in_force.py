"""Which rejection notes are in force, kept up to date as notes come and go."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from storage import tables as t
from storage.db.portions import in_portions
from storage.rejection_notes.hiding import show_unnamed
from storage.rejection_notes.revocation import revoked_notes


def update_notes_in_force(connection: Connection, study_instance_uid: str, now: datetime) -> int:
    """Bring up to date which notes of a study are in force; how many instances are shown again.

    What is to be hidden again waits for `hide_rejected`.
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
        shown += show_unnamed(connection, list(connection.execute(named).scalars()), now)
    return shown


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
    show_unnamed(connection, named, now)
    for study in changed:
        update_notes_in_force(connection, study, now)
