"""What every pod of ours has to be, no matter where its manifest comes from."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.distribution.kubernetes.conftest import Document, pod_of

_TAGGED = re.compile(r"[^@]+:(?!latest$)[^:/@]+|[^@]+@sha256:[0-9a-f]{64}")
_LASTING = {"Deployment", "StatefulSet"}


def violations(document: Document) -> Iterator[str]:
    """What is wrong with the pods that a document makes, in words."""
    template = pod_of(document)
    if template is None:
        return
    pod = template["spec"]
    if pod.get("automountServiceAccountToken") is not False:
        yield "it gets a token of the cluster"
    if pod.get("enableServiceLinks") is not False:
        yield "variables made from Services would be taken for settings"
    context = pod.get("securityContext", {})
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield "it may be root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "it has no seccomp profile"
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield f"it has {name}"
    if any("hostPath" in volume for volume in pod.get("volumes", ())):
        yield "it mounts a folder of the host"
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        yield from _of_container(container)
    if document["kind"] in _LASTING:
        for container in pod["containers"]:
            yield from _of_probes(container)


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
        yield "it may gain privileges"
    if not context.get("readOnlyRootFilesystem"):
        yield "its root is not read-only"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "it has capabilities"
    resources = container.get("resources", {})
    for kind in ("requests", "limits"):
        missing = {"cpu", "memory"} - resources.get(kind, {}).keys()
        if missing:
            yield f"it has no {kind} of {', '.join(sorted(missing))}"
    if not _TAGGED.fullmatch(container["image"]):
        yield "its image has neither a version nor a digest"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield "it takes a port of the host"


def _of_probes(container: Mapping[str, Any]) -> Iterator[str]:
    for probe in ("startupProbe", "livenessProbe"):
        if probe not in container:
            yield f"it has no {probe}"
    if container.get("ports") and "readinessProbe" not in container:
        yield "it has ports and no readinessProbe"
