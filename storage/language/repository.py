"""Questions to the language worker and what came of them.

The job is in the ledger beside all others, and names neither patient nor study there. What was
asked and answered stands here, for as long as `answer_retention_s` says.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from storage import tables as t
from storage.core.callers.identity import LOCAL, Identity
from storage.core.callers.visibility import as_node
from storage.core.clock import utcnow
from storage.core.entities import OPEN_STATES, Job
from storage.core.errors import NotFound, TooManyRequests
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.jobs.insert import add_job
from storage.language.questions import AnswerRequest
from storage.language.results import NO_PROGRESS, AnswerProgress, AnswerResult
from storage.outbox.tables import JOBS

LANGUAGE_QUEUE = "language"

MOST_WAITING = 100
"""Questions of one asker that are not answered yet. Without sign-in nobody knows who asks."""

_REMEMBERED = timedelta(hours=1)
"""How long it counts when somebody's last question was begun."""


class AnswerError(TypedDict):
    """Why there is no answer."""

    code: str
    detail: str
    remedy: str


@dataclass(frozen=True)
class Asked:
    """One question: `progress` grows until there is a `result`, or an `error` that says why not."""

    job_id: str
    kind: str
    study_instance_uid: str
    request: AnswerRequest
    object_key: str
    progress: AnswerProgress
    result: AnswerResult | None
    error: AnswerError | None
    created_at: datetime
    asked_by_id: str = ""
    """The identity of who asked; empty where the node itself did, or an older version kept it."""


class ExpiredAnswer(NamedTuple):
    """`object_key`: of its document; empty where it has none."""

    job_id: str
    object_key: str


class Answers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ask(
        self,
        kind: str,
        request: AnswerRequest,
        *,
        version: str,
        asked_by: Identity | None = None,
        study_instance_uid: str = "",
        object_key: str = "",
        object_digest: str = "",
        priority: int = 0,
    ) -> Job:
        """Put a question; the job that will answer it. The same question is asked again.

        Raises TooManyRequests where as many questions of the asker wait as may.
        """
        now = utcnow()
        # The job is its asker's by the question, which is written after it.
        with as_node(), writing(self._engine) as connection:
            if asked_by is not None and asked_by != LOCAL:
                _check_share(connection, asked_by.id)
            job, _ = add_job(
                connection,
                {
                    "pipeline": kind,
                    "pipeline_version": version,
                    "study_instance_uid": "",
                    "series_instance_uid": "",
                    "input_fingerprint": secrets.token_hex(32),
                    "input_object_key": object_key,
                    "input_digest": object_digest,
                    "priority": priority,
                    "queue": LANGUAGE_QUEUE,
                },
                now,
            )
            connection.execute(
                insert(t.answer).values(
                    job_id=job.job_id,
                    kind=kind,
                    study_instance_uid=study_instance_uid,
                    request=dict(request),
                    asked_by_id=asked_by.id if asked_by else "",
                    object_key=object_key,
                    progress=NO_PROGRESS,
                    result=None,
                    error=None,
                    created_at=now,
                )
            )
        return job

    def due(self, now: datetime, limit: int) -> list[str]:
        """The jobs of questions to be answered next: those who ask take turns.

        Of several whose oldest question waits, the one comes first whose last was begun longest
        ago. More urgent ones come before all others.
        """
        is_language = t.job.c.queue == LANGUAGE_QUEUE
        of_asker = func.row_number().over(
            partition_by=t.answer.c.asked_by_id,
            order_by=(t.job.c.priority.desc(), t.job.c.created_at),
        )
        waiting = (
            select(
                *(t.job.c.job_id, t.job.c.priority, t.job.c.created_at, t.answer.c.asked_by_id),
                of_asker.label("place"),
            )
            .join(t.answer, t.answer.c.job_id == t.job.c.job_id)
            .where(JOBS.is_due(now), is_language)
            .subquery()
        )
        begun = (
            select(t.answer.c.asked_by_id, func.max(t.job.c.started_at).label("at"))
            .join(t.job, t.job.c.job_id == t.answer.c.job_id)
            .where(is_language, t.job.c.started_at > now - _REMEMBERED)
            .group_by(t.answer.c.asked_by_id)
            .subquery()
        )
        columns = waiting.c
        statement = (
            select(columns.job_id)
            .outerjoin(begun, begun.c.asked_by_id == columns.asked_by_id)
            .order_by(
                *(columns.priority.desc(), columns.place, begun.c.at.asc().nulls_first()),
                columns.created_at,
            )
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return list(connection.scalars(statement))

    def get(self, job_id: str) -> Asked:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.answer).where(t.answer.c.job_id == job_id))
                .mappings()
                .first()
            )
        if row is None:
            raise no_such_answer()
        return Asked(**row)

    def with_studies(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs, each with the study that its question is about: the ledger names none there."""
        asked = [one.job_id for one in jobs if not one.study_instance_uid]
        if not asked:
            return list(jobs)
        columns = t.answer.c.job_id, t.answer.c.study_instance_uid
        studies: dict[str, str] = {}
        with reading(self._engine) as connection:
            for portion in in_portions(asked):
                rows = connection.execute(select(*columns).where(t.answer.c.job_id.in_(portion)))
                studies |= {row.job_id: row.study_instance_uid for row in rows}
        return [
            replace(one, study_instance_uid=studies[one.job_id]) if one.job_id in studies else one
            for one in jobs
        ]

    def progress(self, job_id: str, progress: AnswerProgress) -> None:
        self._set(job_id, progress=dict(progress))

    def answered(self, job_id: str, result: AnswerResult) -> None:
        self._set(job_id, result=dict(result), error=None)

    def failed(self, job_id: str, code: str, detail: str, remedy: str) -> None:
        self._set(job_id, error={"code": code, "detail": detail, "remedy": remedy})

    def expired(self, before: datetime, limit: int = 500) -> list[ExpiredAnswer]:
        """Questions from before that time."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.answer.c.job_id, t.answer.c.object_key)
                .where(t.answer.c.created_at < before)
                .limit(limit)
            )
            return [ExpiredAnswer(*row) for row in rows]

    def forget(self, job_ids: Sequence[str]) -> None:
        """Forget questions with their jobs, once their documents are gone."""
        with writing(self._engine) as connection:
            for portion in in_portions(job_ids):
                connection.execute(delete(t.answer).where(t.answer.c.job_id.in_(portion)))
                connection.execute(delete(t.job).where(t.job.c.job_id.in_(portion)))

    def _set(self, job_id: str, **values: Any) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(t.answer).where(t.answer.c.job_id == job_id).values(**values))


def no_such_answer() -> NotFound:
    return NotFound(
        "There is no answer under that identifier.",
        remedy="Answers are kept for MEDIVIEW_ANSWER_RETENTION_S, for who asked; ask again.",
    )


def _check_share(connection: Connection, asked_by_id: str) -> None:
    """Raises TooManyRequests."""
    waiting = connection.scalar(
        select(func.count())
        .select_from(t.answer.join(t.job, t.job.c.job_id == t.answer.c.job_id))
        .where(t.answer.c.asked_by_id == asked_by_id, t.job.c.state.in_(OPEN_STATES))
    )
    if (waiting or 0) >= MOST_WAITING:
        raise TooManyRequests(
            f"{waiting} questions of yours wait for an answer; {MOST_WAITING} may.",
            remedy="Wait for the answers, or cancel questions (POST /api/jobs/{job_id}/cancel).",
        )
