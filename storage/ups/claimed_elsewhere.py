"""Workitems of other systems that this node performs: a copy here, and what is reported there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, or_, select, update

from storage import tables as t
from storage.db.engine import reading, writing
from storage.ups.adding import add_item
from storage.ups.dicom_json import JsonAttributes
from storage.ups.rows import Workitem, read_item
from storage.ups.validation import created


@dataclass(frozen=True)
class Claimed:
    """An item as it stands here, and the claim under which its source knows it."""

    item: Workitem
    source_transaction_uid: str


class ClaimedElsewhere:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self, uid: str, given: JsonAttributes, now: datetime) -> None:
        """Whether an item could be performed here. Raises InvalidRequest."""
        created(uid, given, now)

    def add(
        self,
        uid: str,
        given: JsonAttributes,
        source: str,
        transaction_uid: str,
        now: datetime,
    ) -> bool:
        """The copy of an item that was claimed at its source; False where the UID is taken here.

        Raises InvalidRequest.
        """
        attributes, _ = created(uid, given, now)
        with writing(self._engine) as connection:
            return add_item(
                connection,
                uid,
                attributes,
                now,
                source=source,
                source_transaction_uid=transaction_uid,
                reported_at=now,
            )

    def known(self, uids: Collection[str]) -> set[str]:
        """Those of which there is an item here."""
        c = t.work_item.c.sop_instance_uid
        with reading(self._engine) as connection:
            return set(connection.execute(select(c).where(c.in_(list(uids)))).scalars())

    def is_of(self, uid: str, source: str) -> bool:
        c = t.work_item.c
        query = select(c.sop_instance_uid).where(c.sop_instance_uid == uid, c.source == source)
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def unreported(self, source: str, limit: int) -> list[Claimed]:
        """Those that changed since their source was informed, the oldest change first."""
        c = t.work_item.c
        query = (
            select(c.sop_instance_uid, c.source_transaction_uid)
            .where(
                c.source == source,
                or_(c.reported_at.is_(None), c.reported_at != c.updated_at),
            )
            .order_by(c.updated_at, c.sop_instance_uid)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            found = []
            for uid, transaction_uid in connection.execute(query).all():
                item = read_item(connection, uid)
                if item is not None:
                    found.append(Claimed(item, transaction_uid))
            return found

    def reported(self, item: Workitem) -> None:
        """Its source knows the item as it stood then."""
        self._note(item.sop_instance_uid, item.updated_at)

    def _note(self, uid: str, at: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.work_item)
                .where(t.work_item.c.sop_instance_uid == uid)
                .values(reported_at=at)
            )

    def released(self, item: Workitem) -> None:
        """Its source does not have it any more, or somebody else has it."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.work_item)
                .where(t.work_item.c.sop_instance_uid == item.sop_instance_uid)
                .values(source="", source_transaction_uid="")
            )
