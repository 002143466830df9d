"""What jobs saw and gave, by pipeline and scanner: numbers to compare over time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, select

from storage import tables as t
from storage.db.engine import insert_or_ignore, insert_or_update, reading, writing
from storage.events.payloads import ModelEvent
from storage.events.repository import add_event

_KEPT_FOR_COMPARISON = 20_000


@dataclass(frozen=True)
class Observation:
    """One completed job. `measured` names what was measured; nothing in it names a patient."""

    job_id: str
    pipeline: str
    pipeline_version: str
    scanner: str
    study_instance_uid: str
    measured: Mapping[str, float]
    observed_at: datetime


@dataclass(frozen=True)
class DriftAlert:
    pipeline: str
    pipeline_version: str
    scanner: str
    measure: str
    stability_index: float
    distance: float
    raised_at: datetime


class Drift:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def observe(self, observation: Observation) -> None:
        """Keep what a job saw and gave; once, however often the job runs."""
        values = {name: getattr(observation, name) for name in Observation.__dataclass_fields__}
        values["measured"] = dict(observation.measured)
        with writing(self._engine) as connection:
            insert_or_ignore(connection, t.drift_observation, values)

    def observations(
        self, pipeline: str, version: str, scanner: str | None = None
    ) -> list[Observation]:
        """Since the baseline was last set, the oldest first."""
        query = (
            select(t.drift_observation)
            .where(
                t.drift_observation.c.pipeline == pipeline,
                t.drift_observation.c.pipeline_version == version,
            )
            .order_by(t.drift_observation.c.observed_at, t.drift_observation.c.job_id)
            .limit(_KEPT_FOR_COMPARISON)
        )
        if scanner is not None:
            query = query.where(t.drift_observation.c.scanner == scanner)
        with reading(self._engine) as connection:
            since = connection.execute(
                select(t.drift_baseline.c.since).where(
                    t.drift_baseline.c.pipeline == pipeline,
                    t.drift_baseline.c.pipeline_version == version,
                )
            ).scalar()
            if since is not None:
                query = query.where(t.drift_observation.c.observed_at >= since)
            return [Observation(**row) for row in connection.execute(query).mappings()]

    def pipelines(self) -> list[tuple[str, str]]:
        """Name and version of every pipeline of which something was observed."""
        query = select(
            t.drift_observation.c.pipeline, t.drift_observation.c.pipeline_version
        ).distinct()
        with reading(self._engine) as connection:
            return sorted((row[0], row[1]) for row in connection.execute(query))

    def set_baseline(self, pipeline: str, version: str, since: datetime, by: str) -> None:
        """Compare with what comes from then on; alerts up to now are settled."""
        key = {"pipeline": pipeline, "pipeline_version": version}
        with writing(self._engine) as connection:
            for table in (t.drift_baseline, t.drift_alert):
                connection.execute(
                    delete(table).where(
                        table.c.pipeline == pipeline, table.c.pipeline_version == version
                    )
                )
            insert_or_update(
                connection, t.drift_baseline, [{**key, "since": since, "set_by": by}], list(key)
            )

    def settle(
        self, pipeline: str, version: str, scanner: str, found: list[DriftAlert], now: datetime
    ) -> list[DriftAlert]:
        """Make `found` the alerts of a scanner; those that are new, each announced by an event."""
        where = (
            t.drift_alert.c.pipeline == pipeline,
            t.drift_alert.c.pipeline_version == version,
            t.drift_alert.c.scanner == scanner,
        )
        with writing(self._engine) as connection:
            known = set(connection.execute(select(t.drift_alert.c.measure).where(*where)).scalars())
            gone = known - {one.measure for one in found}
            connection.execute(
                delete(t.drift_alert).where(*where, t.drift_alert.c.measure.in_(gone))
            )
            # Another control worker may have announced it meanwhile.
            new = [
                one
                for one in found
                if one.measure not in known
                and insert_or_ignore(connection, t.drift_alert, vars(one))
            ]
            for one in new:
                add_event(
                    connection,
                    now,
                    "model",
                    "",
                    payload=ModelEvent(
                        change="drift",
                        pipeline=pipeline,
                        pipeline_version=version,
                        scanner=scanner,
                        measure=one.measure,
                        stability_index=round(one.stability_index, 4),
                    ),
                )
            return new

    def alerts(self) -> list[DriftAlert]:
        """All that stand, the newest first."""
        query = select(t.drift_alert).order_by(t.drift_alert.c.raised_at.desc())
        with reading(self._engine) as connection:
            return [DriftAlert(**row) for row in connection.execute(query).mappings()]
