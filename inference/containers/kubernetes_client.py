"""The few calls that jobs of containers need of a Kubernetes API, by the pod's own account.

https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/: address in the environment,
token and authority in files, of which the token changes.
"""

from __future__ import annotations

import json
import os
import ssl
from pathlib import Path
from typing import Any

import httpx

from inference.refusals import ContainerClusterFailed, ModelUnusable
from storage.core.errors import InvalidRequest
from storage.http.client import checked_client, closed_after, failure_words
from storage.http.url_policy import bracketed

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HOST = "KUBERNETES_SERVICE_HOST"
_ANSWER_AT_MOST_BYTES = 4 * 1024 * 1024
_TOKEN_AT_MOST_BYTES = 64 * 1024
_CALL_S = 20.0
_REMEDY = "Look at the cluster's API, and at networkPolicy.kubernetesApi of the chart."


def has_account(account: Path = _ACCOUNT) -> bool:
    """Whether this process is in a pod that may ask the API of its cluster."""
    return bool(os.environ.get(_HOST)) and (account / "token").is_file()


class KubernetesClient:
    """Jobs and their pods in one namespace."""

    def __init__(self, namespace: str, account: Path = _ACCOUNT) -> None:
        """Raises ModelUnusable where the worker is in no pod of a cluster."""
        if not has_account(account):
            raise ModelUnusable(
                "MEDIVIEW_CONTAINER_ENGINE is kubernetes, and this process has no account of a"
                f" cluster ({account}).",
                remedy="Set containers.enabled in the chart; outside of a cluster use podman.",
            )
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        self._url = f"https://{bracketed(os.environ[_HOST])}:{port}"
        self._namespace = namespace
        self._account = account

    def version(self) -> str:
        return str(self._call("GET", "/version").get("gitVersion") or "of no stated version")

    def create_job(self, job: dict[str, Any]) -> None:
        self._call("POST", self._jobs(), job)

    def job(self, name: str) -> dict[str, Any] | None:
        """None where there is no such job any more."""
        return self._found("GET", f"{self._jobs()}/{name}")

    def pod_of(self, name: str) -> dict[str, Any] | None:
        """The only pod of a job, or none yet."""
        query = f"?labelSelector=job-name%3D{name}&limit=2"
        answer = self._call("GET", f"/api/v1/namespaces/{self._namespace}/pods{query}")
        items = answer.get("items")
        pods = [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []
        return pods[0] if pods else None

    def delete_job(self, name: str) -> None:
        """With its pod: the job is gone once that is."""
        self._found("DELETE", f"{self._jobs()}/{name}?propagationPolicy=Foreground")

    def _jobs(self) -> str:
        return f"/apis/batch/v1/namespaces/{self._namespace}/jobs"

    def _found(self, method: str, path: str) -> dict[str, Any] | None:
        try:
            return self._call(method, path)
        except _NotFound:
            return None

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        try:
            with (
                checked_client(verify=self._tls(), timeout=_CALL_S) as client,
                closed_after(client, _CALL_S),
                client.stream(
                    method, f"{self._url}{path}", headers=headers, content=content
                ) as response,
            ):
                text = self._bounded(response)
        except InvalidRequest as error:
            raise ContainerClusterFailed(error.message, remedy=error.remedy) from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            raise ContainerClusterFailed(
                f"The Kubernetes API cannot be reached: {failure_words(error)}.", remedy=_REMEDY
            ) from error
        return self._answer(response.status_code, method, path, text)

    def _bounded(self, response: httpx.Response) -> bytes:
        text = b""
        for piece in response.iter_raw():
            text += piece
            if len(text) > _ANSWER_AT_MOST_BYTES:
                raise ContainerClusterFailed(
                    f"The Kubernetes API answered more than {_ANSWER_AT_MOST_BYTES} bytes.",
                    remedy=_REMEDY,
                )
        return text

    def _answer(self, status: int, method: str, path: str, text: bytes) -> dict[str, Any]:
        what = f"{method} {path.partition('?')[0]}"
        if status == 404:
            raise _NotFound(
                f"The Kubernetes API knows no {path.partition('?')[0]}.",
                remedy="Compare MEDIVIEW_CONTAINER_NAMESPACE with the cluster's namespaces.",
            )
        if status in (401, 403):
            raise ModelUnusable(
                f"The Kubernetes API refused {what} (HTTP {status}).",
                remedy="The account of the workers needs the chart's Role in the namespace"
                f" {self._namespace}: create, get and delete jobs, list pods.",
            )
        if status in (400, 409, 422):
            raise ModelUnusable(
                f"The Kubernetes API took no job of this form (HTTP {status}).",
                remedy="Quotas, limits or policies of the namespace may refuse it; its events and"
                " the API server's log say which.",
            )
        if not 200 <= status < 300:
            raise ContainerClusterFailed(
                f"The Kubernetes API answered {what} with HTTP {status}.", remedy=_REMEDY
            )
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ContainerClusterFailed(
                "The Kubernetes API answered what is not JSON.", remedy=_REMEDY
            ) from error
        return answer if isinstance(answer, dict) else {}

    def _token(self) -> str:
        """Read again each time: it is replaced before it ends."""
        try:
            with (self._account / "token").open("rb") as stream:
                return stream.read(_TOKEN_AT_MOST_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ModelUnusable(
                f"The token of the workers' account cannot be read from {self._account}.",
                remedy="Look at the ServiceAccount of the chart.",
            ) from error

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._account / "ca.crt")
        except OSError as error:
            raise ModelUnusable(
                f"The authority of the cluster cannot be read from {self._account / 'ca.crt'}.",
                remedy="Look at the ConfigMap kube-root-ca.crt of the namespace.",
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class _NotFound(ModelUnusable):
    """HTTP 404."""
