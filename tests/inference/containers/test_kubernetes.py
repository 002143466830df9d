"""Containers as Jobs of Kubernetes, against an API that behaves as its documentation says.

No cluster could be had: see docs/pipelines/containers.md.
"""

import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from inference.containers.container_run import ContainerRun, Ended
from inference.containers.description import add_container
from inference.containers.engine import engine_of
from inference.containers.kubernetes_client import KubernetesClient
from inference.containers.kubernetes_engine import KubernetesEngine
from inference.containers.kubernetes_job import LABELS, job_of
from inference.refusals import ContainerClusterFailed, ModelUnusable
from storage.core.errors import InvalidRequest
from storage.settings import Settings, load_settings
from tests.dicom_node.certificates import Authority
from tests.distribution.kubernetes.policies import violations
from tests.distribution.kubernetes.schemas import VERSIONS, mistakes
from tests.inference.containers.kubernetes_api import (
    PENDING,
    RUNNING,
    SUCCEEDED,
    Api,
    condition,
    container,
    serving,
)
from tests.inference.containers.test_manifest import CARD, MAP

IMAGE = f"registry.example.org/lesions@sha256:{'0a' * 32}"


@pytest.fixture(autouse=True)
def as_the_chart_runs_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 10001)
    monkeypatch.setattr("os.getegid", lambda: 10001)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "exchange").mkdir()
    return load_settings(
        data_dir=tmp_path / "data",
        container_engine="kubernetes",
        container_exchange_dir=tmp_path / "exchange",
        container_claim="exchange",
        container_namespace="models",
        container_start_s=5,
    )


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with serving(tmp_path, monkeypatch) as api:
        yield api


def a_run(settings: Settings, **changes: Any) -> ContainerRun:
    folder = (settings.container_exchange_dir or Path()) / "tmp1"
    stated: dict[str, Any] = {
        "image": IMAGE,
        "image_id": IMAGE.partition("@")[2],
        "command": ("/app/run", "--all"),
        "working_directory": "/app",
        "environment": {"LEVEL": "$(HOME)"},
        "input": (folder / "input", "/input"),
        "output": (folder / "output", "/output"),
        "timeout_s": 60.0,
    }
    return ContainerRun(**{**stated, **changes})


def engine(api: Api, settings: Settings) -> KubernetesEngine:
    client = partial(KubernetesClient, account=api.account)
    return KubernetesEngine(settings, client, looked_every_s=0.01)


def ended(api: Api, settings: Settings, **changes: Any) -> Ended:
    return engine(api, settings).run(a_run(settings, **changes), lambda: None)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_job_is_one_that_kubernetes_takes_and_may_no_more_than_it_needs(
    settings: Settings, version: str
) -> None:
    job = job_of(a_run(settings, gpus=1), "a", settings, settings.container_exchange_dir or Path())
    assert mistakes(job, version) == []
    assert list(violations(job)) == []
    spec = job["spec"]
    pod = spec["template"]["spec"]
    [one] = pod["containers"]
    assert (spec["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert spec["activeDeadlineSeconds"] == 60 + 5 + 60
    assert pod["securityContext"]["runAsUser"] == 10001
    assert one["resources"]["limits"] == {
        "cpu": "2000m",
        "memory": str(8 << 30),
        "ephemeral-storage": str(1 << 30),
        "nvidia.com/gpu": "1",
    }
    mounts = {mount["mountPath"]: mount for mount in one["volumeMounts"]}
    assert (mounts["/input"]["subPath"], mounts["/input"]["readOnly"]) == ("tmp1/input", True)
    assert mounts["/output"]["subPath"] == "tmp1/output"
    assert {"name": "LEVEL", "value": "$$(HOME)"} in one["env"]
    # Policies of the node's own pods must not open anything to it.
    assert spec["template"]["metadata"]["labels"] == LABELS
    assert LABELS["app.kubernetes.io/name"] != "mediview"


def test_a_run_is_made_watched_and_deleted(api: Api, settings: Settings) -> None:
    api.states = [PENDING, PENDING, RUNNING, RUNNING, SUCCEEDED]
    looked = []
    done = engine(api, settings).run(a_run(settings), lambda: looked.append(1))
    assert done == Ended(0, is_out_of_memory=False)
    (made,) = api.made
    assert api.deleted == [made["metadata"]["name"]]
    assert len(looked) == 5
    assert engine(api, settings).version() == "v1.37.0"


FAILED = {"failed": 1, **condition("Failed", "BackoffLimitExceeded")}


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (
            (FAILED, container("Failed", terminated={"exitCode": 7, "reason": "Error"})),
            Ended(7, is_out_of_memory=False),
        ),
        (
            (FAILED, container("Failed", terminated={"exitCode": 137, "reason": "OOMKilled"})),
            Ended(137, is_out_of_memory=True),
        ),
        (({"succeeded": 1, **condition("Complete")}, None), Ended(0, is_out_of_memory=False)),
    ],
)
def test_how_it_ended(api: Api, settings: Settings, state: Any, found: Ended) -> None:
    api.states = [RUNNING, state]
    assert ended(api, settings) == found


EVICTED = {
    "phase": "Failed",
    "reason": "Evicted",
    "message": "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.",
}


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ((FAILED, EVICTED), "evicted from its node: Pod ephemeral local storage usage"),
        ((condition("Failed", "DeadlineExceeded"), None), "ended by the deadline of its Job"),
        ((FAILED, None), "failed, and its pod is gone"),
        (
            ({"active": 1}, container("Pending", waiting={"reason": "InvalidImageName"})),
            r"did not start \(InvalidImageName\)",
        ),
        (
            (
                {"active": 1},
                container(
                    "Pending",
                    waiting={"reason": "CreateContainerError", "message": "no such file"},
                ),
            ),
            r"did not start \(CreateContainerError\): no such file",
        ),
    ],
)
def test_what_went_wrong_is_a_sentence(api: Api, settings: Settings, state: Any, says: str) -> None:
    api.states = [PENDING, state]
    with pytest.raises(ModelUnusable, match=says) as refusal:
        ended(api, settings)
    assert refusal.value.remedy
    assert len(api.deleted) == 1, "nothing is left there"


@pytest.mark.parametrize(
    ("pod", "says"),
    [
        (
            container("Pending", waiting={"reason": "ImagePullBackOff"}),
            r"\(ImagePullBackOff\): the image could not be pulled",
        ),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
                    }
                ],
            },
            r"\(Unschedulable\): 0/3 nodes are available: 3 Insufficient nvidia.com/gpu",
        ),
        (None, "MEDIVIEW_CONTAINER_START_S"),
    ],
)
def test_what_does_not_start_in_time_is_given_up(
    api: Api, settings: Settings, pod: dict[str, Any] | None, says: str
) -> None:
    soon = settings.model_copy(update={"container_start_s": 0.05})
    api.states = [({"active": 1}, pod)]
    with pytest.raises(ModelUnusable, match=says):
        ended(api, soon)
    assert len(api.deleted) == 1


def test_what_takes_too_long_is_ended(api: Api, settings: Settings) -> None:
    api.states = [RUNNING]
    with pytest.raises(ModelUnusable, match=r"longer than 0\.05 s"):
        ended(api, settings, timeout_s=0.05)
    assert len(api.deleted) == 1


def test_a_job_that_is_to_stop_takes_its_container_along(api: Api, settings: Settings) -> None:
    api.states = [RUNNING]

    def stop() -> None:
        if len(api.made) == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        engine(api, settings).run(a_run(settings), stop)
    assert len(api.deleted) == 1


def test_an_api_that_is_away_for_a_moment_costs_nothing(api: Api, settings: Settings) -> None:
    api.states = [RUNNING, SUCCEEDED]
    answers = iter([0, 0, 503, 500, 0, 503])
    api.refuses = lambda method, _: next(answers, 0) if method == "GET" else 0
    assert ended(api, settings).exit_code == 0


def test_an_api_that_stays_away_is_tried_again_another_time(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.containers.kubernetes_engine._AWAY_AT_MOST_S", 0.1)
    api.states = [RUNNING]
    api.refuses = lambda method, _: 503 if method == "GET" else 0
    with pytest.raises(ContainerClusterFailed, match="with HTTP 503"):
        ended(api, settings)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    with pytest.raises(ContainerClusterFailed, match="cannot be reached: Connection refused"):
        ended(api, settings)


def test_somebody_else_deletes_the_job(api: Api, settings: Settings) -> None:
    api.states = [RUNNING]
    with pytest.raises(ModelUnusable, match="was deleted by somebody else"):
        engine(api, settings).run(a_run(settings), api.jobs.clear)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (403, "needs the chart's Role in the namespace models"),
        (422, "Quotas, limits or policies"),
        (404, "MEDIVIEW_CONTAINER_NAMESPACE"),
    ],
)
def test_an_account_that_may_not_and_a_namespace_that_does_not_take_it(
    api: Api, settings: Settings, status: int, says: str
) -> None:
    api.refuses = lambda method, _: status if method == "POST" else 0
    with pytest.raises(ModelUnusable) as refusal:
        ended(api, settings)
    assert says in refusal.value.remedy
    assert api.made == []


def test_a_token_that_changed_is_read_anew_and_a_wrong_one_is_refused(
    api: Api, settings: Settings
) -> None:
    (api.account / "token").write_text("of somebody else")
    with pytest.raises(ModelUnusable, match=r"refused POST .* \(HTTP 401\)"):
        ended(api, settings)


def test_an_authority_of_somebody_else_is_not_believed(
    api: Api, settings: Settings, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other").certificate
    (api.account / "ca.crt").write_bytes(other.read_bytes())
    with pytest.raises(ContainerClusterFailed, match="certificate is not accepted"):
        ended(api, settings)
    assert api.made == []


def test_a_worker_that_is_root_makes_no_job(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert os.geteuid() == 0
    with pytest.raises(ModelUnusable, match="which must not be root"):
        ended(api, settings)


def test_an_image_is_named_by_its_digest(settings: Settings) -> None:
    found = engine_of(settings)
    assert found.image_id(IMAGE) == IMAGE.partition("@")[2]
    assert found.image_id(IMAGE.partition("@")[2]) == IMAGE.partition("@")[2]
    with pytest.raises(ModelUnusable, match="named without its digest"):
        found.image_id("registry.example.org/lesions:2.1")


@pytest.mark.parametrize(
    "setting", ["container_exchange_dir", "container_claim", "container_namespace"]
)
def test_a_setting_that_is_missing_is_named(settings: Settings, setting: str) -> None:
    empty = settings.model_copy(update={setting: None})
    with pytest.raises(ModelUnusable, match=f"MEDIVIEW_{setting.upper()} is empty"):
        engine_of(empty)


def test_outside_of_a_cluster_there_is_no_account(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="no account of a cluster"):
        KubernetesClient("models", tmp_path)


def test_manifests_of_a_package_lie_beside_its_card(settings: Settings, tmp_path: Path) -> None:
    """Nobody here can look into an image of a registry."""
    folder = tmp_path / "card"
    folder.mkdir()
    stated = {**CARD["container"], "image": IMAGE, "without_gpu": True}
    (folder / "mediview.json").write_text(json.dumps({**CARD, "container": stated}))
    with pytest.raises(InvalidRequest, match=r"has no /etc/monai/app\.json") as refusal:
        add_container(settings, folder)
    assert "copies of both manifests beside the card" in refusal.value.remedy
    for name in ("app.json", "pkg.json"):
        shutil.copy(MAP / name, folder)
    added = add_container(settings, folder)
    assert (added.version, added.image.engine) == ("1.2.0", "kubernetes")
    assert added.image.id == IMAGE.partition("@")[2]
