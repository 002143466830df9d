"""The Job of one run: what a container may, and what it sees.

Its pod has no account, no name server, no capabilities, a read-only root, the user of the workers
and limits. That it has no network is a NetworkPolicy of the chart, by the label `NAME_LABEL`.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from inference.containers.container_run import ContainerRun
from inference.containers.manifest import TEMPORARY_FOLDER
from inference.refusals import ModelUnusable
from storage.settings import Settings

NAME_LABEL = "app.kubernetes.io/name"
LABELS = {NAME_LABEL: "mediview-model", "app.kubernetes.io/managed-by": "mediview"}
# How long its worker has to see that it ended.
_KEPT_S = 600
# Beyond its time and that of its start, should its worker be gone.
_GRACE_S = 60
_GPU = "nvidia.com/gpu"


def job_of(run: ContainerRun, name: str, settings: Settings, exchange: Path) -> dict[str, Any]:
    """`exchange`: the folder of this machine that the claim holds."""
    at_most_s = run.timeout_s + settings.container_start_s + _GRACE_S
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": dict(LABELS)},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            # From its creation on, the wait for a node and for the image included.
            "activeDeadlineSeconds": math.ceil(at_most_s),
            "ttlSecondsAfterFinished": _KEPT_S,
            "template": {
                "metadata": {"labels": dict(LABELS)},
                "spec": _pod(run, settings, exchange),
            },
        },
    }


def _pod(run: ContainerRun, settings: Settings, exchange: Path) -> dict[str, Any]:
    if os.geteuid() == 0:
        raise ModelUnusable(
            "The worker is root, and a Job of Kubernetes has its user, which must not be root.",
            remedy="Run workers as the chart does (user 10001).",
        )
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # Where a network plugin enforces no policies, names at least lead nowhere.
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            # Whose the files are, on any file system.
            "runAsUser": os.geteuid(),
            "runAsGroup": os.getegid(),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(run, settings, exchange)],
        "volumes": [
            {
                "name": "exchange",
                "persistentVolumeClaim": {"claimName": settings.container_claim},
            },
            {
                "name": "tmp",
                # Counts against its memory.
                "emptyDir": {
                    "medium": "Memory",
                    "sizeLimit": str(settings.container_memory_bytes // 2),
                },
            },
        ],
    }
    if run.gpus:
        pod["tolerations"] = [{"key": _GPU, "operator": "Exists", "effect": "NoSchedule"}]
    if settings.container_runtime_class:
        pod["runtimeClassName"] = settings.container_runtime_class
    if settings.container_pull_secrets:
        pod["imagePullSecrets"] = [{"name": one} for one in settings.container_pull_secrets]
    return pod


def _container(run: ContainerRun, settings: Settings, exchange: Path) -> dict[str, Any]:
    # What is asked for is what is given: nothing that the node has promised to others.
    resources = {
        "cpu": f"{math.ceil(settings.container_cpus * 1000)}m",
        "memory": str(settings.container_memory_bytes),
        "ephemeral-storage": str(settings.container_output_bytes),
        **({_GPU: str(run.gpus)} if run.gpus else {}),
    }
    variables = {**run.environment, "HOME": TEMPORARY_FOLDER}
    return {
        "name": "model",
        "image": run.image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(run.command),
        "workingDir": run.working_directory,
        # `$(NAME)` of a card is no reference to another variable.
        "env": [
            {"name": name, "value": value.replace("$(", "$$(")} for name, value in variables.items()
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": dict(resources), "limits": dict(resources)},
        "volumeMounts": [
            {
                "name": "exchange",
                "mountPath": run.input[1],
                "subPath": _below(run.input[0], exchange),
                "readOnly": True,
            },
            {
                "name": "exchange",
                "mountPath": run.output[1],
                "subPath": _below(run.output[0], exchange),
            },
            {"name": "tmp", "mountPath": TEMPORARY_FOLDER},
        ],
    }


def _below(folder: Path, exchange: Path) -> str:
    return str(folder.relative_to(exchange))
