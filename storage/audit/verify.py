"""Does the chain still hold? The first event that was changed, removed or inserted is named.

What this proves: no sealed event between the chain's base and its head was
altered by someone who did not also rewrite everything after it, with the key
where there is one. What it cannot prove by itself: that the end was not cut off
and the head set back, or, without a key, that the whole was not rewritten. Both
need a head that was noted elsewhere (`anchors`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, func, select

from storage import tables as t
from storage.audit.chain import FIRST_HASH, Keys, Link, content_of, link, why_distrusted
from storage.audit.rows import subjects_of
from storage.db.engine import reading_one_state
from storage.db.portions import in_portions

_PAGE = 2000


@dataclass(frozen=True)
class ChainCheck:
    """`problem` is empty where the chain holds; else it is a sentence without patient data."""

    base: Link
    head: Link
    checked: int
    unsealed: int
    """Events that are too young to have been sealed; nothing vouches for them yet."""
    keyed_from: int | None
    """The first position that a key sealed; None where none did."""
    anchors: int = 0
    """How many noted heads the chain was compared with."""
    problem: str = ""
    position: int | None = None
    """Where the problem lies."""

    @property
    def holds(self) -> bool:
        return not self.problem


class _Broken(Exception):
    def __init__(self, position: int, sentence: str) -> None:
        super().__init__(sentence)
        self.position = position


def verify_chain(
    engine: Engine, keys: Keys, anchors: Sequence[Link] = (), sinks: Sequence[str] = ()
) -> ChainCheck:
    """Walk the whole chain; read the anchors before.

    `sinks`: the names of those that are to get every event. Raises StorageUnavailable.
    """
    with reading_one_state(engine) as connection:
        base = link(connection, "base") or Link(0, FIRST_HASH)
        head = link(connection, "head") or Link(0, FIRST_HASH)
        walk = _Walk(connection, keys, base)
        problem, position = "", None
        try:
            walk.check_mac("base", base)
            walk.check_beginning()
            walk.go({one.position: one.hash for one in anchors})
            walk.check_mac("head", head)
            walk.end(head, anchors)
            walk.check_sinks(head, sinks)
        except _Broken as broken:
            problem, position = str(broken), broken.position
        unsealed = connection.execute(
            select(func.count())
            .select_from(t.audit_event)
            .where(t.audit_event.c.chain_index.is_(None))
        ).scalar_one()
    return ChainCheck(
        base,
        head,
        walk.checked,
        unsealed,
        walk.keyed_from,
        len(anchors),
        problem=problem,
        position=position,
    )


class _Walk:
    def __init__(self, connection: Connection, keys: Keys, base: Link) -> None:
        self._connection = connection
        self._keys = keys
        self._base = base
        self._at = base
        self.checked = 0
        self.keyed_from: int | None = None

    def check_mac(self, name: str, place: Link) -> None:
        if not self._keys.secrets or not place.position:
            return
        stored = self._connection.execute(
            select(t.audit_chain.c.mac).where(t.audit_chain.c.name == name)
        ).scalar()
        if stored not in self._keys.macs(name, place):
            raise _Broken(
                place.position,
                f"The note of the chain's {name} at {place.position} was not written with the key.",
            )

    def check_sinks(self, head: Link, names: Sequence[str]) -> None:
        """None of them was kept from anything by somebody who put its place forward."""
        for name in names:
            why = why_distrusted(self._connection, self._keys, name, self._base, head)
            if why:
                raise _Broken(head.position, why)

    def check_beginning(self) -> None:
        """No event claims a place before the first, where nothing would ever look at it."""
        place = t.audit_event.c.chain_index
        before = select(func.max(place)).where(place <= self._base.position)
        found = self._connection.execute(before).scalar()
        if found is not None:
            raise _Broken(
                found,
                f"An event was inserted at {found}, where the chain has none: it begins after"
                f" {self._base.position}.",
            )

    def go(self, anchored: Mapping[int, str]) -> None:
        while True:
            rows = self._page(_PAGE)
            found = self._subjects([row["audit_id"] for row in rows])
            for row in rows:
                self._check(row, anchored)
                named = subjects_of(row["study_instance_uids"], row["patient_ids"])
                if not named.keys() <= found.get(row["audit_id"], set()):
                    raise _Broken(
                        self._at.position,
                        f"Event {self._at.position} is not found by all studies and patients that"
                        " it names: the rows that tell so were changed or removed.",
                    )
            if not rows:
                return

    def _page(self, limit: int) -> Sequence[RowMapping]:
        """The next events; of those before one that cannot be read, at least one."""
        place = t.audit_event.c.chain_index
        page = select(t.audit_event).where(place > self._at.position).order_by(place).limit(limit)
        try:
            return self._connection.execute(page).mappings().all()
        except ValueError as error:
            # What SQLite keeps may be no time and no JSON.
            if limit > 1:
                return self._page(limit // 2)
            position = self._at.position + 1
            raise _Broken(position, f"Event {position} was changed: it cannot be read.") from error

    def _subjects(self, audit_ids: Sequence[int]) -> dict[int, set[tuple[str, str]]]:
        """Kind and value of the studies and patients under which events are found."""
        found: dict[int, set[tuple[str, str]]] = {}
        subject = t.audit_subject.c
        for some in in_portions(audit_ids):
            rows = select(subject.audit_id, subject.kind, subject.value)
            for audit_id, kind, value in self._connection.execute(
                rows.where(subject.audit_id.in_(some))
            ):
                found.setdefault(audit_id, set()).add((kind, value))
        return found

    def _check(self, row: RowMapping, anchored: Mapping[int, str]) -> None:
        position, wanted = row["chain_index"], self._at.position + 1
        if position != wanted:
            missing = f"{wanted}" if position == wanted + 1 else f"{wanted} to {position - 1}"
            raise _Broken(wanted, f"Event {missing} was removed: the next one is {position}.")
        key = row["chain_key"]
        if key and key not in self._keys.names:
            raise _Broken(
                position,
                f"Event {position} was sealed with the key {key}, which neither MEDIVIEW_AUDIT_KEY"
                " nor audit.key in the data folder has.",
            )
        if self.keyed_from is not None and not key:
            raise _Broken(position, f"Event {position} is not sealed with a key as those before.")
        if key and self.keyed_from is None:
            self.keyed_from = position
        digest = self._keys.digest(key, content_of(row, position, self._at.hash))
        if digest != row["chain_hash"]:
            raise _Broken(
                position,
                f"Event {position} (of {row['at']:%Y-%m-%d %H:%M:%S} UTC) was changed or inserted:"
                " its hash does not follow from it and its predecessor.",
            )
        if anchored.get(position, digest) != digest:
            raise _Broken(position, f"Event {position} is not the one that was anchored.")
        self._at = Link(position, digest)
        self.checked += 1

    def end(self, head: Link, anchors: Sequence[Link]) -> None:
        last = self._at
        if last.position < head.position:
            first = last.position + 1
            raise _Broken(
                first, f"The events from {first} on were removed: {head.position} were sealed."
            )
        if last != head:
            raise _Broken(head.position + 1, f"An event was added after the last, {head.position}.")
        beyond = [one.position for one in anchors if one.position > head.position]
        if beyond:
            raise _Broken(
                head.position + 1,
                f"The chain ends at {head.position}, and {min(beyond)} was anchored: the end is"
                " missing.",
            )
