"""What was deleted, written where the instances are: in the volumes, and in the index.

A tombstone names each deleted instance with the time at which its row's record
arrived, and covers every record of that UID with a lower generation. So a
rebuilt index does not bring it back, while the same instance received again
later is a new record and stays. The content of a conflict that was discarded is
named in the same way, and then the records of that content alone are covered.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from storage import tables as t
from storage.db.engine import insert_into, insert_or_ignore
from storage.db.portions import in_portions
from storage.dicom.digests import digest_of
from storage.volumes.records import Note, ToAppend


@dataclass(frozen=True)
class Deleted:
    """One instance as its row stood when it was deleted."""

    sop_instance_uid: str
    series_instance_uid: str
    received_at: datetime | None
    """None where it is not known: of a deletion that an earlier version noted, read from its copy
    in the bucket, which gives that of the deletion instead."""


@dataclass(frozen=True)
class Discarded:
    """The content of a conflict as its row stood when it was discarded."""

    sop_instance_uid: str
    digest: str
    received_at: datetime | None
    """None as in `Deleted`: no copy in the bucket tells it."""


@dataclass(frozen=True)
class Tombstone:
    study_instance_uid: str
    deleted_at: datetime
    generation: int
    instances: tuple[Deleted, ...] = ()
    contents: tuple[Discarded, ...] = ()

    def record(self) -> ToAppend:
        """The record that says this in a volume."""
        payload = self.payload().encode()
        return ToAppend(self.note(), payload, 0, digest_of(payload))

    def note(self) -> Note:
        return Note("delete", "received", self.deleted_at, self.generation, "tombstone")

    def payload(self) -> str:
        return json.dumps(
            {
                "study_instance_uid": self.study_instance_uid,
                "instances": [
                    [one.sop_instance_uid, one.series_instance_uid, self._stated(one.received_at)]
                    for one in self.instances
                ],
                "contents": [
                    [one.sop_instance_uid, one.digest, self._stated(one.received_at)]
                    for one in self.contents
                ],
            },
            separators=(",", ":"),
        )

    def _stated(self, received_at: datetime | None) -> str:
        return (received_at or self.deleted_at).isoformat()

    @classmethod
    def decode(cls, note: Note, payload: bytes | str) -> "Tombstone":
        fields = json.loads(payload)

        def received(stated: str) -> datetime | None:
            received_at = datetime.fromisoformat(stated)
            return None if received_at == note.received_at else received_at

        return cls(
            fields["study_instance_uid"],
            note.received_at,
            note.generation,
            tuple(
                Deleted(uid, series_uid, received(received_at))
                for uid, series_uid, received_at in fields["instances"]
            ),
            tuple(
                Discarded(uid, digest, received(received_at))
                for uid, digest, received_at in fields.get("contents", ())
            ),
        )


def note_tombstone(connection: Connection, tombstone: Tombstone) -> None:
    """Keep it in the index, once; a time of reception that was not known is filled in."""
    noted = t.tombstone.c
    for one in tombstone.instances:
        values = {
            "sop_instance_uid": one.sop_instance_uid,
            "study_instance_uid": tombstone.study_instance_uid,
            "generation": tombstone.generation,
            "deleted_at": tombstone.deleted_at,
            "received_at": one.received_at,
        }
        if not insert_or_ignore(connection, t.tombstone, values) and one.received_at:
            connection.execute(
                update(t.tombstone)
                .where(
                    noted.sop_instance_uid == one.sop_instance_uid,
                    noted.generation == tombstone.generation,
                    noted.deleted_at == tombstone.deleted_at,
                    or_(noted.received_at.is_(None), noted.received_at == noted.deleted_at),
                )
                .values(received_at=one.received_at)
            )
    for content in tombstone.contents:
        insert_or_ignore(
            connection,
            t.discarded_content,
            {
                "sop_instance_uid": content.sop_instance_uid,
                "digest": content.digest,
                "generation": tombstone.generation,
                "discarded_at": tombstone.deleted_at,
            },
        )
    if tombstone.generation:
        # Where it waits already its row is locked: who copies it to the bucket is to see what was
        # added here (`storage.deletion.copies_in_bucket`).
        number = {"generation": tombstone.generation}
        waits = insert_into(connection, t.uncopied_deletion).values(**number)
        connection.execute(waits.on_conflict_do_update(index_elements=list(number), set_=number))


def want_purged(connection: Connection, sop_instance_uid: str, object_key: str) -> None:
    """Note under the newest tombstone of an instance that this object has to go."""
    newest = (
        select(func.max(t.tombstone.c.generation))
        .where(t.tombstone.c.sop_instance_uid == sop_instance_uid)
        .scalar_subquery()
    )
    connection.execute(
        update(t.tombstone)
        .where(
            t.tombstone.c.sop_instance_uid == sop_instance_uid,
            t.tombstone.c.generation == newest,
        )
        .values(object_key=object_key)
    )


def is_covered(connection: Connection, sop_instance_uid: str, generation: int, digest: str) -> bool:
    """Whether a record of that generation and content was deleted or discarded."""
    return covering_generation(connection, sop_instance_uid, generation, digest) > 0


def covering_generation(
    connection: Connection, sop_instance_uid: str, generation: int, digest: str
) -> int:
    """The newest deletion that covers such a record; 0 where none does."""
    found = covering(connection, sop_instance_uid, generation, digest)
    return max((number for number, _ in found), default=0)


def covering(
    connection: Connection, sop_instance_uid: str, generation: int, digest: str
) -> list[tuple[int, datetime]]:
    """The deletions that cover such a record: their numbers, and when they were made."""
    deleted = select(t.tombstone.c.generation, t.tombstone.c.deleted_at).where(
        t.tombstone.c.sop_instance_uid == sop_instance_uid,
        t.tombstone.c.generation > generation,
    )
    discarded = select(t.discarded_content.c.generation, t.discarded_content.c.discarded_at).where(
        t.discarded_content.c.sop_instance_uid == sop_instance_uid,
        t.discarded_content.c.digest == digest,
        t.discarded_content.c.generation > generation,
    )
    return [(row[0], row[1]) for one in (deleted, discarded) for row in connection.execute(one)]


def is_discarded(discarded: Discarded) -> ColumnElement[bool]:
    """The row of this conflict, unless its content was received again meanwhile."""
    return and_(
        t.conflict.c.sop_instance_uid == discarded.sop_instance_uid,
        t.conflict.c.digest == discarded.digest,
        t.conflict.c.received_at == discarded.received_at,
    )


def still_standing(connection: Connection, tombstone: Tombstone) -> Tombstone:
    """The same, without the instances that have no such row any more."""
    standing: set[str] = set()
    for portion in in_portions(tombstone.instances, 100):
        query = select(t.instance.c.sop_instance_uid).where(exactly(portion))
        standing.update(connection.execute(query).scalars())
    return replace(
        tombstone,
        instances=tuple(one for one in tombstone.instances if one.sop_instance_uid in standing),
    )


def not_noted(connection: Connection, tombstone: Tombstone) -> Tombstone:
    """The same, without instances that the index knows it of: they went, or a hold kept them.

    A number that was lost says nothing of that, nor does a copy that could not tell whether the
    row is the deleted one (`with_times_of_rows`).
    """
    if not tombstone.generation:
        return tombstone
    noted: set[str] = set()
    for portion in in_portions(tombstone.instances, 100):
        query = select(t.tombstone.c.sop_instance_uid).where(
            t.tombstone.c.generation == tombstone.generation,
            t.tombstone.c.sop_instance_uid.in_([one.sop_instance_uid for one in portion]),
            or_(
                t.tombstone.c.received_at.is_(None),
                t.tombstone.c.received_at != t.tombstone.c.deleted_at,
            ),
        )
        noted.update(connection.execute(query).scalars())
    return replace(
        tombstone,
        instances=tuple(one for one in tombstone.instances if one.sop_instance_uid not in noted),
    )


def with_times_of_rows(connection: Connection, tombstone: Tombstone) -> Tombstone:
    """The same, with a time of reception where it is not known: of the row that has to go.

    That is one received before the deletion. A later one was received again, or by a host whose
    clock was ahead: it stays, and is given the time of the deletion, by which `not_noted` lets the
    tombstone of a volume decide.
    """
    rows: dict[str, datetime] = {}
    contents: dict[tuple[str, str], datetime] = {}
    unknown = [one.sop_instance_uid for one in tombstone.instances if one.received_at is None]
    for part in in_portions(unknown):
        of = t.instance.c
        query = select(of.sop_instance_uid, of.received_at).where(of.sop_instance_uid.in_(part))
        rows |= {row[0]: row[1] for row in connection.execute(query)}
    unknown = [one.sop_instance_uid for one in tombstone.contents if one.received_at is None]
    for part in in_portions(unknown):
        of = t.conflict.c
        waiting = select(of.sop_instance_uid, of.digest, of.received_at).where(
            of.sop_instance_uid.in_(part)
        )
        contents |= {(row[0], row[1]): row[2] for row in connection.execute(waiting)}

    def resolved(known: datetime | None, of_row: datetime | None) -> datetime | None:
        return known or (min(of_row, tombstone.deleted_at) if of_row else None)

    return replace(
        tombstone,
        instances=tuple(
            replace(one, received_at=resolved(one.received_at, rows.get(one.sop_instance_uid)))
            for one in tombstone.instances
        ),
        contents=tuple(
            replace(
                one,
                received_at=resolved(
                    one.received_at, contents.get((one.sop_instance_uid, one.digest))
                ),
            )
            for one in tombstone.contents
        ),
    )


def exactly(instances: Sequence[Deleted]) -> Any:
    """The rows of these instances, unless they were received again meanwhile."""
    return or_(
        *(
            (t.instance.c.sop_instance_uid == one.sop_instance_uid)
            & (t.instance.c.received_at == one.received_at)
            for one in instances
        )
    )
