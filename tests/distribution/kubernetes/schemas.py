"""The schemas of Kubernetes' versions, each read once.

kubernetes-validate, which has them, reads all of them again for each document.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

VERSIONS = ("1.25", "1.28", "1.31", "1.34", "1.37")
"""The oldest of the chart, some between, which `make slow` has, and the newest that is known."""
OF_OTHERS = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor"}
"""Kinds of KEDA and the Prometheus operator, whose schemas are not among Kubernetes' own."""

_SCHEMAS = files("kubernetes_validate") / "kubernetes-json-schema"


@cache
def _registry(version: str) -> Registry:
    folder = _SCHEMAS / f"v{version}.0-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text())
    resource = Resource.from_contents(definitions, default_specification=DRAFT202012)
    return Registry().with_resource("/api/_definitions.json", resource)


@cache
def _validator(version: str, kind: str, api_version: str) -> Draft202012Validator:
    group, _, number = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.split(".")[0], number) if part)
    folder = _SCHEMAS / f"v{version}.0-local-strict"
    schema = json.loads((folder / f"{name}.json").read_text())
    return Draft202012Validator(schema, registry=_registry(version))


def mistakes(document: dict[str, Any], version: str) -> list[str]:
    """What a version of Kubernetes would not take, unknown fields among it."""
    validator = _validator(version, document["kind"], document["apiVersion"])
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
