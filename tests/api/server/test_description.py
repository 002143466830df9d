"""The OpenAPI description is what a generator can use, and what the server really does."""

import collections
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from api.app import create_app
from api.jobs.routes import NewJob
from api.openapi.collection import collection
from storage.core.clock import utcnow
from storage.settings import load_settings
from storage.webhooks.payloads import EVENT_TYPES
from tests import builders
from tests.api.client import ApiNode, part10, scheduled_job, worked_on
from tests.patience import PATIENCE_S

_LONG = bool(os.environ.get("MEDIVIEW_LONG_TESTS"))
# Endless answers, what waits for a worker, and what needs an identity provider.
_NOT_ASKED = "|".join(
    (
        r"^/api/v1/(events|changes)",
        r"^/api/v1/jobs/\{job_id\}/events",
        r"^/api/v1/analyze$",
        r"^/api/v1/(summarize|vqa|docqa|deid/text)$",
        r"/oidc/",
        r"/subscribers/",
        r"/peers/\{name\}/test",
    )
)
_BY_OFFSET_ALONE = {
    "/api/v1/retention",
    "/api/v1/projects/{name}/exports/{export_id}/refused",
    "/api/v1/patient-changes",
}
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return create_app(load_settings()).openapi()


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_has_a_name_of_its_own_a_group_and_a_summary(
    description: dict[str, Any],
) -> None:
    assert description["openapi"].startswith("3.1")
    names = collections.Counter(one["operationId"] for _, _, one in operations(description))
    assert [name for name, count in names.items() if count > 1] == []
    for path, method, operation in operations(description):
        assert operation.get("tags"), (path, method)
        assert operation.get("summary"), (path, method)


def test_no_body_is_untyped_and_every_route_says_how_it_fails(description: dict[str, Any]) -> None:
    for path, method, operation in operations(description):
        problem = "fhir+json" if path.startswith("/fhir/") else "problem+json"
        assert f"application/{problem}" in operation["responses"]["default"]["content"]
        other = "problem+json" if problem == "fhir+json" else "fhir+json"
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert f"application/{other}" not in answer.get("content", {}), (path, status)
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for kind, content in body.get("content", {}).items():
                assert content.get("schema"), (path, method, kind)


def test_every_operation_says_who_may_ask_and_how_it_refuses(description: dict[str, Any]) -> None:
    schemes = description["components"]["securitySchemes"]
    for path, method, operation in operations(description):
        for one in operation["security"]:
            assert set(one) <= set(schemes), (path, method)
        if operation["security"]:
            assert {"401", "403", "429"} <= set(operation["responses"]), (path, method)
            assert "Retry-After" in operation["responses"]["429"]["headers"]
        assert all("*/*" not in one.get("content", {}) for one in operation["responses"].values())
    assert description["paths"]["/health"]["get"]["security"] == []
    users = description["paths"]["/api/v1/users"]
    assert users["get"]["security"] == [{"key": ["admin"]}, {"session": []}]
    assert users["post"]["security"] == [{"session": []}], "people alone make accounts"
    studies = description["paths"]["/api/v1/studies"]["get"]["responses"]["200"]
    assert "Link" in studies["headers"]


def test_every_tag_and_every_notice_is_described(description: dict[str, Any]) -> None:
    used = {tag for _, _, operation in operations(description) for tag in operation["tags"]}
    assert {one["name"] for one in description["tags"]} == used
    assert set(description["webhooks"]) == set(EVENT_TYPES)
    assert not any(path.startswith("/api/") and "/v1/" not in path for path in description["paths"])


def test_lists_go_on_by_cursor_and_have_an_etag(description: dict[str, Any]) -> None:
    for path, operations in description["paths"].items():
        operation = operations.get("get", {})
        asked = {one["name"] for one in operation.get("parameters", [])}
        # Lists of DICOMweb go on by the parameters of their standard.
        is_own = path.startswith("/api/") and "/dicom-web/" not in path
        if {"limit", "offset"} <= asked and is_own:
            assert ("cursor" in asked) == (path not in _BY_OFFSET_ALONE), path
            assert "ETag" in operation["responses"]["200"]["headers"], path


def test_a_collection_has_each_operation_once_and_bodies_that_the_node_takes(
    description: dict[str, Any],
) -> None:
    made = collection(description)
    items = [
        (folder["name"], item["request"]) for folder in made["item"] for item in folder["item"]
    ]
    assert len(items) == sum(1 for _ in operations(description))
    assert {tag for tag, _ in items} <= {tag["name"] for tag in description["tags"]}
    by_address = {(one["method"], one["url"]["raw"].partition("?")[0]): one for _, one in items}
    cancel = by_address["POST", "{{node}}/api/v1/jobs/:job_id/cancel"]
    assert [one["key"] for one in cancel["url"]["variable"]] == ["job_id"]
    assert json.loads(cancel["body"]["raw"]) == {"reason": "The wrong patient."}
    assert NewJob.model_validate_json(by_address["POST", "{{node}}/api/v1/jobs"]["body"]["raw"])
    assert "auth" not in cancel
    assert by_address["GET", "{{node}}/livez"]["auth"] == {"type": "noauth"}


def test_the_description_is_valid_openapi_with_valid_defaults_and_examples(
    description: dict[str, Any],
) -> None:
    """By the schema of OpenAPI 3.1 that Schemathesis carries, and JSON Schema 2020-12."""
    assert [str(one) for one in OPENAPI_31_VALIDATOR.iter_errors(description)] == []
    wrong, count = [], 0
    for schema in _schemas(description):
        values = [
            *schema.get("examples", []),
            *([schema["default"]] if "default" in schema else []),
        ]
        whole = schema | {"components": description["components"]}
        checked = jsonschema_rs.Draft202012Validator(whole if "$ref" in str(schema) else schema)
        wrong += [(value, schema) for value in values if not checked.is_valid(value)]
        count += len(values)
    assert count > 500
    assert not wrong, wrong


def _schemas(value: Any) -> Iterator[dict[str, Any]]:
    """Each schema that states a default or examples."""
    if isinstance(value, dict):
        is_schema = not {"type", "anyOf", "enum", "$ref"}.isdisjoint(value)
        if is_schema and ("default" in value or isinstance(value.get("examples"), list)):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _schemas(one)


def test_names_of_operations_read_as_a_verb_with_its_object(description: dict[str, Any]) -> None:
    names = [one["operationId"] for _, _, one in operations(description)]
    assert [one for one in names if not re.fullmatch(r"[a-z]+(_[a-z0-9]+){0,5}", one)] == []
    assert [one for one in names if "work_item" in one] == [], "DICOM writes workitem"
    assert {one for one in names if "_" not in one} == {
        *("analyze", "summarize"),
        *("health", "livez", "readyz", "startupz"),
    }


def test_the_node_is_the_server_and_every_notice_has_typed_data(
    description: dict[str, Any],
) -> None:
    assert [one["url"] for one in description["servers"]] == ["/"]
    for name, one in description["webhooks"].items():
        notice = one["post"]["requestBody"]["content"]["application/json"]["schema"]
        data = notice["properties"]["data"]["$ref"].rpartition("/")[2]
        assert description["components"]["schemas"][data]["properties"], name


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    known = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers")
        for name in description["components"][kind]
    }
    assert set(_references(description)) <= known


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _references(one)


@pytest.mark.timeout(1300 if _LONG else 600)
@pytest.mark.slow
def test_the_server_answers_as_described_whatever_is_asked(
    stored_api: ApiNode, tmp_path: Path
) -> None:
    """Schemathesis asks for all that the description allows; `make conformance` at length."""
    api = stored_api
    examples, phases = (20, "examples,coverage,fuzzing") if _LONG else (1, "fuzzing")
    config = tmp_path / "schemathesis.toml"
    config.write_text(_known(api), encoding="utf-8")
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("st")),
            "--config-file",
            str(config),
            "run",
            f"{api.url}/api/openapi.json",
            *("--exclude-path-regex", _NOT_ASKED),
            *("--phases", phases),
            *("--max-examples", str(examples)),
            # A model that is met by chance is really proven, which takes longer than all else.
            *("--request-timeout", str(PATIENCE_S)),
            *("--seed", "1"),
            *("--warnings", "off"),
            "--no-color",
            "--continue-on-failure",
        ],
        capture_output=True,
        text=True,
        timeout=1200 if _LONG else 540,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-12_000:] + run.stderr[-2_000:]


def _known(api: ApiNode) -> str:
    """Identifiers of what is there, so that more than 404 is answered."""
    series = builders.series(np.zeros((3, 4, 4), np.int16), modality="MR", seed=9)
    for instance in series:
        api.storage.ingest.accept(part10(instance), "dimse:MR1")
    study = str(series[0].StudyInstanceUID)
    job = scheduled_job(api.storage, study)
    worked_on(api.storage, job)
    (finding,) = api.storage.findings.of_job(job.job_id)
    api.storage.deliveries.enqueue("pacs", api.storage.index.instances_of(study), job.job_id)
    delivery = api.storage.deliveries.of_study(study)[0]
    api.storage.heartbeats.beat("beat", utcnow())
    known = {
        "study_instance_uid": study,
        "series_instance_uid": str(series[0].SeriesInstanceUID),
        "sop_instance_uid": str(series[0].SOPInstanceUID),
        "job_id": job.job_id,
        "finding_id": finding.finding_id,
        "delivery_id": delivery.delivery_id,
    }
    lines = [f'"path.{name}" = "{value}"' for name, value in known.items()]
    # They answer 503 where a node is not configured for them, as this one.
    unconfigured = [
        f'[[operations]]\ninclude-name = "{name}"\nchecks.not_a_server_error.enabled = false'
        for name in ("GET /api/v1/session/smart/launch", "POST /api/v1/models")
    ]
    # Those that are named on the command line would be made of every operation.
    checks = ["[checks]", "enabled = false", *(f"{one}.enabled = true" for one in _CHECKS)]
    return "\n".join(["[parameters]", *lines, *checks, *unconfigured, ""])


def test_no_two_schemas_share_a_name(description: dict[str, Any]) -> None:
    """Those that do are written with their modules, and generators of clients leave them out."""
    of_two = [name for name in description["components"]["schemas"] if "__" in name]
    assert of_two == []
