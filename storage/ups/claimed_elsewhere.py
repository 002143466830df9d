"""Workitems of other systems that this node performs: a copy here, and what is reported there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, or_, select, update

from storage import tables as t
from storage.db.engine import insert_or_ignore, reading, writing
from storage.ups.dicom_json import JsonAttributes, text_of
from storage.ups.events import record, state_report
from storage.ups.rows import Workitem, note_studies, read_item
from storage.ups.validation import created, performer_of, study_of


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
        study_instance_uid = study_of(attributes)
        with writing(self._engine) as connection:
            written = insert_or_ignore(
                connection,
                t.work_item,
                {
                    "sop_instance_uid": uid,
                    "state": "SCHEDULED",
                    "performer": performer_of(attributes),
                    "transaction_uid": "",
                    "source": source,
                    "source_transaction_uid": transaction_uid,
                    "job_ids": [],
                    "study_instance_uid": study_instance_uid,
                    "patient_id": text_of(attributes, "PatientID"),
                    "attributes": attributes,
                    "created_at": now,
                    "updated_at": now,
                    "reported_at": now,
                },
            )
            if written:
                note_studies(connection, uid, study_instance_uid, attributes)
                record(connection, now, uid, study_instance_uid, state_report(attributes))
            return written

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
