"""The chain over the audit events: sealing them, and cutting off what is too old.

Each event's hash takes in its predecessor's, so that a person who changes, removes
or inserts one has to rewrite all that follow. With a key (HMAC-SHA256, RFC 2104)
that takes the key too, which is not in the database.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    Connection,
    Engine,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from storage import tables as t
from storage.db.engine import reading, writing

FIRST_HASH = "0" * 64
_LOCK = 0x6D76_6175
_SEALED_AT_ONCE = 500
_REMOVED_AT_ONCE = 2000
# Counts of a minute that has passed may come this late.
_GRACE = timedelta(seconds=15)
_LONGEST_WINDOW = timedelta(minutes=2)
_CONTENT = (
    "audit_id code type_code action outcome actor_kind actor_name actor_address process"
    " request_id study_instance_uids patient_ids occurrences detail"
).split()


@dataclass(frozen=True)
class Link:
    """A place in the chain: `position` counts from 1, 0 is before the first event."""

    position: int
    hash: str


@dataclass(frozen=True)
class Keys:
    """The secrets of the chain: the first seals, the others are known from former times."""

    secrets: tuple[bytes, ...] = ()

    @classmethod
    def read(cls, text: str) -> "Keys":
        """Secrets separated by commas, the current one first."""
        return cls(tuple(one.strip().encode() for one in text.split(",") if one.strip()))

    @property
    def current(self) -> str:
        """The name of the key that seals, empty where none does."""
        return _name(self.secrets[0]) if self.secrets else ""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(_name(one) for one in self.secrets)

    def digest(self, name: str, content: bytes) -> str:
        """The hash of the content under the key of that name; empty: without any."""
        if not name:
            return hashlib.sha256(content).hexdigest()
        secret = next(one for one in self.secrets if _name(one) == name)
        return hmac.new(secret, content, "sha256").hexdigest()

    def mac(self, name: str, link: Link) -> str:
        """What only a holder of the current key can say of a place in the chain."""
        if not self.secrets:
            return ""
        return self.digest(self.current, f"{name} {link.position} {link.hash}".encode())

    def macs(self, name: str, link: Link) -> set[str]:
        """What holders of the current key and of those before it say of a place."""
        return {Keys((one,)).mac(name, link) for one in self.secrets}


def _name(secret: bytes) -> str:
    return hashlib.sha256(b"mediview audit key\0" + secret).hexdigest()[:16]


def content_of(row: RowMapping, position: int, before: str) -> bytes:
    """What is hashed of an event: its predecessor's hash, its place, all that it says."""
    at: datetime = row["at"]
    content = {name: row[name] for name in _CONTENT}
    if row["actor_id"]:
        # Older events have none, and their hashes stay as they are.
        content["actor_id"] = row["actor_id"]
    content |= {
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "before": before,
        "position": position,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def seal(engine: Engine, keys: Keys, now: datetime) -> int:
    """Give the events that are complete their place in the chain; how many were given one.

    One sealer at a time, over all processes; call it again until it returns 0.
    """
    with writing(engine) as connection:
        take_lock(connection)
        head = link(connection, "head") or Link(0, FIRST_HASH)
        rows = list(
            connection.execute(
                select(t.audit_event)
                .where(
                    t.audit_event.c.chain_index.is_(None),
                    or_(
                        t.audit_event.c.window_ends_at.is_(None),
                        t.audit_event.c.window_ends_at < now - _GRACE,
                        # Of a time before the clock was set back: nothing is counted there now.
                        t.audit_event.c.window_ends_at > now + _LONGEST_WINDOW,
                    ),
                )
                .order_by(t.audit_event.c.audit_id)
                .limit(_SEALED_AT_ONCE)
                .with_for_update()
            ).mappings()
        )
        if not rows:
            return 0
        sealed = []
        for row in rows:
            position = head.position + 1
            digest = keys.digest(keys.current, content_of(row, position, head.hash))
            head = Link(position, digest)
            sealed.append({"row": row["audit_id"], "place": position, "digest": digest})
        connection.execute(
            update(t.audit_event)
            .where(t.audit_event.c.audit_id == bindparam("row"))
            .values(
                chain_index=bindparam("place"),
                chain_hash=bindparam("digest"),
                chain_key=keys.current,
                window_key=None,
            ),
            sealed,
        )
        set_link(connection, "head", head, keys, now)
        return len(rows)


def adopt(engine: Engine, keys: Keys, now: datetime) -> bool:
    """Sign the chain's ends of a time without a key, once there is one; whether that was done.

    A chain that a key ever sealed is left as it is: blanked signatures are found out.
    """
    if not keys.secrets:
        return False
    with writing(engine) as connection:
        take_lock(connection)
        keyed = select(t.audit_event.c.audit_id).where(t.audit_event.c.chain_key != "").limit(1)
        unsigned = (
            connection.execute(
                select(t.audit_chain.c.name).where(
                    t.audit_chain.c.name.in_(("base", "head")), t.audit_chain.c.mac == ""
                )
            )
            .scalars()
            .all()
        )
        if not unsigned or connection.execute(keyed).first() is not None:
            return False
        for name in unsigned:
            place = link(connection, name)
            if place is not None:
                set_link(connection, name, place, keys, now)
    return True


def cut(engine: Engine, keys: Keys, before: datetime, sent_to: int, now: datetime) -> int:
    """Remove events older than `before` from the chain's beginning; how many.

    Never what follows a younger one, nor what has not been sent to every sink,
    up to position `sent_to`. The rest stays verifiable from the cut on.
    """
    with writing(engine) as connection:
        take_lock(connection)
        base = link(connection, "base") or Link(0, FIRST_HASH)
        event = t.audit_event
        youngest = connection.execute(
            select(func.min(event.c.chain_index)).where(
                event.c.chain_index > base.position, event.c.at >= before
            )
        ).scalar()
        last = min(sent_to, base.position + _REMOVED_AT_ONCE)
        if youngest is not None:
            last = min(last, youngest - 1)
        digest = connection.execute(
            select(event.c.chain_hash).where(event.c.chain_index == last)
        ).scalar()
        if last <= base.position or digest is None:
            return 0
        gone = select(event.c.audit_id).where(event.c.chain_index <= last)
        connection.execute(delete(t.audit_subject).where(t.audit_subject.c.audit_id.in_(gone)))
        connection.execute(delete(event).where(event.c.chain_index <= last))
        set_link(connection, "base", Link(last, digest), keys, now)
        return last - base.position


def take_lock(connection: Connection) -> None:
    """Be the only one at the chain until the transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def link(connection: Connection, name: str) -> Link | None:
    """A remembered place in the chain."""
    row = connection.execute(
        select(t.audit_chain.c.position, t.audit_chain.c.hash).where(t.audit_chain.c.name == name)
    ).first()
    return None if row is None else Link(row.position, row.hash)


def head_of(engine: Engine) -> Link:
    """The newest sealed event; position 0 where none is sealed."""
    with reading(engine) as connection:
        return link(connection, "head") or Link(0, FIRST_HASH)


def links(connection: Connection, names: Sequence[str]) -> list[int]:
    """Positions under names, 0 where there is none."""
    found = {name: link(connection, name) for name in names}
    return [0 if one is None else one.position for one in found.values()]


def why_distrusted(connection: Connection, keys: Keys, name: str, base: Link, head: Link) -> str:
    """Why the place that a sink is to have got to was not written by a node; empty where it was.

    Somebody who put it forward would keep from the sink what lies between. One before the chain's
    beginning is of a sink that was switched off while retention went on, and keeps nothing back.
    """
    place = link(connection, name)
    if place is None or place.position < base.position or place.position == 0:
        return ""
    noted = f"The note of what {name} has got, {place.position},"
    if place.position > head.position:
        return f"{noted} lies after the chain's end, {head.position}."
    event = t.audit_event.c
    sealed = connection.execute(
        select(event.chain_hash, event.chain_key).where(event.chain_index == place.position)
    ).first()
    if place != base and (sealed is None or sealed.chain_hash != place.hash):
        return f"{noted} is not a place in the chain."
    mac = connection.execute(select(t.audit_chain.c.mac).where(t.audit_chain.c.name == name))
    stored = mac.scalar_one()
    is_of_before = not stored and (sealed is None or not sealed.chain_key)
    if keys.secrets and not is_of_before and stored not in keys.macs(name, place):
        return f"{noted} was not written with a key of this node."
    return ""


def set_link(connection: Connection, name: str, place: Link, keys: Keys, now: datetime) -> None:
    values = {
        "position": place.position,
        "hash": place.hash,
        "mac": keys.mac(name, place),
        "updated_at": now,
    }
    changed = connection.execute(
        update(t.audit_chain)
        .where(t.audit_chain.c.name == name)
        .values(**values)
        .returning(t.audit_chain.c.name)
    ).first()
    if changed is None:
        connection.execute(insert(t.audit_chain).values(name=name, **values))
