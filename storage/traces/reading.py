"""Spans of what ended, read from the rows that events point to."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, func, select

from storage import tables as t
from storage.core.entities import Event, EventTopic
from storage.db.engine import reading
from storage.traces.spans import Attribute, Span, TraceIds

TOPICS: tuple[EventTopic, ...] = ("study", "job", "delivery")
"""Of the events that may end a span."""
_ENDED = ("COMPLETED", "CANCELED")
# Lengths are kept in milliseconds.
_ROUNDED = timedelta(milliseconds=2)


def read_spans(engine: Engine, ids: TraceIds, events: Iterable[Event]) -> list[Span]:
    """What these events ended: series, jobs and deliveries of results, each with its parts.

    Of what has gone since there is none. Raises StorageUnavailable.
    """
    spans: dict[int, Span] = {}
    with reading(engine) as connection:
        for event in events:
            if event.study_instance_uid:
                for span in _of_event(connection, ids, event):
                    spans[span.span_id] = span
    return list(spans.values())


def _of_event(connection: Connection, ids: TraceIds, event: Event) -> Iterator[Span]:
    payload = event.payload
    if event.topic == "study" and payload.get("change") == "series_complete":
        series = payload.get("series_instance_uid", "")
        yield from _of_series(connection, ids, event.study_instance_uid, series)
    elif event.topic == "job" and event.job_id and payload.get("state") in _ENDED:
        yield from _of_job(connection, ids, event.job_id)
    elif event.topic == "delivery" and payload.get("state") == "CONFIRMED":
        yield from _of_deliveries(connection, ids, event)


def _of_series(
    connection: Connection, ids: TraceIds, study_instance_uid: str, series_instance_uid: str
) -> Iterator[Span]:
    row = _series_row(connection, study_instance_uid, series_instance_uid)
    # Those of results are a part of their jobs.
    if row is None or row["completed_at"] is None or row["origin"] == "generated":
        return
    trace, whole = ids.of_study(study_instance_uid), _series_span_id(ids, row)
    count = select(func.count()).where(t.instance.c.series_fk == row["id"])
    yield Span(
        "series",
        trace,
        whole,
        None,
        row["first_instance_at"],
        row["completed_at"],
        {
            "dicom.modality": row["modality"],
            "mediview.instances": connection.execute(count).scalar_one(),
        },
    )
    parts = (
        ("receiving", row["first_instance_at"], row["last_instance_at"]),
        ("waiting for more", row["last_instance_at"], row["completed_at"]),
    )
    for name, begun_at, ended_at in parts:
        span_id = ids.of_span(name, f"{whole:x}")
        yield Span(name, trace, span_id, whole, begun_at, ended_at)


def _series_row(
    connection: Connection, study_instance_uid: str, series_instance_uid: str
) -> RowMapping | None:
    query = (
        select(t.series)
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(
            t.study.c.study_instance_uid == study_instance_uid,
            t.series.c.series_instance_uid == series_instance_uid,
        )
    )
    return connection.execute(query).mappings().first()


def _series_span_id(ids: TraceIds, series: RowMapping) -> int:
    """With its content, for a series may be complete several times."""
    return ids.of_span("series", series["series_instance_uid"], series["fingerprint"])


def _of_job(connection: Connection, ids: TraceIds, job_id: str) -> Iterator[Span]:
    job = connection.execute(select(t.job).where(t.job.c.job_id == job_id)).mappings().first()
    if job is None or job["finished_at"] is None:
        return
    trace, whole = ids.of_study(job["study_instance_uid"]), _job_span_id(ids, job)
    series = _series_row(connection, job["study_instance_uid"], job["series_instance_uid"])
    begun_at = job["started_at"] or job["finished_at"]
    yield Span(
        f"job {job['pipeline']}",
        trace,
        whole,
        None if series is None else _series_span_id(ids, series),
        # One that was asked for again was made long before.
        job["created_at"] if job["attempts"] == 1 else begun_at,
        job["finished_at"],
        {
            "mediview.pipeline": job["pipeline"],
            "mediview.pipeline_version": job["pipeline_version"],
            "mediview.job_id": job_id,
            "mediview.attempts": job["attempts"],
            "mediview.state": job["ending"] or job["state"].lower(),
            **_request(job),
        },
        is_error=job["ending"] == "failed",
    )
    if job["attempts"] == 1:
        span_id = ids.of_span("waiting for a worker", f"{whole:x}")
        yield Span("waiting for a worker", trace, span_id, whole, job["created_at"], begun_at)
    yield from _of_stages(ids, trace, whole, job["result"], begun_at, job["finished_at"])


def _of_stages(
    ids: TraceIds,
    trace: int,
    job: int,
    result: Mapping[str, Any],
    begun_at: datetime,
    ended_at: datetime,
) -> Iterator[Span]:
    """One after the other as `timings_s` has them; `running.model` is a part of `running`.

    It is none where it took longer: then it was computed before the job was made.
    """
    at, parts_at = begun_at, begun_at
    begun: dict[str, tuple[int, datetime, datetime]] = {}
    for name, seconds in result.get("timings_s", {}).items():
        stage, _, part = name.partition(".")
        if name == "total" or (part and stage not in begun):
            continue
        span_id = ids.of_span(name, f"{job:x}")
        if part:
            parent, stage_begun_at, stage_ended_at = begun[stage]
            if timedelta(seconds=seconds) > stage_ended_at - stage_begun_at + _ROUNDED:
                continue
            since = max(parts_at, stage_begun_at)
            parts_at = min(since + timedelta(seconds=seconds), ended_at)
            yield Span(name, trace, span_id, parent, since, parts_at)
        else:
            until = min(at + timedelta(seconds=seconds), ended_at)
            begun[stage] = span_id, at, until
            yield Span(name, trace, span_id, job, at, until)
            at = until


def _job_span_id(ids: TraceIds, job: RowMapping) -> int:
    return ids.of_span("job", job["job_id"], str(job["attempts"]))


def _of_deliveries(connection: Connection, ids: TraceIds, event: Event) -> Iterator[Span]:
    """Of results alone: what goes on as it came is thousands of instances."""
    destination = event.payload.get("destination", "")
    delivery = t.delivery.c
    query = (
        select(func.coalesce(delivery.job_id, ""), func.min(delivery.created_at), func.count())
        .where(
            delivery.study_instance_uid == event.study_instance_uid,
            delivery.destination == destination,
            delivery.state == "CONFIRMED",
            delivery.cause == "RESULT",
            delivery.updated_at == event.at,
        )
        .group_by(delivery.job_id)
    )
    trace = ids.of_study(event.study_instance_uid)
    for job_id, created_at, count in connection.execute(query).all():
        job = connection.execute(select(t.job).where(t.job.c.job_id == job_id)).mappings().first()
        yield Span(
            f"delivery {destination}",
            trace,
            ids.of_span("delivery", destination, job_id, event.at.isoformat()),
            None if job is None else _job_span_id(ids, job),
            created_at,
            event.at,
            {"mediview.destination": destination, "mediview.instances": count},
        )


def _request(row: RowMapping) -> dict[str, Attribute]:
    """By which the log names what led to it."""
    return {"mediview.request_id": row["request_id"]} if row["request_id"] else {}
