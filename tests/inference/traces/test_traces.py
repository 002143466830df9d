"""What a collector of OpenTelemetry is sent about the way of a study."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pydantic import ValidationError

from api.logs import configure_logging
from inference.scheduling.schedule import complete_and_schedule
from inference.traces.service import send_traces_due
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.job_result import JobResult
from storage.settings import load_settings
from storage.traces.position import note_sent
from storage.traces.spans import TraceIds
from tests.api.usual_logging import logging_as_before
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.small import PATIENT_NAME, BrightRegion, mr_series, study_uid


class Collector:
    """Takes traces as a collector does, by the published schema of OTLP."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[Message] = []
        self.status = 200
        self.bytes = b""

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]

    def named(self, name: str) -> Span:
        (span,) = (one for one in self.spans if one.name == name)
        return span


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
            if collector.status == 200:
                collector.bytes += body
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                collector.headers.append(self.headers)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_port}/v1/traces"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[tuple[Storage, Collector]]:
    with (
        collecting() as (collector, url),
        storage_in(tmp_path, traces_url=url, traces_authorization="Bearer of the site") as storage,
    ):
        send_traces_due(storage)
        yield storage, collector


def run_study(storage: Storage, name: str) -> str:
    """Received, complete, computed, and held by a destination."""
    receive(storage, mr_series(name))
    complete_and_schedule(storage, later(10), (BrightRegion(),))
    (job,) = storage.jobs.of_studies([study_uid(name)])[study_uid(name)]
    done = run_job(storage, job.job_id, "w", pipelines=(BrightRegion(),))
    assert done is not None
    assert done.state == "COMPLETED"
    instances = storage.index.instances_of(study_uid(name))[-2:]
    storage.deliveries.enqueue("pacs", instances, job.job_id)
    ids = [one.delivery_id for one in storage.deliveries.of_study(study_uid(name))]
    storage.deliveries.confirmed(ids, utcnow() + timedelta(seconds=3))
    return job.job_id


def test_the_way_of_a_study_is_one_trace(traced: tuple[Storage, Collector]) -> None:
    storage, collector = traced
    job_id = run_study(storage, "one")

    assert send_traces_due(storage) == len(collector.spans) > 6

    trace_id = TraceIds(storage.settings.data_dir).of_study(study_uid("one"))
    assert {span.trace_id for span in collector.spans} == {trace_id.to_bytes(16)}
    series, job = collector.named("series"), collector.named("job bright-region")
    delivery, running = collector.named("delivery pacs"), collector.named("running")
    assert series.parent_span_id == b""
    assert job.parent_span_id == series.span_id
    assert delivery.parent_span_id == job.span_id
    assert running.parent_span_id == job.span_id
    assert collector.named("receiving").parent_span_id == series.span_id
    stored = storage.index.series_of(study_uid("one"))
    (source,) = [one for one in stored if one.modality == "MR"]
    waited_ns = series.end_time_unix_nano - series.start_time_unix_nano
    assert source.completed_at is not None
    assert waited_ns / 1e9 == pytest.approx(
        (source.completed_at - source.first_instance_at).total_seconds(), abs=1e-3
    )
    assert job.end_time_unix_nano >= running.end_time_unix_nano > running.start_time_unix_nano
    values = {one.key: one.value for one in job.attributes}
    assert values["mediview.job_id"].string_value == job_id
    assert {one.key: one.value for one in delivery.attributes}["mediview.instances"].int_value == 2
    assert collector.headers[0]["Authorization"] == "Bearer of the site"


def test_log_lines_of_a_job_lead_to_its_trace(
    traced: tuple[Storage, Collector], capsys: pytest.CaptureFixture[str]
) -> None:
    storage, _ = traced
    uid = study_uid("one")
    with logging_as_before():
        configure_logging(storage.settings.model_copy(update={"log_format": "json"}))
        run_study(storage, "one")
        structlog.get_logger().info("alert_raised", study_instance_uid=uid)
    lines = {one["event"]: one for one in map(json.loads, capsys.readouterr().err.splitlines())}
    names = {lines[one]["trace_id"] for one in ("job_started", "job_finished", "alert_raised")}
    assert names == {TraceIds(storage.settings.data_dir).name_of_study(uid)}


def test_each_span_is_sent_once(traced: tuple[Storage, Collector]) -> None:
    storage, collector = traced
    run_study(storage, "one")
    send_traces_due(storage)
    before = len(collector.spans)

    assert send_traces_due(storage) == 0

    run_study(storage, "two")
    send_traces_due(storage)
    assert len({span.span_id for span in collector.spans}) == len(collector.spans) == 2 * before
    assert len({span.trace_id for span in collector.spans}) == 2


def test_a_failed_job_is_an_error_in_its_trace(traced: tuple[Storage, Collector]) -> None:
    storage, collector = traced
    receive(storage, mr_series("fails"))
    complete_and_schedule(storage, later(10), (BrightRegion(),))
    (job,) = storage.jobs.of_studies([study_uid("fails")])[study_uid("fails")]
    assert storage.jobs.claim(job.job_id, "w", 60, later(11))
    storage.jobs.fail(
        job.job_id, "w", f"A gap in the head of {PATIENT_NAME}.", later(12), retry=False
    )

    send_traces_due(storage)

    assert collector.named("job bright-region").status.code == 2
    assert PATIENT_NAME.encode() not in collector.bytes


def test_what_was_computed_before_the_job_is_no_part_of_it(
    traced: tuple[Storage, Collector],
) -> None:
    storage, collector = traced
    receive(storage, mr_series("early"))
    complete_and_schedule(storage, later(10), (BrightRegion(),))
    (job,) = storage.jobs.of_studies([study_uid("early")])[study_uid("early")]
    assert storage.jobs.claim(job.job_id, "w", 60, later(11))
    timings_s = {"running": 2.0, "running.segment": 9.0, "running.measure": 0.5, "total": 2.0}
    result = JobResult(timings_s=timings_s)
    storage.jobs.complete(job.job_id, "w", result, later(14), timedelta())

    send_traces_due(storage)

    running, measure = collector.named("running"), collector.named("running.measure")
    assert measure.parent_span_id == running.span_id
    assert measure.end_time_unix_nano <= running.end_time_unix_nano
    assert "running.segment" not in {span.name for span in collector.spans}


def test_nothing_of_the_patient_leaves(traced: tuple[Storage, Collector]) -> None:
    storage, collector = traced
    run_study(storage, "one")

    send_traces_due(storage)

    for secret in (PATIENT_NAME, "Q-4711", "19500102", study_uid("one")):
        assert secret.encode() not in collector.bytes


@pytest.mark.slow
def test_sending_costs_little(traced: tuple[Storage, Collector]) -> None:
    """CPU of a study's trace, with that of the collector, which is in this process."""
    storage, _ = traced
    begun = storage.events.last_id()
    run_study(storage, "one")
    rounds, before = 50, time.process_time()
    for _ in range(rounds):
        note_sent(storage.engine, begun)
        assert send_traces_due(storage) > 6
    cost_ms = (time.process_time() - before) / rounds * 1000
    print(f"{cost_ms:.1f} ms of CPU for the trace of a study with one job")
    assert cost_ms < 100


@pytest.mark.parametrize("status", [400, 401])
def test_what_the_collector_refused_is_sent_again(
    traced: tuple[Storage, Collector], status: int
) -> None:
    storage, collector = traced
    run_study(storage, "one")
    collector.status = status

    assert send_traces_due(storage) == 0

    collector.status = 200
    assert send_traces_due(storage) == len(collector.spans) > 6


def test_of_what_was_before_nobody_asked_for_traces(tmp_path: Path) -> None:
    with collecting() as (collector, url), storage_in(tmp_path, traces_url=url) as storage:
        run_study(storage, "one")

        assert send_traces_due(storage) == 0
        assert send_traces_due(storage) == 0
        assert collector.spans == []


def test_a_study_that_was_deleted_meanwhile_has_no_spans(
    traced: tuple[Storage, Collector],
) -> None:
    storage, collector = traced
    run_study(storage, "one")
    storage.deletions.study(study_uid("one"))

    assert send_traces_due(storage) == 0
    assert collector.spans == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"traces_url": "collector:4318"}, "http://HOST:4318/v1/traces"),
        ({"traces_url": "http://ann:secret@collector/v1/traces"}, "traces_authorization"),
        ({"traces_authorization": "Bearer x"}, "traces_url is empty"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, values: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        load_settings(data_dir=tmp_path, **values)
