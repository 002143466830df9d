"""What a node tells Prometheus of its work, and the alerts and panels that are shipped for it."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from inference.scheduling.schedule import complete_and_schedule
from storage.backup.last_backup import note_backup
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.job_result import JobResult
from storage.processes.gpu_memory import GpuMemory, GpuMemoryNotes
from storage.processes.heartbeats import HANDLED
from storage.traces.spans import TraceIds
from tests.api.client import ApiNode, api_node
from tests.inference.orchestration import later, receive, settings_in
from tests.inference.small import PATIENT_NAME, BrightRegion, mr_series, study_uid
from tests.migrated import upgrade

MONITORING = Path(__file__).parents[3] / "deploy" / "monitoring"
_NAME = re.compile(r"\bmediview_[a-z_]+")


def job_of(storage: Storage, name: str) -> str:
    receive(storage, mr_series(name))
    complete_and_schedule(storage, later(10), (BrightRegion(),))
    (job,) = storage.jobs.of_studies([study_uid(name)])[study_uid(name)]
    return job.job_id


def samples(api: ApiNode) -> dict[tuple[object, ...], float]:
    text = api.client.get("/metrics").text
    assert PATIENT_NAME not in text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_stage_of_a_study_is_timed(api: ApiNode) -> None:
    storage, now = api.storage, utcnow()
    done, failed, _ = (job_of(storage, name) for name in ("done", "failed", "waiting"))
    for job_id in (done, failed):
        assert storage.jobs.claim(job_id, "w", 60, now + timedelta(seconds=20))
    ended = now + timedelta(seconds=50)
    storage.jobs.complete(done, "w", JobResult(), ended, timedelta(seconds=3))
    storage.jobs.fail(failed, "w", "A gap.", ended, retry=False)
    instances = storage.index.instances_of(study_uid("done"))[:2]
    storage.deliveries.enqueue("pacs", instances, done)
    ids = [one.delivery_id for one in storage.deliveries.of_study(study_uid("done"))]
    storage.deliveries.confirmed(ids[:1], now + timedelta(seconds=100))
    storage.heartbeats.beat(HANDLED, utcnow())
    storage.circuit_breakers.failed("pacs", "Connection refused.", utcnow() - timedelta(hours=1))

    late = api.client.get(f"/api/v1/studies/{study_uid('failed')}/delay").json()
    assert (late["cause"], late["expected_at"]) == ("job_failed", None)
    assert late["since"].startswith(f"{ended:%Y-%m-%dT%H:%M:%S}")

    found = samples(api)
    pipeline = ("pipeline", "bright-region")
    for name, least, bound, count in (
        ("job_wait", 36, "60.0", 2),
        ("result", 45, "60.0", 1),
        ("model_load", 3, "5.0", 1),
    ):
        assert found[f"mediview_{name}_seconds_count", pipeline] == count
        assert least <= found[f"mediview_{name}_seconds_sum", pipeline] < least + 30
        assert found[f"mediview_{name}_seconds_bucket", ("le", bound), pipeline] == count
        assert found[f"mediview_{name}_seconds_bucket", ("le", "1.0"), pipeline] == 0
    for outcome in ("completed", "failed"):
        key = "mediview_job_seconds_sum", ("outcome", outcome), pipeline
        assert found[key] == pytest.approx(30)
    assert 95 <= found["mediview_delivery_seconds_sum", ("destination", "pacs")] <= 100
    oldest = "mediview_oldest_waiting_job_seconds", pipeline, ("queue", "jobs")
    assert 0 <= found[oldest] < 300
    assert 0 <= found["mediview_oldest_delivery_seconds", ("destination", "pacs")] < 300
    away = found["mediview_destination_out_of_reach_seconds", ("destination", "pacs")]
    assert 3600 <= away < 3900
    assert found["mediview_sign_of_life_age_seconds", ("process", "tick")] < 300
    assert ("mediview_backup_timestamp_seconds",) not in found


def test_a_slow_bucket_leads_to_the_trace_of_a_study(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, traces_url="http://localhost:4318/v1/traces")
    upgrade(settings)
    with api_node(settings) as api:
        storage, now = api.storage, utcnow()
        job_id = job_of(storage, "done")
        assert storage.jobs.claim(job_id, "w", 60, now + timedelta(seconds=20))
        storage.jobs.complete(job_id, "w", JobResult(), now + timedelta(seconds=50), timedelta())
        instances = storage.index.instances_of(study_uid("done"))
        storage.deliveries.enqueue("pacs", instances, job_id)
        ids = [one.delivery_id for one in storage.deliveries.of_study(study_uid("done"))]
        storage.deliveries.confirmed(ids, utcnow() + timedelta(seconds=8))

        answer = api.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})

        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        exemplars = {
            (sample.name, sample.labels["le"]): sample.exemplar
            for family in openmetrics_families(answer.text)
            for sample in family.samples
            if sample.exemplar
        }
        trace_id = TraceIds(storage.settings.data_dir).name_of_study(study_uid("done"))
        assert {key: one.labels["trace_id"] for key, one in exemplars.items()} == {
            ("mediview_job_seconds_bucket", "60.0"): trace_id,
            ("mediview_job_wait_seconds_bucket", "60.0"): trace_id,
            ("mediview_result_seconds_bucket", "60.0"): trace_id,
            ("mediview_delivery_seconds_bucket", "15.0"): trace_id,
        }
        assert exemplars["mediview_job_seconds_bucket", "60.0"].value == pytest.approx(30)
        assert trace_id not in api.client.get("/metrics").text


def test_gpus_of_workers_are_stated_without_a_series_for_each_process(api: ApiNode) -> None:
    """A process of a pool ends after some hundred jobs, and the next has another name."""
    first, second = (
        GpuMemoryNotes(api.storage.engine, owner, "north", "worker-gpu")
        for owner in ("north:7:ab", "north:8:cd")
    )
    first.note((GpuMemory(1, "GPU of tests", 3, 24, 2),), utcnow())
    second.note((GpuMemory(1, "GPU of tests", 5, 24, 7),), utcnow())
    found = samples(api)
    for notes in (first, second):
        notes.forget()
    gpus = {key: value for key, value in found.items() if "mediview_gpu_memory" in str(key[0])}
    labels = (
        *(("device", "1"), ("host", "north"), ("name", "GPU of tests")),
        ("process", "worker-gpu"),
    )
    assert gpus == {
        ("mediview_gpu_memory_free_bytes", *labels): 3,
        ("mediview_gpu_memory_total_bytes", *labels): 24,
        ("mediview_gpu_memory_reserved_bytes", *labels): 9,
    }


def test_alerts_and_panels_name_what_the_node_really_tells(reading_api: ApiNode) -> None:
    note_backup(reading_api.storage.engine)
    text = reading_api.client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    stated = {family.name for family in families}
    stated |= {f"{family.name}_total" for family in families if family.type == "counter"}
    stated |= {
        f"{family.name}_{part}"
        for family in families
        if family.type == "histogram"
        for part in ("bucket", "sum", "count")
    }
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [one["query"]["query"] for one in dashboard["templating"]["list"][1:]]
    queries.append((MONITORING / "alerts.yml").read_text())
    asked = {name for query in queries for name in _NAME.findall(query)}
    assert len(asked) > 20
    assert asked <= stated


def test_the_alerts_pass_promtool() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for arguments in (
        ("check", "rules", "--lint-fatal", "alerts.yml"),
        ("test", "rules", "alerts-test.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ):
        answer = subprocess.run(
            [promtool, *arguments], cwd=MONITORING, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
