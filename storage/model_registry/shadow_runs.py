"""Runs of models in the shadow: a ledger of their own, which no result is made of."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from sqlalchemy import Engine, RowMapping, delete, select, update

from storage import tables as t
from storage.core.text.outside_text import stored_reason
from storage.db.engine import insert_or_ignore, reading, writing
from storage.outbox.tables import SHADOW_RUNS

ShadowState = Literal["WAITING", "DONE", "FAILED"]


class MeasuredByBoth(TypedDict):
    """One measurement; null of the version that has none such."""

    active: float | None
    shadow: float | None
    unit: str
    """UCUM; empty of a probability."""
    label: NotRequired[str]
    """Of runs since there are several of one label: of single images the key names the image."""


class ShadowAgreement(TypedDict, total=False):
    """How far one run agrees with the active version; empty until it is done."""

    active_version: str
    """Empty where the active one has not run on the same content."""
    segments: dict[str, float]
    """Dice by label."""
    measurements: dict[str, MeasuredByBoth]
    """By label, and of single images by image."""
    notes: list[str]


@dataclass(frozen=True)
class ShadowRun:
    shadow_id: str
    model: str
    model_version: str
    pipeline: str
    pipeline_version: str
    study_instance_uid: str
    series_instance_uid: str
    input_fingerprint: str
    state: ShadowState
    attempts: int
    reason: str
    agreement: ShadowAgreement
    not_before: datetime
    """Before it nobody takes the run: somebody works on it, or it was put off."""
    created_at: datetime
    finished_at: datetime | None


class ShadowRuns:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def schedule(
        self,
        model: tuple[str, str],
        pipeline: tuple[str, str],
        series: tuple[str, str],
        input_fingerprint: str,
        now: datetime,
    ) -> None:
        """Note a run that is to be done; each pair is a name and version, or study and series.

        Doing it again for the same version and content changes nothing. One that waits over other
        content of the series goes.
        """
        values = {
            "shadow_id": str(uuid.uuid4()),
            "model": model[0],
            "model_version": model[1],
            "pipeline": pipeline[0],
            "pipeline_version": pipeline[1],
            "study_instance_uid": series[0],
            "series_instance_uid": series[1],
            "input_fingerprint": input_fingerprint,
            "state": "WAITING",
            "attempts": 0,
            "agreement": {},
            "not_before": now,
            "created_at": now,
        }
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.shadow_run).where(
                    t.shadow_run.c.pipeline == pipeline[0],
                    t.shadow_run.c.pipeline_version == pipeline[1],
                    t.shadow_run.c.study_instance_uid == series[0],
                    t.shadow_run.c.series_instance_uid == series[1],
                    t.shadow_run.c.input_fingerprint != input_fingerprint,
                    t.shadow_run.c.state == "WAITING",
                )
            )
            insert_or_ignore(connection, t.shadow_run, values)

    def due(self, now: datetime, limit: int = 1) -> list[ShadowRun]:
        """Those that a worker with nothing else to do should take, the oldest first."""
        query = (
            select(t.shadow_run)
            .where(SHADOW_RUNS.is_due(now))
            .order_by(t.shadow_run.c.created_at)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def claim(self, run: ShadowRun, owner: str, lease_s: float, now: datetime) -> bool:
        """Take a run; False where another worker was faster."""
        row = t.shadow_run.c.shadow_id == run.shadow_id
        with writing(self._engine) as connection:
            return SHADOW_RUNS.take(connection, owner, lease_s, now, row)

    def renew(self, shadow_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        """Lengthen the lease of `owner`; False when it is lost."""
        row = t.shadow_run.c.shadow_id == shadow_id
        with writing(self._engine) as connection:
            return SHADOW_RUNS.renew(connection, owner, lease_s, now, row)

    def postpone(self, shadow_id: str, until: datetime) -> None:
        self._set(shadow_id, **SHADOW_RUNS.released(until))

    def end(
        self,
        shadow_id: str,
        state: ShadowState,
        now: datetime,
        *,
        reason: str = "",
        agreement: ShadowAgreement | None = None,
    ) -> None:
        self._set(
            shadow_id,
            state=state,
            reason=stored_reason(reason),
            agreement=dict(agreement or {}),
            finished_at=now,
        )

    def of_model(self, model: str, version: str, limit: int = 1000) -> list[ShadowRun]:
        """The newest first."""
        query = (
            select(t.shadow_run)
            .where(t.shadow_run.c.model == model, t.shadow_run.c.model_version == version)
            .order_by(t.shadow_run.c.created_at.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def forget_waiting(self, model: str, version: str) -> int:
        """A model that is no shadow any more has nothing to do."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.shadow_run).where(
                    t.shadow_run.c.model == model,
                    t.shadow_run.c.model_version == version,
                    t.shadow_run.c.state == "WAITING",
                )
            )
            return gone.rowcount

    def _set(self, shadow_id: str, **values: Any) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.shadow_run).where(t.shadow_run.c.shadow_id == shadow_id).values(**values)
            )


def _run(row: RowMapping) -> ShadowRun:
    return ShadowRun(**{name: row[name] for name in ShadowRun.__dataclass_fields__})
