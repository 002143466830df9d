"""The chart as Helm renders it, and the manifests of the repository."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
KUBERNETES = ROOT / "deploy/kubernetes"
SCRIPT = ROOT / "scripts/kubernetes-manifests.py"

Document = dict[str, Any]
Render = Callable[..., list[Document]]


def manifest(name: str) -> list[Document]:
    """The documents of one of the repository's manifests."""
    text = (KUBERNETES / f"manifests/{name}.yaml").read_text()
    return [one for one in yaml.safe_load_all(text) if one]


MANIFESTS = {path.stem: manifest(path.stem) for path in KUBERNETES.glob("manifests/*.yaml")}


def pod_of(document: Mapping[str, Any]) -> Document | None:
    """The template of the pods that a document makes; None where it makes none."""
    spec = document.get("spec", {})
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: Document | None = spec.get("template")
    return template if document["kind"] in _WORKLOADS else None


_WORKLOADS = {"Deployment", "StatefulSet", "Job", "CronJob"}


@cache
def helm_path() -> str:
    answer = subprocess.run(
        [sys.executable, SCRIPT, "--helm"], check=False, capture_output=True, text=True
    )
    if answer.returncode:
        pytest.skip(answer.stderr.strip())
    return answer.stdout.strip()


def run_helm(*files: str, values: Mapping[str, Any] | None = None) -> tuple[int, str, str]:
    """Exit status, output and errors of `helm template` with files of values, and others on top."""
    options = [part for name in files for part in ("--values", f"values/{name}.yaml")]
    answer = subprocess.run(
        [helm_path(), "template", "mediview", "chart", *options, "--values", "-"],
        cwd=KUBERNETES,
        input=yaml.safe_dump(dict(values or {})),
        check=False,
        capture_output=True,
        text=True,
    )
    return answer.returncode, answer.stdout, answer.stderr


@pytest.fixture
def render() -> Render:
    def rendered(*files: str, **values: Any) -> list[Document]:
        status, output, errors = run_helm(*files, values=values)
        assert status == 0, errors
        return [one for one in yaml.safe_load_all(output) if one]

    return rendered
