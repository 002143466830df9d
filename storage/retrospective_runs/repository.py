"""Runs over stored studies, and how far they are."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, RowMapping, delete, func, insert, select, update

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.db.portions import in_portions
from storage.retrospective_runs.entities import (
    OPEN_RUNS,
    RetrospectiveRun,
    RunState,
    RunStudy,
    RunStudyState,
)

_FORGOTTEN_AT_ONCE = 20
_run, _study = t.retrospective_run.c, t.retrospective_study.c

NEWEST_RUNS = Keyset[RetrospectiveRun](
    "retrospective runs",
    (SortColumn.of(_run.created_at, falls=True), SortColumn.of(_run.run_id)),
)
IN_TURN = Keyset[RunStudy]("studies of a retrospective run", (SortColumn.of(_study.position),))


class RetrospectiveRuns:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(
        self,
        pipeline: str,
        query: Mapping[str, Any],
        study_instance_uids: Sequence[str],
        *,
        at_once: int,
        priority: int,
        sends_results: bool,
        started_by: str,
        now: datetime,
    ) -> RetrospectiveRun:
        """Over these studies, in this order."""
        run_id = str(uuid.uuid4())
        rows = [
            {
                "run_id": run_id,
                "study_instance_uid": uid,
                "position": position,
                "state": "WAITING",
                "job_ids": [],
                "updated_at": now,
            }
            for position, uid in enumerate(dict.fromkeys(study_instance_uids), 1)
        ]
        with writing(self._engine) as connection:
            connection.execute(
                insert(t.retrospective_run).values(
                    run_id=run_id,
                    pipeline=pipeline,
                    query=dict(query),
                    state="RUNNING",
                    at_once=at_once,
                    priority=priority,
                    sends_results=sends_results,
                    started_by=started_by,
                    created_at=now,
                    updated_at=now,
                )
            )
            for portion in in_portions(rows):
                connection.execute(insert(t.retrospective_study), list(portion))
        return self.get(run_id)

    def get(self, run_id: str) -> RetrospectiveRun:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            found = connection.execute(select(t.retrospective_run).where(_run.run_id == run_id))
            row = found.mappings().first()
        if row is None:
            raise NotFound(
                "There is no retrospective run under that identifier.",
                remedy="GET /api/runs lists them.",
            )
        return RetrospectiveRun(**row)

    def page(
        self, limit: int, offset: int, *, beyond: ColumnElement[bool] | None = None
    ) -> tuple[list[RetrospectiveRun], int]:
        """The newest first, and how many there are in all."""
        statement = select(t.retrospective_run).order_by(*NEWEST_RUNS.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [RetrospectiveRun(**row) for row in rows], total

    def open_runs(self) -> list[RetrospectiveRun]:
        """Those that have not ended; the oldest first."""
        statement = select(t.retrospective_run).where(_run.state.in_(OPEN_RUNS))
        with reading(self._engine) as connection:
            rows = connection.execute(statement.order_by(_run.created_at, _run.run_id))
            return [RetrospectiveRun(**row) for row in rows.mappings()]

    def forget_ended(self, before: datetime) -> int:
        """Delete runs that ended before, with the lists of their studies; how many."""
        old = select(_run.run_id).where(_run.state.not_in(OPEN_RUNS), _run.ended_at < before)
        with as_node():
            with reading(self._engine) as connection:
                run_ids = list(connection.execute(old.limit(_FORGOTTEN_AT_ONCE)).scalars())
            for run_id in run_ids:
                with writing(self._engine) as connection:
                    connection.execute(delete(t.retrospective_study).where(_study.run_id == run_id))
                    connection.execute(delete(t.retrospective_run).where(_run.run_id == run_id))
        return len(run_ids)

    def counts(self, run_ids: Collection[str]) -> dict[str, dict[str, int]]:
        """By run, how many of its studies are in each state."""
        found: dict[str, dict[str, int]] = {run_id: {} for run_id in run_ids}
        statement = (
            select(_study.run_id, _study.state, func.count())
            .where(_study.run_id.in_(list(run_ids)))
            .group_by(_study.run_id, _study.state)
        )
        with reading(self._engine) as connection:
            for run_id, state, count in connection.execute(statement):
                found[run_id][state] = count
        return found

    def change_state(
        self, run_id: str, before: tuple[RunState, ...], state: RunState, now: datetime
    ) -> RetrospectiveRun:
        """Raises NotFound, and StateConflict where it is in none of `before`."""
        run = self.get(run_id)
        values: dict[str, Any] = {"state": state, "updated_at": now}
        if state not in OPEN_RUNS:
            values["ended_at"] = now
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(t.retrospective_run)
                .where(_run.run_id == run_id, _run.state.in_(before))
                .values(**values)
            )
            if changed.rowcount and state == "CANCELLED":
                connection.execute(
                    update(t.retrospective_study)
                    .where(_study.run_id == run_id, _study.state == "WAITING")
                    .values(state="CANCELLED", updated_at=now)
                )
        if not changed.rowcount:
            raise StateConflict(
                f"The run is {run.state}, and cannot be {state}.",
                remedy="GET /api/runs says where each stands.",
            )
        return self.get(run_id)

    def studies(
        self,
        run_id: str,
        state: RunStudyState | None,
        limit: int,
        offset: int,
        *,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[RunStudy], int]:
        """In the order in which their turn comes, and how many there are in all."""
        statement = select(t.retrospective_study).where(_study.run_id == run_id)
        if state is not None:
            statement = statement.where(_study.state == state)
        with reading(self._engine) as connection:
            rows, total = read_page(
                connection, statement.order_by(*IN_TURN.order()), limit, offset, beyond
            )
            return [_to_study(row) for row in rows], total

    def in_state(self, run_id: str, state: RunStudyState, limit: int) -> list[RunStudy]:
        """Those whose turn comes first."""
        return self.studies(run_id, state, limit, 0)[0]

    def note(
        self,
        study: RunStudy,
        state: RunStudyState,
        now: datetime,
        *,
        reason: str = "",
        job_ids: Sequence[str] | None = None,
    ) -> None:
        """What became of one of its studies."""
        values: dict[str, Any] = {"state": state, "reason": reason, "updated_at": now}
        if job_ids is not None:
            values["job_ids"] = list(job_ids)
        with writing(self._engine) as connection:
            connection.execute(
                update(t.retrospective_study)
                .where(
                    _study.run_id == study.run_id,
                    _study.study_instance_uid == study.study_instance_uid,
                )
                .values(**values)
            )

    def quiet_jobs(self, study_instance_uid: str) -> frozenset[str]:
        """Jobs over a study that were made by runs whose results stay here."""
        statement = (
            select(_study.job_ids)
            .join(t.retrospective_run, _run.run_id == _study.run_id)
            .where(_study.study_instance_uid == study_instance_uid, _run.sends_results.is_(False))
        )
        with reading(self._engine) as connection:
            return frozenset(
                one for job_ids in connection.execute(statement).scalars() for one in job_ids
            )


def _to_study(row: RowMapping) -> RunStudy:
    return RunStudy(**{**row, "job_ids": tuple(row["job_ids"])})
