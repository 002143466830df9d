"""Trials of models on stored studies: asked for by an administrator, run by a worker, and forgotten
after an hour. No result is made of them."""

import uuid
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, or_, select, update

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.errors import NotFound, TooManyRequests
from storage.core.text.outside_text import stored_reason
from storage.db.engine import reading, writing
from storage.outbox.tables import MODEL_TRIALS

TrialState = Literal["waiting", "running", "done", "failed"]
KEPT_FOR = timedelta(hours=1)
OPEN_AT_MOST = 8
"""Trials of all administrators that wait or run."""
_LISTED_AT_MOST = 50


class TriedSeries(TypedDict):
    """What a model made of one series. `picture`: a PNG in base64; empty where there is none."""

    series_instance_uid: str
    series_number: int | None
    modality: str
    taken: bool
    reason: str
    findings: list[str]
    notes: list[str]
    picture: str


class TrialProof(TypedDict):
    """What a self-test showed: numbers that the same model gives again, and a sentence.

    `digest`: of the model's files where it ran.
    """

    digest: str
    answer: dict[str, float]
    detail: str


class TrialProblem(TypedDict):
    code: str
    detail: str
    remedy: str


@dataclass(frozen=True)
class ModelTrial:
    """On a study, or a self-test where none is named, which has a `proof`.

    `not_before`: of one that runs the end of its lease, else when a worker may take it.
    """

    trial_id: str
    model: str
    model_version: str
    pipeline: str
    study_instance_uid: str
    state: TrialState
    problem: TrialProblem | None
    proof: TrialProof | None
    asked_by: str
    attempts: int
    took_ms: int
    memory_bytes: int
    asked_at: datetime
    not_before: datetime
    ended_at: datetime | None


_COLUMNS = [t.model_trial.c[field.name] for field in fields(ModelTrial)]


class ModelTrials:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(
        self,
        model: tuple[str, str],
        pipeline: str,
        study_instance_uid: str,
        asked_by: str,
        now: datetime,
    ) -> ModelTrial:
        """A trial that a worker takes up; `model` is its name and version.

        Raises TooManyRequests where OPEN_AT_MOST wait or run.
        """
        trial = ModelTrial(
            trial_id=str(uuid.uuid4()),
            model=model[0],
            model_version=model[1],
            pipeline=pipeline,
            study_instance_uid=study_instance_uid,
            state="waiting",
            problem=None,
            proof=None,
            asked_by=asked_by,
            attempts=0,
            took_ms=0,
            memory_bytes=0,
            asked_at=now,
            not_before=now,
            ended_at=None,
        )
        with as_node(), writing(self._engine) as connection:
            _forget_old(connection, now)
            others = connection.scalar(
                select(func.count()).select_from(t.model_trial).where(MODEL_TRIALS.is_open())
            )
            if (others or 0) >= OPEN_AT_MOST:
                raise TooManyRequests(
                    f"{others} trials of models wait or run, which is as many as may be.",
                    remedy="Try again when one of them has ended, or discard one.",
                )
            connection.execute(insert(t.model_trial).values(**vars(trial), series=[]))
        return trial

    def get(self, trial_id: str, now: datetime) -> ModelTrial:
        """Raises NotFound, also for one whose hour is over."""
        found = self._find(t.model_trial.c.trial_id == trial_id, now)
        if not found:
            raise NotFound(
                "There is no trial under that identifier.",
                remedy="Trials are kept for an hour; ask for another.",
            )
        return found[0]

    def series(self, trial_id: str) -> list[TriedSeries]:
        """What came of it, by series; empty until it is done."""
        with reading(self._engine) as connection:
            found = connection.scalar(
                select(t.model_trial.c.series).where(t.model_trial.c.trial_id == trial_id)
            )
        return list(found or [])

    def of_model(self, model: str, version: str | None, now: datetime) -> list[ModelTrial]:
        """Those of the last hour, the newest first."""
        table = t.model_trial.c
        of_version = () if version is None else (table.model_version == version,)
        is_trial = table.study_instance_uid != ""
        return self._find(table.model == model, now, is_trial, *of_version)

    def due(self, now: datetime, limit: int = OPEN_AT_MOST) -> list[ModelTrial]:
        """Those that a worker should take, the oldest first."""
        query = select(*_COLUMNS).where(MODEL_TRIALS.is_due(now))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(t.model_trial.c.asked_at).limit(limit))
            return [ModelTrial(**row) for row in rows.mappings()]

    def claim(self, trial: ModelTrial, owner: str, lease_s: float, now: datetime) -> bool:
        """Take a trial; False where another worker was faster."""
        row = t.model_trial.c.trial_id == trial.trial_id
        with writing(self._engine) as connection:
            return MODEL_TRIALS.take(connection, owner, lease_s, now, row)

    def renew(self, trial_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False where it is lost, or the trial discarded."""
        row = t.model_trial.c.trial_id == trial_id
        with writing(self._engine) as connection:
            return MODEL_TRIALS.renew(connection, owner, lease_s, now, row)

    def postpone(self, trial_id: str, owner: str, until: datetime) -> None:
        """It waits again, and this was no attempt."""
        attempts = t.model_trial.c.attempts - 1
        released = MODEL_TRIALS.released(until)
        self._end(trial_id, owner, state="waiting", attempts=attempts, **released)

    def done(
        self,
        trial_id: str,
        owner: str,
        series: list[TriedSeries],
        took_ms: int,
        memory_bytes: int,
        now: datetime,
        proof: TrialProof | None = None,
    ) -> None:
        self._end(
            trial_id,
            owner,
            state="done",
            series=series,
            proof=proof,
            took_ms=took_ms,
            memory_bytes=memory_bytes,
            ended_at=now,
        )

    def failed(self, trial_id: str, owner: str, problem: TrialProblem, now: datetime) -> None:
        worded = {**problem, "detail": stored_reason(problem["detail"])}
        self._end(trial_id, owner, state="failed", problem=worded, ended_at=now)

    def discard(self, trial_id: str) -> None:
        """One that runs comes to nothing. Doing it again changes nothing."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.model_trial).where(t.model_trial.c.trial_id == trial_id))

    def forget_old(self, now: datetime) -> None:
        with writing(self._engine) as connection:
            _forget_old(connection, now)

    def _find(
        self, condition: ColumnElement[bool], now: datetime, *more: ColumnElement[bool]
    ) -> list[ModelTrial]:
        query = select(*_COLUMNS).where(condition, ~_is_old(now), *more)
        newest = query.order_by(t.model_trial.c.asked_at.desc()).limit(_LISTED_AT_MOST)
        with reading(self._engine) as connection:
            return [ModelTrial(**row) for row in connection.execute(newest).mappings()]

    def _end(self, trial_id: str, owner: str, **values: Any) -> None:
        table = t.model_trial
        with writing(self._engine) as connection:
            connection.execute(
                update(table)
                .where(table.c.trial_id == trial_id, MODEL_TRIALS.is_owned(owner))
                .values(values)
            )


def _is_old(now: datetime) -> ColumnElement[bool]:
    """Its hour is over, from its end; one that nobody took up goes by when it was asked for."""
    table = t.model_trial.c
    return or_(
        func.coalesce(table.ended_at, now) < now - KEPT_FOR,
        (table.state == "waiting") & (table.asked_at < now - KEPT_FOR),
    )


def _forget_old(connection: Connection, now: datetime) -> None:
    connection.execute(delete(t.model_trial).where(_is_old(now)))
