"""Jobs of Kubernetes as an engine: one Job a run, watched until it ends, then deleted.

Input and output lie on a claim that workers and jobs mount. What a container prints is not read.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from inference.containers.container_run import ContainerRun, Ended
from inference.containers.kubernetes_client import KubernetesClient
from inference.containers.kubernetes_job import job_of
from inference.refusals import ContainerClusterFailed, ModelUnusable
from storage.core.errors import MediViewError
from storage.core.text.outside_text import text_from_outside
from storage.settings import Settings

log = structlog.get_logger(__name__)

_DIGEST = "@sha256:"
_LOOKED_EVERY_S = 2.0
# The API may be away while a container goes on.
_AWAY_AT_MOST_S = 120.0
_GONE_WITHIN_S = 60.0
_SHOWN_AT_MOST = 200
_OUT_OF_MEMORY = "OOMKilled"
# Why a container waits that will not start by waiting; pulling is tried again by the kubelet.
_NEVER = frozenset(
    {
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})


class KubernetesEngine:
    """See `ContainerEngine`. Nobody here can look into an image: a card names it by its digest."""

    name = "kubernetes"

    def __init__(
        self,
        settings: Settings,
        client: Callable[[str], KubernetesClient] = KubernetesClient,
        looked_every_s: float = _LOOKED_EVERY_S,
    ) -> None:
        self._settings = settings
        self._client_of = client
        self._looked_every_s = looked_every_s

    def version(self) -> str:
        return self._client().version()

    def image_id(self, image: str) -> str:
        _, at, digest = image.rpartition("@")
        if not digest.startswith("sha256:") or not (at or image == digest):
            raise ModelUnusable(
                f"The image {image} is named without its digest, and a cluster may run another"
                " under the same name tomorrow.",
                remedy="Name it in the card as registry.example.org/name@sha256:….",
            )
        return digest

    def starts_with(self, image_id: str) -> tuple[tuple[str, ...], str]:
        return (), ""

    def read_file(self, image_id: str, path: str) -> bytes | None:
        return None

    def hand_over(self, folder: Path) -> None:
        """It is the worker's own user there."""

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        exchange = self._settings.container_exchange_dir
        if exchange is None:
            raise ModelUnusable("MEDIVIEW_CONTAINER_EXCHANGE_DIR is empty.")
        client = self._client()
        name = f"mediview-model-{uuid.uuid4().hex[:16]}"
        job = job_of(run, name, self._settings, exchange.resolve())
        try:
            client.create_job(job)
            return self._watched(client, name, run, check)
        finally:
            self._delete(client, name)

    def _client(self) -> KubernetesClient:
        return self._client_of(self._settings.container_namespace)

    def _watched(
        self, client: KubernetesClient, name: str, run: ContainerRun, check: Callable[[], None]
    ) -> Ended:
        begun = time.monotonic()
        started: float | None = None
        answered = begun
        while True:
            check()
            try:
                job, pod = client.job(name), client.pod_of(name)
                answered = time.monotonic()
            except ContainerClusterFailed:
                if time.monotonic() - answered > _AWAY_AT_MOST_S:
                    raise
                time.sleep(self._looked_every_s)
                continue
            ended = _ended(job, pod)
            if ended is not None:
                return ended
            status = _status_of(pod)
            now = time.monotonic()
            if started is None and "running" in status:
                started = now
            if started is None:
                self._check_starts(pod, status, now - begun)
            elif now - started > run.timeout_s:
                raise _late(run.timeout_s)
            time.sleep(self._looked_every_s)

    def _check_starts(
        self, pod: dict[str, Any] | None, status: dict[str, Any], waited_s: float
    ) -> None:
        """Raises ModelUnusable where it will not start, or has not for too long."""
        waiting = _dict(status.get("waiting"))
        why = str(waiting.get("reason") or "")
        if why in _NEVER:
            raise _not_started(why, str(waiting.get("message") or ""))
        if waited_s <= self._settings.container_start_s:
            return
        if why in _PULLING:
            raise _not_started(why, "the image could not be pulled")
        conditions = _dict(_dict(pod).get("status")).get("conditions") or []
        for one in conditions:
            if isinstance(one, dict) and one.get("reason") == "Unschedulable":
                raise _not_started("Unschedulable", str(one.get("message") or ""))
        raise _not_started(
            why or "no reason stated",
            f"it took longer than {self._settings.container_start_s:g} s"
            " (MEDIVIEW_CONTAINER_START_S)",
        )

    def _delete(self, client: KubernetesClient, name: str) -> None:
        """And wait until its pod is gone, which writes until then."""
        until = time.monotonic() + _GONE_WITHIN_S
        try:
            client.delete_job(name)
            while client.job(name) is not None and time.monotonic() < until:
                time.sleep(min(self._looked_every_s, 1.0))
        except MediViewError as error:
            # Its deadline ends it, and the cluster deletes it some minutes later.
            log.error("container_job_not_deleted", job=name, error=error.message)


def _ended(job: dict[str, Any] | None, pod: dict[str, Any] | None) -> Ended | None:
    """How it ended; None while it has not. Raises ModelUnusable where nobody can say how."""
    if job is None:
        raise ModelUnusable(
            "The Job of the container was deleted by somebody else.",
            remedy="Look who deletes jobs in the namespace, and run the pipeline again.",
        )
    conditions = {
        one.get("type"): str(one.get("reason") or "")
        for one in _dict(job.get("status")).get("conditions") or []
        if isinstance(one, dict) and one.get("status") == "True"
    }
    terminated = _dict(_status_of(pod).get("terminated"))
    reason = str(_dict(_dict(pod).get("status")).get("reason") or "")
    if reason == "Evicted":
        message = str(_dict(_dict(pod).get("status")).get("message") or "")
        raise ModelUnusable(
            f"The container was evicted from its node: {_shown(message)}",
            remedy="It may have written more beside its output than the limit"
            " (MEDIVIEW_CONTAINER_OUTPUT_BYTES), or the node was short of memory or disk.",
        )
    if conditions.get("Failed") == "DeadlineExceeded":
        raise ModelUnusable(
            "The container was ended by the deadline of its Job.",
            remedy="Raise MEDIVIEW_CONTAINER_TIMEOUT_S, or MEDIVIEW_CONTAINER_START_S where the"
            " image is large or nodes are busy.",
        )
    if terminated:
        code = terminated.get("exitCode")
        return Ended(
            code if isinstance(code, int) else 1, terminated.get("reason") == _OUT_OF_MEMORY
        )
    if "Complete" in conditions:
        return Ended(0, is_out_of_memory=False)
    if "Failed" in conditions:
        raise ModelUnusable(
            f"The Job of the container failed, and its pod is gone ({_shown(reason) or 'lost'}).",
            remedy="Its node was lost or drained; run the pipeline again.",
        )
    return None


def _status_of(pod: dict[str, Any] | None) -> dict[str, Any]:
    """The state of the only container of a pod."""
    statuses = _dict(_dict(pod).get("status")).get("containerStatuses")
    first = statuses[0] if isinstance(statuses, list) and statuses else {}
    return _dict(_dict(first).get("state"))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(text: str) -> str:
    return text_from_outside(text, _SHOWN_AT_MOST)


def _late(timeout_s: float) -> ModelUnusable:
    return ModelUnusable(
        f"The container took longer than {timeout_s:g} s and was ended.",
        remedy="Raise MEDIVIEW_CONTAINER_TIMEOUT_S if it needs more; the package's own manifest may"
        " state less.",
    )


def _not_started(reason: str, message: str) -> ModelUnusable:
    return ModelUnusable(
        f"The container did not start ({_shown(reason)}): {_shown(message) or 'nothing stated'}.",
        remedy="Look at the image's name, the secrets to pull it (MEDIVIEW_CONTAINER_PULL_SECRETS),"
        " and what the nodes have free: kubectl describe job.",
    )
