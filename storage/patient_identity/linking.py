"""Add links between IDs, and take them back."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from storage import tables as t
from storage.core.errors import StateConflict
from storage.patient_identity.checks import check_count
from storage.patient_identity.entities import Origin, PatientChange, PatientKey, Statement
from storage.patient_identity.insert_change import insert_change
from storage.patient_identity.lookup import changes_around, to_change
from storage.patient_identity.reassignment import reassign

Pair = frozenset[PatientKey]


def add_link(
    connection: Connection, link: Statement, origin: Origin, part: int, now: datetime
) -> str | None:
    """The change's ID; None where the two are linked already, or are one patient by a merge.

    Raises StateConflict for an ID and itself, and where too many changes are around them.
    """
    pair = frozenset(link.keys)
    if len(pair) < 2:
        raise StateConflict(
            "Both patients of the link have the same ID.", remedy="Check both IDs and issuers."
        )
    changes = changes_around(connection, {one.patient_id for one in pair})
    if len({changes.survivor(one) for one in pair}) < 2:
        return None
    if any(pair_of(one) == pair for one in changes.links):
        return None
    check_count(changes)
    return insert_change(connection, link, (), origin, part, now)


def end_links(
    connection: Connection, ended: Iterable[PatientChange], origin: Origin, now: datetime
) -> tuple[list[str], list[str]]:
    """Take links back: the IDs of these changes, and the studies that count otherwise now."""
    ended = list(ended)
    if not ended:
        return [], []
    c = t.patient_change.c
    change_ids = [one.change_id for one in ended]
    patient_ids = {key.patient_id for one in ended for key in one.keys}
    around = changes_around(connection, patient_ids)
    connection.execute(
        update(t.patient_change)
        .where(c.change_id.in_(change_ids))
        .values(
            undone_at=now,
            undone_by=origin.stated_by,
            undone_by_id=origin.stated_by_id,
            undo_reason=origin.reason,
        )
    )
    return change_ids, reassign(connection, {*patient_ids, *around.patient_ids}, now)


def links_between(connection: Connection, keys: Sequence[PatientKey]) -> list[PatientChange]:
    """Those in force that lead from one of these IDs to another of them."""
    changes = changes_around(connection, {one.patient_id for one in keys})
    return [one for one in changes.links if one.keys <= set(keys)]


def replace_links(
    connection: Connection, links: Sequence[Statement], origin: Origin, now: datetime
) -> tuple[list[str], list[str]]:
    """Bring the links of one cross-reference manager up to date: it names all IDs of one patient.

    Its links that lead from one of these IDs elsewhere end; those of others stay. What somebody
    else took back of its links is not linked again.
    """
    keys = {key for one in links for key in one.keys}
    changes = changes_around(connection, {one.patient_id for one in keys})
    elsewhere = [
        one
        for one in changes.links
        if one.sender == origin.sender and one.keys & keys and not one.keys <= keys
    ]
    change_ids, studies = end_links(connection, elsewhere, origin, now)
    taken_back = _taken_back(connection, keys, origin)
    for link in links:
        if len(set(link.keys)) < 2 or pair_of(link) in taken_back:
            continue
        change_id = add_link(connection, link, origin, len(change_ids), now)
        if change_id is not None:
            change_ids.append(change_id)
            studies += reassign(connection, {one.patient_id for one in link.keys}, now)
    return change_ids, studies


def _taken_back(connection: Connection, keys: Collection[PatientKey], origin: Origin) -> set[Pair]:
    """Links of a sender that somebody else took back, unless they were made again since."""
    c = t.patient_change.c
    rows = connection.execute(
        select(t.patient_change)
        .where(
            c.kind == "link",
            c.sender == origin.sender,
            c.patient_id.in_({one.patient_id for one in keys}),
        )
        .order_by(c.id)
    ).mappings()
    newest = {pair_of(one): one for one in map(to_change, rows)}
    return {
        pair
        for pair, one in newest.items()
        if one.undone_at is not None and one.undone_by != origin.stated_by
    }


def pair_of(link: Statement | PatientChange) -> Pair:
    return frozenset(link.keys)
