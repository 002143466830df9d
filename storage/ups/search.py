"""All workitems in one list, jobs of the node among them, the newest first."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Engine,
    RowMapping,
    Select,
    Text,
    and_,
    cast,
    func,
    or_,
    select,
)

from storage import tables as t
from storage.core.entities import Job
from storage.db.engine import reading
from storage.db.row_mapping import to_job
from storage.index.repository import Index
from storage.ups.dicom_json import (
    JsonAttributes,
    attributes_of,
    items_of,
    references_by_series,
    text_of,
)
from storage.ups.job_mapping import attributes_of_job, job_id_of, state_of_job, uid_of_job
from storage.ups.rows import Workitem, to_workitem
from storage.ups.validation import WorkitemState

_PAGE_ROWS = 200
# Of workitems, as JSON, which are objects at a time: each may have 1 MiB.
_PAGE_BYTES = 4 * 1024 * 1024
_STUDY_COLUMNS = (
    t.study.c.accession_number,
    t.study.c.accession_number_namespace,
    t.study.c.accession_number_system,
    t.study.c.study_description,
)
_PATIENT_COLUMNS = (
    t.study.c.patient_name,
    t.patient.c.patient_id,
    t.patient.c.issuer_of_patient_id,
    t.study.c.patient_birth_date,
    t.study.c.patient_sex,
)
_INDEXED = tuple(column.name for column in (*_STUDY_COLUMNS, *_PATIENT_COLUMNS))


@dataclass(frozen=True)
class Listed:
    """A workitem as lists and subscribers see it. `job_id`: of the job that it is, if any."""

    sop_instance_uid: str
    state: WorkitemState
    job_id: str | None
    study_instance_uid: str
    attributes: JsonAttributes
    created_at: datetime


@dataclass(frozen=True)
class Narrowed:
    """What the database can tell apart by itself; None or () leaves it open."""

    uids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    study_instance_uids: tuple[str, ...] = ()
    patient_id: str | None = None


class WorkitemList:
    def __init__(self, engine: Engine, ae_title: str) -> None:
        self._engine = engine
        self._ae_title = ae_title

    def find(self, uid: str, *, whole: bool = False) -> Listed | None:
        """The item under a UID; `whole` names each instance of a job's input too."""
        found = next(self.all(Narrowed(uids=(uid,))), None)
        if found is None or found.job_id is None or not whole:
            return found
        inputs = [
            reference
            for one in items_of(found.attributes, "InputInformationSequence")
            for reference in self._references(one)
        ]
        return replace(
            found, attributes=found.attributes | attributes_of(InputInformationSequence=inputs)
        )

    def _references(self, series: JsonAttributes) -> list[JsonAttributes]:
        uids = text_of(series, "StudyInstanceUID"), text_of(series, "SeriesInstanceUID")
        instances = Index(self._engine).instances_of(*uids)
        return references_by_series(
            uids[0],
            [
                (one.series_instance_uid, one.sop_class_uid, one.sop_instance_uid)
                for one in instances
            ],
        ) or [series]

    def all(self, narrowed: Narrowed) -> Iterator[Listed]:
        """Read page by page, so that a long list needs no memory."""
        return heapq.merge(
            self._items(narrowed),
            self._jobs(narrowed),
            key=lambda one: one.created_at,
            reverse=True,
        )

    def _items(self, narrowed: Narrowed) -> Iterator[Listed]:
        table = t.work_item
        conditions: list[ColumnElement[bool]] = []
        if narrowed.uids:
            conditions.append(table.c.sop_instance_uid.in_(narrowed.uids))
        if narrowed.states:
            conditions.append(table.c.state.in_(narrowed.states))
        if narrowed.study_instance_uids:
            conditions.append(table.c.study_instance_uid.in_(narrowed.study_instance_uids))
        if narrowed.patient_id is not None:
            conditions.append(table.c.patient_id == narrowed.patient_id)
        uid = table.c.sop_instance_uid
        size = func.length(cast(table.c.attributes, Text)).label("size_bytes")
        query = select(uid, table.c.created_at, size).where(*conditions)
        for group in _groups(self._pages(query, (table.c.created_at, uid))):
            # The states may have changed in between.
            whole = select(table).where(uid.in_(group), *conditions)
            with reading(self._engine) as connection:
                rows = {row[uid]: dict(row) for row in connection.execute(whole).mappings()}
            for one in group:
                if one in rows:
                    yield _listed_item(to_workitem(rows.pop(one)))

    def _jobs(self, narrowed: Narrowed) -> Iterator[Listed]:
        table = t.job
        # A question is no procedure step.
        conditions: list[ColumnElement[bool]] = [table.c.queue == "jobs"]
        if narrowed.uids:
            job_ids = [found for uid in narrowed.uids if (found := job_id_of(uid))]
            if not job_ids:
                return
            conditions.append(table.c.job_id.in_(job_ids))
        if narrowed.states:
            conditions.append(or_(*(_in_state(state) for state in narrowed.states)))
        if narrowed.study_instance_uids:
            conditions.append(table.c.study_instance_uid.in_(narrowed.study_instance_uids))
        if narrowed.patient_id is not None:
            conditions.append(t.patient.c.patient_id == narrowed.patient_id)
        query = (
            select(table, *_STUDY_COLUMNS, *_PATIENT_COLUMNS)
            .select_from(
                table.outerjoin(
                    t.study, t.study.c.study_instance_uid == table.c.study_instance_uid
                ).outerjoin(t.patient, t.study.c.patient_fk == t.patient.c.id)
            )
            .where(*conditions)
        )
        for row in self._pages(query, (table.c.created_at, table.c.job_id)):
            yield self._listed(to_job(row), row)

    def _listed(self, job: Job, row: RowMapping) -> Listed:
        indexed = {name: row[name] or "" for name in _INDEXED}
        return Listed(
            uid_of_job(job.job_id),
            state_of_job(job),
            job.job_id,
            job.study_instance_uid,
            attributes_of_job(job, self._ae_title, indexed),
            job.created_at,
        )

    def _pages(
        self, query: Select[Any], key: tuple[Column[Any], Column[Any]]
    ) -> Iterator[RowMapping]:
        """Rows from the newest on; each page begins where the last one ended."""
        at, uid = key
        after: list[ColumnElement[bool]] = []
        while True:
            ordered = query.where(*after).order_by(at.desc(), uid.desc()).limit(_PAGE_ROWS)
            with reading(self._engine) as connection:
                page = connection.execute(ordered).mappings().all()
            yield from page
            if len(page) < _PAGE_ROWS:
                return
            last = page[-1]
            earlier, same = last[at.name], last[uid.name]
            after = [or_(at < earlier, and_(at == earlier, uid < same))]


def _groups(rows: Iterator[RowMapping]) -> Iterator[list[str]]:
    """UIDs of items that are read together."""
    group: list[str] = []
    size_bytes = 0
    for row in rows:
        if group and (len(group) == _PAGE_ROWS or size_bytes + row["size_bytes"] > _PAGE_BYTES):
            yield group
            group, size_bytes = [], 0
        group.append(row["sop_instance_uid"])
        size_bytes += row["size_bytes"]
    if group:
        yield group


def _listed_item(item: Workitem) -> Listed:
    return Listed(
        item.sop_instance_uid,
        item.state,
        None,
        item.study_instance_uid,
        item.attributes,
        item.created_at,
    )


def _in_state(state: str) -> ColumnElement[bool]:
    """As `state_of_job` has it."""
    begun = and_(t.job.c.state == "SCHEDULED", t.job.c.started_at.is_not(None))
    if state == "SCHEDULED":
        return and_(t.job.c.state == state, t.job.c.started_at.is_(None))
    if state == "IN PROGRESS":
        return or_(t.job.c.state == state, begun)
    return t.job.c.state == state
