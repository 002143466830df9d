"""Health by name: what is missing is named, with what to do about it."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.server.checks.doctor import diagnose
from api.server.checks.exposure import Check
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.processes.components import Component
from storage.processes.heartbeats import HANDLED
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, scheduled_job
from tests.services import free_port

PROCESSES = ("worker-jobs", "worker-control", "worker-language", "beat")
GPU_WORKER = "mediview worker --queue gpu"


def alive(api: ApiNode, *names: str) -> None:
    for name in names:
        api.storage.heartbeats.beat(name, utcnow())


def checks_of_workers(settings: Settings) -> dict[str, Check]:
    """What `doctor` says until it has gone through the workers: the self-test after it is long."""
    checks = takewhile(lambda check: check.name != "jobs", diagnose(settings))
    return {check.name: check for check in checks}


@pytest.fixture
def whole(api_settings: Settings) -> Iterator[ApiNode]:
    """An API beside a real SCP, with signs of life of the others."""
    with open_storage(api_settings) as storage:
        scp = start_scp(storage)
        try:
            with api_node(api_settings) as api:
                alive(api, *PROCESSES, HANDLED)
                yield api
        finally:
            scp.shutdown()


def test_all_is_well(whole: ApiNode) -> None:
    answer = whole.client.get("/health")
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "ok", health
    assert set(health["parts"]) == {
        *("database", "objects", "broker", "worker", "dicom", "disk", "components", "instances"),
        *("model_servers", "access_rules", "retention", "disk_speed", "clock", "jobs"),
        "open_files",
    }


def test_a_part_that_failed_its_self_test_is_named_with_its_remedy(whole: ApiNode) -> None:
    broken = Component("OCR", False, "ImportError: libxcb.so.1", "Install the node again.")
    whole.storage.components.record("node-1", [broken], utcnow())
    try:
        health = whole.client.get("/health").json()
    finally:
        whole.storage.components.record("node-1", [], utcnow())
    assert health["status"] == "degraded"
    sentence = "OCR on node-1: ImportError: libxcb.so.1 Install the node again."
    assert health["parts"]["components"]["detail"] == sentence
    assert health["parts"]["components"]["ok"] is False


def test_a_job_past_its_deadline_is_named(api: ApiNode) -> None:
    job = scheduled_job(api.storage)
    settings = api.storage.settings
    # With the time for storing, in which no job is ended.
    may_s = settings.job_deadline_s + settings.job_grace_s + 300
    details = []
    for age_s in (may_s + 60, may_s - 60):
        begun = utcnow() - timedelta(seconds=age_s)
        assert api.storage.jobs.claim(job.job_id, "worker", -1.0, begun)
        details.append(api.client.get("/health").json()["parts"]["jobs"]["detail"])
    assert f"brain-volume 1.1.0, job {job.job_id}, since" in details[0]
    assert "MEDIVIEW_JOB_GRACE_S" in details[0]
    assert not details[1]


@pytest.mark.parametrize("missing", PROCESSES)
def test_a_missing_process_is_named_with_its_command(whole: ApiNode, missing: str) -> None:
    whole.storage.heartbeats.beat(missing, utcnow() - timedelta(minutes=1))
    answer = whole.client.get("/health")
    # Studies are still taken in: not ready is something else.
    assert answer.status_code == 200
    health = answer.json()
    assert health["status"] == "degraded"
    command = missing.replace("worker-", "worker --queue ")
    assert f"mediview {command}" in health["parts"]["worker"]["detail"]
    assert all(part["ok"] for name, part in health["parts"].items() if name != "worker")


def test_a_dead_hl7_listener_is_missed_where_a_port_is_named(api_settings: Settings) -> None:
    settings = api_settings.model_copy(update={"hl7_port": 2575})

    def seen() -> tuple[dict[str, object], str, float]:
        part = api.client.get("/health").json()["parts"]["hl7"]
        families = text_string_to_metric_families(api.client.get("/metrics").text)
        (age,) = (
            sample.value
            for family in families
            for sample in family.samples
            if sample.labels == {"process": "hl7"}
        )
        return part, checks_of_workers(settings)["hl7"].state, age

    with api_node(settings) as api:
        never, of_doctor, since_ever = seen()
        alive(api, "hl7")
        there, _, _ = seen()
        api.storage.heartbeats.beat("hl7", utcnow() - timedelta(hours=1))
        gone, _, age = seen()

    assert (never["ok"], there["ok"], gone["ok"]) == (False, True, False)
    assert "Start it with `mediview hl7`" in str(gone["detail"])
    assert of_doctor == "fail"
    assert since_ever == float("inf")
    assert 3500 < age < 4000


def test_a_worker_for_the_gpu_is_missed_where_pipelines_are_for_it_alone(
    api_settings: Settings,
) -> None:
    settings = api_settings.model_copy(update={"gpu_pipelines": ("bundle-*",)})
    with api_node(settings) as api:
        alive(api, *PROCESSES, HANDLED)
        missed = api.client.get("/health").json()["parts"]["worker"]
        doctor = checks_of_workers(settings)
        assert doctor["worker-gpu"].state == "fail"
        assert GPU_WORKER in doctor["worker-gpu"].remedy
        # The others' signs of life may have grown old meanwhile.
        alive(api, *PROCESSES, HANDLED, "worker-gpu")
        found = api.client.get("/health").json()["parts"]["worker"]
    assert not missed["ok"]
    assert GPU_WORKER in missed["detail"]
    assert found["ok"], found
    assert "worker-gpu" not in checks_of_workers(api_settings)


@pytest.mark.parametrize("age", [timedelta(minutes=1), -timedelta(hours=1)])
def test_ticks_that_nobody_handles_are_named(whole: ApiNode, age: timedelta) -> None:
    """Also where the clock was set back since the last one, which then lies in the future."""
    whole.storage.heartbeats.beat(HANDLED, utcnow() - age)
    part = whole.client.get("/health").json()["parts"]["worker"]
    assert not part["ok"]
    assert "No tick of the clock was handled" in part["detail"]
    assert "leadership_failed" in part["detail"]
    assert "mediview worker --queue control" in part["detail"]


def test_a_sign_of_life_of_the_future_is_no_life(whole: ApiNode) -> None:
    whole.storage.heartbeats.beat("worker-jobs", utcnow() + timedelta(hours=1))
    part = whole.client.get("/health").json()["parts"]["worker"]
    assert not part["ok"]
    assert "worker-jobs is 3" in part["detail"]
    assert "NTP" in part["detail"]


def test_a_missing_scp_is_found_by_asking_it(api: ApiNode) -> None:
    alive(api, *PROCESSES)
    part = api.client.get("/health").json()["parts"]["dicom"]
    assert not part["ok"]
    assert "MEDIVIEW_DICOM_PORT" in part["detail"]


def test_an_scp_elsewhere_is_believed_by_its_sign_of_life(api_settings: Settings) -> None:
    settings = api_settings.model_copy(update={"dicom_host": "0.0.0.0", "trusted_network": True})
    with api_node(settings) as api:
        assert not api.client.get("/health").json()["parts"]["dicom"]["ok"]
    with api_node(settings.model_copy(update={"http_port": free_port()})) as api:
        alive(api, "scp")
        assert api.client.get("/health").json()["parts"]["dicom"]["ok"]


def test_a_full_disk_means_that_nothing_can_be_taken(api_settings: Settings) -> None:
    with api_node(api_settings.model_copy(update={"free_disk_mark_bytes": 2**62})) as api:
        answer = api.client.get("/health")
        assert answer.status_code == 503
        assert "Free disk space" in answer.json()["parts"]["disk"]["detail"]
        (part,) = answer.json()["parts"]["disk"]["detail_parts"]
        assert part["code"] == "disk_full"
        assert part["parameters"]["folder"] == str(api_settings.data_dir)


def test_probes_tell_a_scheduler_what_to_do(api: ApiNode) -> None:
    for path in ("/livez", "/startupz", "/readyz"):
        answer = api.client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["Cache-Control"] == "no-store"
        assert api.client.head(path).status_code == 200


def test_a_process_that_takes_nothing_in_is_alive_and_not_ready(api_settings: Settings) -> None:
    with api_node(api_settings.model_copy(update={"free_disk_mark_bytes": 2**62})) as api:
        assert api.client.get("/livez").status_code == 200
        answer = api.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")


def test_a_lost_broker_degrades_and_stops_nothing(api_settings: Settings) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    with api_node(api_settings.model_copy(update={"broker_url": url})) as api:
        answer = api.client.get("/health")
        assert answer.status_code == 200
        assert "MEDIVIEW_BROKER_URL" in answer.json()["parts"]["broker"]["detail"]


def test_a_broker_that_answers_is_well(api_settings: Settings, redis_url: str) -> None:
    with api_node(api_settings.model_copy(update={"broker_url": redis_url})) as api:
        assert api.client.get("/health").json()["parts"]["broker"]["ok"]


def test_a_lost_database_is_told_and_not_thrown(api: ApiNode) -> None:
    path = api.storage.settings.data_dir / "index.sqlite3"
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    answer = api.client.get("/health")
    # Connections that are open may live on; whatever is told, it is a health answer.
    assert answer.status_code in (200, 503)
    assert set(answer.json()["parts"]) >= {"database", "disk"}


def test_metrics_count_requests_by_route_and_jobs_by_state(api: ApiNode) -> None:
    scheduled_job(api.storage)
    api.client.get("/api/studies/2.25.42")
    api.client.get("/api/studies", params={"q": "Doe"})
    text = api.client.get("/metrics").text
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    route = ("route", "/api/studies/{study_instance_uid}")
    key = ("mediview_http_requests_total", ("method", "GET"), route, ("status", "404"))
    assert samples[key] == 1
    assert samples["mediview_jobs", ("state", "scheduled")] == 1
    assert samples[("mediview_disk_free_bytes",)] > 0
    assert "Doe" not in text
    assert "2.25.42" not in text
