"""The pod of a Job as the node writes it, played by podman: make containers.

The API is that of the tests; what a kubelet does, podman does: `podman kube play` of the very pod.
No cluster could be had.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from inference.containers.kubernetes_client import KubernetesClient
from inference.containers.kubernetes_engine import KubernetesEngine
from inference.imaging.volume import assemble_volume
from storage.container import Storage
from tests.containers.test_any_image import BASE, IMAGE, added, image, job_of, stated
from tests.inference.containers.kubernetes_api import (
    PENDING,
    RUNNING,
    Api,
    State,
    condition,
    container,
    serving,
)
from tests.inference.orchestration import storage_in
from tests.inference.scheduling.four_sequences import STUDY, sequence

__all__ = ["image"]
VOLUME, UID = "mediview-exchange", 10001

pytestmark = [
    pytest.mark.skipif(not BASE, reason="Real containers are run by: make containers"),
    pytest.mark.timeout(600),
]


def podman(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        ["podman", *arguments], check=False, capture_output=True, text=True, input=given
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Kubelet:
    """Plays the pod of each job, and says what podman says of it."""

    def __init__(self) -> None:
        self.pod = ""
        self.inspected: dict[str, Any] = {}

    def play(self, job: dict[str, Any]) -> None:
        template = job["spec"]["template"]
        self.pod = job["metadata"]["name"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": self.pod},
            "spec": {**template["spec"]},
        }
        # The policy of the chart forbids all traffic: podman gives the pod no network.
        for name in ("dnsPolicy", "dnsConfig"):
            del pod["spec"][name]
        podman("kube", "play", "--network=none", "-", given=yaml.safe_dump(pod))

    def state(self) -> State:
        (self.inspected,) = json.loads(podman("inspect", f"{self.pod}-model"))
        state = self.inspected["State"]
        if state["Status"] in ("created", "initialized"):
            return PENDING
        if state["Status"] == "running":
            return RUNNING
        code = state["ExitCode"]
        reason = "OOMKilled" if state["OOMKilled"] else "Error" if code else "Completed"
        status = condition("Failed", "BackoffLimitExceeded") if code else condition("Complete")
        ended = {"exitCode": code, "reason": reason}
        return status, container("Failed" if code else "Succeeded", terminated=ended)

    def remove(self) -> None:
        podman("pod", "rm", "--force", "--time=0", self.pod)


@pytest.fixture
def exchange() -> Iterator[Path]:
    """A claim, as podman has it: a volume by its name."""
    podman("volume", "create", VOLUME)
    yield Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", VOLUME))
    podman("volume", "rm", "--force", VOLUME)


@pytest.fixture
def kubelet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubelet]:
    """And workers of the chart: their user, their account of the API."""
    with serving(tmp_path, monkeypatch) as api:
        found = Kubelet()
        api.on_made, api.on_deleted, api.kubelet = found.play, found.remove, found.state
        _as_a_worker(monkeypatch, api)
        yield found


def _as_a_worker(monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    def hand_over(_: KubernetesEngine, folder: Path) -> None:
        """The tests are root, and the files would be of user 10001 by themselves."""
        for path in (folder.parent, folder, *folder.rglob("*")):
            os.chown(path, UID, UID)

    def client(_: KubernetesEngine) -> KubernetesClient:
        return KubernetesClient("models", api.account)

    monkeypatch.setattr(KubernetesEngine, "hand_over", hand_over)
    monkeypatch.setattr(KubernetesEngine, "_client", client)
    monkeypatch.setattr("inference.containers.kubernetes_job.os.geteuid", lambda: UID)
    monkeypatch.setattr("inference.containers.kubernetes_job.os.getegid", lambda: UID)


@pytest.fixture
def storage(tmp_path: Path, exchange: Path) -> Iterator[Storage]:
    with storage_in(
        tmp_path / "node",
        container_engine="kubernetes",
        container_exchange_dir=exchange,
        container_claim=VOLUME,
        container_namespace="models",
        container_memory_bytes=1024 * 1024**2,
        job_max_attempts=1,
    ) as storage:
        yield storage


def card(program: str) -> dict[str, Any]:
    digest = podman("image", "inspect", "--format", "{{.Digest}}", IMAGE)
    found = stated()
    found["container"]["image"] = f"{IMAGE.partition(':')[0]}@{digest}"
    found["container"]["run"] |= {
        "input_format": "dicom",
        "command": ["/opt/venv/bin/python", *program.split()],
        "working_directory": "/tmp",
    }
    return found


def test_a_pod_gets_two_series_and_gives_a_result(
    storage: Storage, tmp_path: Path, kubelet: Kubelet, exchange: Path
) -> None:
    added(storage, tmp_path / "lesions", card("/app/mark_flair.py"))
    job = job_of(storage, "t1", "flair")
    assert (job.state, job.reason) == ("COMPLETED", "")
    found = {one.label: one.value for one in storage.findings.of_study(STUDY)}
    volume = assemble_volume(sequence("flair", 3))
    truth_cm3 = np.count_nonzero(volume.voxels > 500) * volume.voxel_volume_mm3 / 1000
    assert found["Lesion volume"] == pytest.approx(truth_cm3, abs=6e-4)
    assert found["Files of flair"] == 46
    assert "Changed its input" not in found
    assert kubelet.inspected["Config"]["User"] == f"{UID}:{UID}"
    host = kubelet.inspected["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert not kubelet.inspected["EffectiveCaps"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert host["Memory"] == 1024 * 1024**2
    assert list(exchange.iterdir()) == []


def test_a_pod_that_fails_leaves_nothing(
    storage: Storage, tmp_path: Path, kubelet: Kubelet, exchange: Path
) -> None:
    added(storage, tmp_path / "lesions", card("-c raise(SystemExit(7))"))
    job = job_of(storage, "t1", "flair")
    assert job.state == "CANCELED"
    assert "ended with status 7" in job.reason
    assert storage.findings.of_study(STUDY) == []
    assert list(exchange.iterdir()) == []
    assert podman("ps", "--all", "--quiet", "--filter", f"name={kubelet.pod}") == ""
