"""The modality worklist: what an integrator has scheduled and modalities ask for (PS3.4 K)."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, insert, select, update

from storage import tables as t
from storage.access_groups.former_groups import forget_groups
from storage.access_groups.orders import orderer_groups
from storage.access_groups.visibility import check_may_name
from storage.core.callers.shares import current_caller
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import reading, writing
from storage.db.pages import read_page
from storage.worklist.changed_meanwhile import changed_meanwhile, check_is_first
from storage.worklist.columns import WHOSE, columns_of, is_renumbered
from storage.worklist.entities import NEXT_TO_START, OPEN_STATES, WorklistItem, WorklistState
from storage.worklist.numbers import order_meant
from storage.worklist.room import order_room
from storage.worklist.stations import open_items
from storage.worklist.studies import items_of_study, mark_reports, mark_studies, mark_study


class Worklist:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._room = order_room(engine)

    def add(
        self,
        attributes: Mapping[str, Any],
        ordered_at: datetime | None = None,
        state: WorklistState = "SCHEDULED",
        *,
        is_first: bool = False,
    ) -> WorklistItem:
        """Schedule an item; it carries its StudyInstanceUID.

        Raises NotPermitted for a study that the caller does not see; NoRoom; ChangedMeanwhile where
        it `is_first` of its number, and another is there (`is_number_taken`).
        """
        now = utcnow()
        check_may_name(self._engine, [str(attributes["StudyInstanceUID"])])
        worklist_item_id = str(uuid.uuid4())
        columns = columns_of(attributes)
        self._room.take(current_caller(), columns["size_bytes"])
        with writing(self._engine) as connection:
            if is_first:
                check_is_first(self._engine, connection, attributes["AccessionNumber"], attributes)
            connection.execute(
                insert(t.worklist_item).values(
                    worklist_item_id=worklist_item_id,
                    state=state,
                    ordered_at=ordered_at,
                    created_at=now,
                    updated_at=now,
                    sent_by=current_caller(),
                    orderer_groups=orderer_groups(),
                    **columns,
                )
            )
            mark_reports(connection, worklist_item_id, now)
            mark_studies(connection, worklist_item_id, now)
        # Who orders need not see it: no rule has decided on it yet.
        with as_node():
            return self.get(worklist_item_id)

    def change(
        self,
        worklist_item_id: str,
        *,
        state: WorklistState | None = None,
        attributes: Mapping[str, Any] | None = None,
        ordered_at: datetime | None = None,
        as_read: WorklistItem | None = None,
        is_taken_over: bool = False,
    ) -> WorklistItem:
        """Another state, other attributes, or both.

        `is_taken_over`: it is an order of the caller now, and not of who made it (`takes_over`).

        Raises NotFound, NotPermitted as `add`, ChangedMeanwhile where it is no more as it was
        read, or another has its new accession number. `ordered_at`: when the order was made that
        says so, where one does.
        """
        before = self.get(worklist_item_id)
        values: dict[str, Any] = {"updated_at": utcnow()}
        if state is not None:
            values["state"] = state
        if ordered_at is not None:
            values["ordered_at"] = ordered_at
        if attributes is not None:
            values |= columns_of(attributes)
            # What it states is of the one who changes it, where that one sees some groups alone.
            if (groups := orderer_groups()) is not None or is_taken_over:
                values["orderer_groups"] = groups
            more_bytes = max(0, values["size_bytes"] - before.size_bytes)
            self._room.take(before.sent_by, more_bytes, is_new=False)
            check_may_name(self._engine, [values["study_instance_uid"]])
        number = values.get("accession_number", "")
        is_of_others = attributes is not None and any(
            values[name] != getattr(before, name) for name in WHOSE
        )
        columns = t.worklist_item.c
        conditions = [columns.worklist_item_id == worklist_item_id]
        if as_read is not None:
            conditions.append(columns.updated_at == as_read.updated_at)
        with writing(self._engine) as connection:
            if attributes is not None and number and is_renumbered(before, attributes):
                check_is_first(
                    self._engine, connection, number, attributes, apart_from=worklist_item_id
                )
            if is_of_others:
                # The studies that it leaves have no order any more.
                mark_reports(connection, worklist_item_id, values["updated_at"])
                mark_studies(connection, worklist_item_id, values["updated_at"])
            changed = connection.execute(
                update(t.worklist_item).where(*conditions).values(**values)
            )
            if as_read is not None and not changed.rowcount:
                raise changed_meanwhile()
            if (attributes or before.attributes) != before.attributes or (
                state is not None and (state == "CANCELED") != (before.state == "CANCELED")
            ):
                mark_studies(connection, worklist_item_id, values["updated_at"])
            if attributes is not None:
                mark_reports(connection, worklist_item_id, values["updated_at"])
                if values["study_instance_uid"] != before.study_instance_uid:
                    forget_groups(connection, before.study_instance_uid)
        with as_node():
            return self.get(worklist_item_id)

    def remove(self, worklist_item_id: str) -> None:
        """Raises NotFound."""
        item, now = self.get(worklist_item_id), utcnow()
        with writing(self._engine) as connection:
            mark_reports(connection, worklist_item_id, now)
            mark_studies(connection, worklist_item_id, now)
            connection.execute(
                delete(t.worklist_item).where(
                    t.worklist_item.c.worklist_item_id == worklist_item_id
                )
            )
            forget_groups(connection, item.study_instance_uid)

    def mark_studies_of(self, study_instance_uid: str) -> None:
        """Who sees orders of this study has been decided: those they belong to by number ask again.

        Before, they were of no study but the one that they name.
        """
        item, now = t.worklist_item.c, utcnow()
        with writing(self._engine) as connection:
            items = connection.execute(
                select(item.worklist_item_id).where(item.study_instance_uid == study_instance_uid)
            ).scalars()
            for worklist_item_id in items.all():
                mark_reports(connection, worklist_item_id, now)
                mark_studies(connection, worklist_item_id, now)

    def mark_study_of_orders(self, study_instance_uid: str) -> None:
        """Who sees the study has been decided: rules ask again for orders of its accession number.

        Before, an order that names another study, or none, was not known to be the study's, and
        of one that names it nobody knew whether who made it sees the study.
        """
        with writing(self._engine) as connection:
            mark_study(connection, study_instance_uid, utcnow())

    def get(self, worklist_item_id: str) -> WorklistItem:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(t.worklist_item).where(
                        t.worklist_item.c.worklist_item_id == worklist_item_id
                    )
                )
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no worklist item under that identifier.",
                remedy="GET /api/worklist lists what is scheduled.",
            )
        return WorklistItem(**row)

    def with_accession_number(
        self, accession_number: str, patient: Mapping[str, Any]
    ) -> WorklistItem | None:
        """The item in any state that who orders now for this patient means (`order_meant`).

        `patient`: the attributes that say who it is, as far as they are known, and who issued the
        number.
        """
        with reading(self._engine) as connection:
            return order_meant(connection, accession_number, patient)

    def of_study(
        self, study_instance_uid: str, accession_number: str = ""
    ) -> Sequence[WorklistItem]:
        """Items of the study by its UID, else its patient's by its accession number; the newest
        first. None of somebody who may not see the study.

        Accession numbers are given out by each site, and a stranger may state any. Where access
        groups are enforced, an item is the study's by its number only if all who see the study see
        the item, and who made it sees the study: what is made of it stands in reports.
        """
        return items_of_study(self._engine, study_instance_uid, accession_number)

    def list(
        self,
        state: WorklistState | None = None,
        accession_number: str = "",
        limit: int = 100,
        offset: int = 0,
        *,
        updated_since: datetime | None = None,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[WorklistItem], int]:
        """A page, the next to start first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEXT_TO_START`).
        """
        conditions = []
        if state is not None:
            conditions.append(t.worklist_item.c.state == state)
        if accession_number:
            conditions.append(t.worklist_item.c.accession_number == accession_number)
        if updated_since is not None:
            conditions.append(t.worklist_item.c.updated_at >= updated_since)
        statement = select(t.worklist_item).where(*conditions).order_by(*NEXT_TO_START.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [WorklistItem(**row) for row in rows], total

    def open_items(self, station: str = "") -> Iterator[WorklistItem]:
        """Everything that is still to be done, the next to start first, page by page.

        `station`: with what is scheduled for this AE title, of whatever groups it is.
        """
        return open_items(self._engine, station)

    def priors_not_asked(self, limit: int) -> Sequence[WorklistItem]:
        """Open items that the rules of priors were not asked about as they are now."""
        columns = t.worklist_item.c
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.worklist_item)
                .where(
                    columns.state.in_(OPEN_STATES),
                    columns.priors_asked_at.is_(None)
                    | (columns.priors_asked_at < columns.updated_at),
                )
                .order_by(columns.updated_at)
                .limit(limit)
            )
            return [WorklistItem(**row) for row in rows.mappings()]

    def priors_asked(self, item: WorklistItem) -> None:
        """One that changes meanwhile is asked about again."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.worklist_item)
                .where(t.worklist_item.c.worklist_item_id == item.worklist_item_id)
                .values(priors_asked_at=item.updated_at)
            )
