"""Record changes of whose studies are, and undo them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from storage import tables as t
from storage.core.errors import InvalidRequest, NotFound, StateConflict
from storage.db.engine import reading, writing
from storage.db.pages import read_page
from storage.patient_identity.checks import (
    applies_to,
    check_count,
    check_merge,
    described_by,
    is_repeated,
    is_shared,
    key_under,
    news_of,
    without_reverting,
)
from storage.patient_identity.entities import (
    ChangeKind,
    Origin,
    PatientChange,
    PatientKey,
    Statement,
)
from storage.patient_identity.insert_change import insert_change
from storage.patient_identity.linking import add_link, end_links, links_between, replace_links
from storage.patient_identity.links import has_links, linked_keys
from storage.patient_identity.lookup import (
    changes_and_patients,
    changes_around,
    lock_changes,
    to_change,
)
from storage.patient_identity.messages import forget_old, is_known, remember, stated_since
from storage.patient_identity.reassignment import reassign
from storage.patient_identity.resolution import resembles
from storage.patient_identity.room import PatientRoom

_MOST_LINKED = 10
"""Each is asked for in other archives."""


@dataclass(frozen=True)
class Recorded:
    """What came of statements: the changes, and the studies that have another patient now."""

    change_ids: tuple[str, ...]
    study_instance_uids: tuple[str, ...]


class PatientChanges:
    """What was corrected, merged and moved, by messages and by administrators."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._room = PatientRoom(engine)

    def forget_old_messages(self, now: datetime) -> None:
        """A year after they came, whatever was recorded of them; what was recorded stays."""
        with writing(self._engine) as connection:
            forget_old(connection, now)

    def record(
        self, statements: Sequence[Statement], origin: Origin, now: datetime
    ) -> Recorded | None:
        """All of one message, or nothing of it; None where that message was recorded before.

        A merge that is in force already, and demographics that are stated already, add nothing. Of
        an event that is older than another of the same patient, that counts which nobody stated.
        Raises StateConflict for what contradicts a change in force, or where it is not clear
        which of several people is meant; NoRoom.
        """
        with writing(self._engine) as connection:
            lock_changes(connection)
            if is_known(connection, origin):
                return None
            self._room.count(connection)
            change_ids, studies, unrecorded = [], [], []
            of_site = [one.of_site() for one in statements]
            for part, one in enumerate(of_site):
                try:
                    change_id = _record(connection, one, origin, part, now)
                except _NotKnown:
                    unrecorded.append(one)
                    continue
                if change_id is None:
                    continue
                change_ids.append(change_id)
                studies += reassign(connection, _patient_ids(one), now, _studies(one))
            noted = remember(connection, of_site, unrecorded, origin, now)
            self._room.take(connection, changes=len(change_ids), messages=noted)
            return Recorded(tuple(change_ids), tuple(dict.fromkeys(studies)))

    def move(self, statement: Statement, origin: Origin, now: datetime) -> Recorded:
        """Give one study another patient. Raises NotFound, InvalidRequest, StateConflict."""
        statement = statement.of_site()
        key, stated = statement.key, statement.demographics
        study_instance_uid = statement.study_instance_uid
        with reading(self._engine) as connection:
            changes, found = changes_and_patients(
                connection, [key.patient_id], [study_instance_uid]
            )
        if study_instance_uid not in found:
            raise NotFound(
                f"The node holds no study {study_instance_uid}.", remedy="Check the UID."
            )
        current = changes.patient_of(study_instance_uid, found[study_instance_uid])
        arrived = {
            uid: one.person
            for uid, one in found.items()
            if key_under(statement, changes, one) == key
        }
        # A name tells who of them is meant, or that it is somebody else.
        is_chosen = bool(stated.patient_name) and is_shared(key, changes, arrived.values())
        is_theirs = current.key.of_issuer(statement.site_issuer) == changes.survivor(key)
        if is_theirs and not (is_chosen and not resembles(current.person, described_by(statement))):
            raise InvalidRequest("The study is that patient's already.", remedy="Check the ID.")
        is_known = bool(changes.known_persons(key)) or bool(arrived.keys() - {study_instance_uid})
        if is_known and stated.patient_name is not None and not is_chosen:
            raise InvalidRequest(
                "This node knows the patient: name, birth date and sex are those it has.",
                remedy="Leave them out; an ADT^A08 corrects them.",
            )
        if not is_known and not stated.patient_name:
            raise InvalidRequest(
                "This node does not know the patient.",
                remedy="Check ID and issuer, or state the name as well.",
            )
        recorded = self.record([statement], origin, now)
        if recorded is None:
            raise StateConflict("The change was recorded before.", remedy="Look at the list.")
        return recorded

    def unlink(
        self, keys: Sequence[PatientKey], origin: Origin, now: datetime, site_issuer: str = ""
    ) -> Recorded:
        """Take back all links between IDs, of all who stated some; nothing where there are none."""
        of_site = [one.of_issuer(site_issuer) for one in keys]
        with writing(self._engine) as connection:
            lock_changes(connection)
            ended = links_between(connection, of_site)
            change_ids, studies = end_links(connection, ended, origin, now)
            return Recorded(tuple(change_ids), tuple(dict.fromkeys(studies)))

    def cross_reference(
        self, keys: Sequence[PatientKey], origin: Origin, now: datetime, site_issuer: str = ""
    ) -> Recorded:
        """All IDs of one patient, as a cross-reference manager (IHE PIX) names them.

        They are linked, and what the same manager linked with one of them before and does not name
        any more is not. A link of it that a person took back stays so. Raises StateConflict.
        """
        first, *others = dict.fromkeys(one.of_issuer(site_issuer) for one in keys)
        # Alone, too: it may have been linked before.
        links = [
            Statement("link", first, prior=other, site_issuer=site_issuer)
            for other in others or [first]
        ]
        with writing(self._engine) as connection:
            lock_changes(connection)
            change_ids, studies = replace_links(connection, links, origin, now)
            self._room.take(connection, changes=len(change_ids), messages=0)
            return Recorded(tuple(change_ids), tuple(dict.fromkeys(studies)))

    def undo(self, change_id: str, origin: Origin, now: datetime) -> Recorded:
        """Leave a change out from now on; the others stay. Raises NotFound, StateConflict."""
        c = t.patient_change.c
        with writing(self._engine) as connection:
            lock_changes(connection)
            row = (
                connection.execute(select(t.patient_change).where(c.change_id == change_id))
                .mappings()
                .first()
            )
            if row is None:
                raise _not_found(change_id)
            change = to_change(row)
            if change.undone_at is not None:
                raise StateConflict(
                    f"The change {change_id} was undone before.", remedy="There is nothing to do."
                )
            # With all that it leads to, as long as it does.
            around = changes_around(connection, {key.patient_id for key in change.keys})
            connection.execute(
                update(t.patient_change)
                .where(c.change_id == change_id)
                .values(
                    undone_at=now,
                    undone_by=origin.stated_by,
                    undone_by_id=origin.stated_by_id,
                    undo_reason=origin.reason,
                )
            )
            moved = [change.study_instance_uid] if change.study_instance_uid else []
            studies = reassign(connection, around.patient_ids, now, moved)
            return Recorded((change_id,), tuple(studies))

    def knows(self, keys: Sequence[PatientKey]) -> bool:
        """Whether studies or links of one of these IDs are here, of any issuer."""
        patient_ids = {one.patient_id for one in keys}
        with reading(self._engine) as connection:
            here = select(t.patient.c.id).where(t.patient.c.patient_id.in_(patient_ids)).limit(1)
            return connection.execute(here).first() is not None or any(
                has_links(connection, one) for one in patient_ids
            )

    def linked_with(self, key: PatientKey, site_issuer: str = "") -> list[PatientKey]:
        """The other IDs of a patient by the links in force, ten at most."""
        key = key.of_issuer(site_issuer)
        with reading(self._engine) as connection:
            if not has_links(connection, key.patient_id):
                return []
            groups = linked_keys(changes_around(connection, [key.patient_id]))
        group = groups.get(key)
        return [one for one in sorted(groups) if one != key and groups[one] == group][:_MOST_LINKED]

    def get(self, change_id: str) -> PatientChange:
        """Raises NotFound."""
        query = select(t.patient_change).where(t.patient_change.c.change_id == change_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise _not_found(change_id)
        return to_change(row)

    def page(
        self, limit: int, offset: int, patient_id: str = "", kind: ChangeKind | None = None
    ) -> tuple[list[PatientChange], int]:
        """The newest first, those undone as well, and how many there are in all."""
        c = t.patient_change.c
        query = select(t.patient_change)
        if patient_id:
            query = query.where((c.patient_id == patient_id) | (c.prior_patient_id == patient_id))
        if kind is not None:
            query = query.where(c.kind == kind)
        with reading(self._engine) as connection:
            rows, total = read_page(connection, query.order_by(c.id.desc()), limit, offset)
            return [to_change(row) for row in rows], total


class _NotKnown(Exception):
    """A patient is registered whom the node does not know."""


def _record(
    connection: Connection, statement: Statement, origin: Origin, part: int, now: datetime
) -> str | None:
    """The change's ID; None where it says nothing new. Raises _NotKnown."""
    if statement.kind == "link":
        return add_link(connection, statement, origin, part, now)
    patient_ids = _patient_ids(statement)
    changes, found = changes_and_patients(connection, patient_ids, _studies(statement))
    check_merge(statement, changes)
    moved = set(changes.moved_studies)
    arrived = [one for uid, one in found.items() if uid not in moved]
    unrecorded = stated_since(connection, statement, origin)
    counting = statement
    if unrecorded is not None:
        counting = without_reverting(statement, unrecorded, changes, arrived)
    news = news_of(counting, statement, changes)
    if news is None:
        return None
    # The name that was stated tells who is meant, also where it does not count itself.
    applied_to = applies_to(statement, changes, arrived)
    if not (news.corrects or applied_to or changes.known_persons(news.key)):
        raise _NotKnown
    if is_repeated(news, statement, changes, applied_to):
        return None
    # After all that adds nothing, which is accepted however many changes there are.
    check_count(changes)
    return insert_change(connection, news, applied_to, origin, part, now)


def _patient_ids(statement: Statement) -> set[str]:
    prior = statement.prior.patient_id if statement.prior is not None else ""
    return {statement.key.patient_id, prior} - {""}


def _studies(statement: Statement) -> list[str]:
    return [statement.study_instance_uid] if statement.study_instance_uid else []


def _not_found(change_id: str) -> NotFound:
    return NotFound(
        f"There is no change {change_id} of a patient.",
        remedy="`mediview patients list` and GET /api/patient-changes show them.",
    )
