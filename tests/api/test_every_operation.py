"""What holds for every operation, asked of a node: methods, slashes, unknown names, headers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.app import create_app
from api.openapi.collection import collection
from storage.settings import load_settings
from tests.api.client import ApiNode
from tests.attacks.support.poison import ordinary, part10

_VALUES = {
    "study_instance_uid": "1.2.3",
    "series_instance_uid": "1.2.4",
    "sop_instance_uid": "1.2.5",
    "frame_list": "1",
    "element_path": "7FE00010",
    "workitem_uid": "1.2.6",
}
# Open parameters (PS3.18, FHIR), and a browser's way to an identity provider.
_OPEN = ("/dicom-web", "/fhir/", "/api/v1/session/oidc", "/api/v1/session/smart")
_SEARCH = re.compile(r"/(studies|series|instances|workitems)$|^/fhir/[A-Z]\w+$")
_ENDLESS = re.compile(r"/events$")
_TOLD = (
    *("ETag", "Link", "Location", "Content-Location"),
    *("Retry-After", "RateLimit", "RateLimit-Policy"),
)
_UNDESCRIBED_METHODS = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return create_app(load_settings()).openapi()


@pytest.fixture
def stored_instance(reading_api: ApiNode) -> tuple[ApiNode, dict[str, str]]:
    """A node with an instance, and its UIDs by the names of path parameters."""
    dataset = ordinary(32)
    stored = reading_api.client.post(
        "/dicom-web/studies",
        content=part10(dataset),
        headers={"Content-Type": "application/dicom"},
    )
    assert stored.status_code == 200, stored.text
    return reading_api, {
        "study_instance_uid": str(dataset.StudyInstanceUID),
        "series_instance_uid": str(dataset.SeriesInstanceUID),
        "sop_instance_uid": str(dataset.SOPInstanceUID),
    }


def address(path: str, **values: str) -> str:
    return re.sub(r"{(\w+)}", lambda name: (_VALUES | values).get(name[1], "1"), path)


def matching(description: dict[str, Any], asked: str) -> set[str]:
    """The methods of every described address of that form."""
    return {
        method.upper()
        for path, methods in description["paths"].items()
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)), asked)
        for method in methods
    }


def test_a_refused_method_names_those_of_the_address(
    reading_api: ApiNode, description: dict[str, Any]
) -> None:
    wrong = {}
    for path in description["paths"]:
        known = matching(description, address(path))
        if "GET" in known:
            known.add("HEAD")
        other = next(one for one in ("PUT", "PATCH", "DELETE", "POST", "GET") if one not in known)
        answer = reading_api.client.request(other, address(path))
        allowed = set(answer.headers.get("Allow", "").replace(" ", "").split(","))
        if answer.status_code != 405 or allowed - {"OPTIONS"} != known:
            wrong[path] = (other, answer.status_code, sorted(allowed), sorted(known))
    assert not wrong, wrong


@pytest.mark.slow
def test_a_slash_at_the_end_changes_nothing_anywhere(
    reading_api: ApiNode, description: dict[str, Any]
) -> None:
    wrong = {}
    for path, methods in description["paths"].items():
        if path.startswith(("/api/", "/dicom-web/", "/fhir/")):
            # A method that changes something could do so.
            method = "HEAD" if "get" in methods else "OPTIONS"
            plain = reading_api.client.request(method, address(path)).status_code
            slash = reading_api.client.request(method, address(path) + "/").status_code
            if plain != slash:
                wrong[path] = (plain, slash)
    assert not wrong, wrong


def _operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_no_operation_ignores_an_unknown_parameter(
    reading_api: ApiNode, description: dict[str, Any]
) -> None:
    wrong = {}
    for path, method, _ in _operations(description):
        if not path.startswith(_OPEN):
            answer = reading_api.client.request(method, address(path) + "?no_such_parameter=1")
            if answer.status_code != 422 or "'no_such_parameter'" not in answer.text:
                wrong[method, path] = (answer.status_code, answer.text[:200])
    assert not wrong, wrong


def test_of_the_standards_what_would_find_more_refuses_an_unknown_parameter_and_the_rest_warns(
    stored_instance: tuple[ApiNode, dict[str, str]], description: dict[str, Any]
) -> None:
    """PS3.18 8.3: as if it were absent, and a warning may say so."""
    api, uids = stored_instance
    refused, wrong, warned = set(), {}, 0
    for path, method, _ in _operations(description):
        if path.startswith(_OPEN[:2]) and method != "DELETE":
            url = address(path, **uids)
            plain = api.client.request(method, url)
            answer = api.client.request(method, url + "?no_such_parameter=1")
            if answer.status_code == 400 and "no_such_parameter" in answer.text:
                refused.add((method, path))
            elif answer.status_code != plain.status_code:
                wrong[method, path] = (answer.status_code, answer.text[:200])
            elif answer.is_success:
                warned += 1
                if "'no_such_parameter'" not in answer.headers.get("warning", ""):
                    wrong[method, path] = (answer.status_code, dict(answer.headers))
    assert not wrong, wrong
    assert warned > 15
    assert {one for one in refused if not _SEARCH.search(one[1])} == {
        ("POST", "/dicom-web/workitems/{workitem_uid}/subscribers/{ae_title}")
    }
    assert all(method == "GET" for method, path in refused if _SEARCH.search(path))


def test_no_body_ignores_an_unknown_field(
    reading_api: ApiNode, description: dict[str, Any]
) -> None:
    wrong, asked = {}, 0
    for folder in collection(description)["item"]:
        for item in folder["item"]:
            request = item["request"]
            body = json.loads(request.get("body", {}).get("raw", "null"))
            path = "/" + "/".join(request["url"]["path"])
            # A message of FHIRcast may have more than the hub knows.
            if not isinstance(body, dict) or path.startswith((*_OPEN, "/fhircast")):
                continue
            asked += 1
            url = re.sub(r":(\w+)", lambda name: _VALUES.get(name[1], "1"), path)
            answer = reading_api.client.request(
                request["method"], url, json={**body, "no_such_field": 1}
            )
            if answer.status_code != 422 or "no_such_field" not in answer.text:
                wrong[request["method"], path] = (answer.status_code, answer.text[:200])
    assert asked > 60
    assert not wrong, wrong


def test_no_form_ignores_an_unknown_field(
    reading_api: ApiNode, description: dict[str, Any]
) -> None:
    forms = [
        path
        for path, _, operation in _operations(description)
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]
    assert len(forms) > 2
    for path in forms:
        answer = reading_api.client.post(address(path), files={"no_such_field": b"1"})
        assert answer.status_code == 422, (path, answer.text)
        assert "body.no_such_field" in answer.text
    edit = '{"rows": 1, "columns": 1, "segment_numbers": [1], "no_such_field": 1, "slices": []}'
    path = next(one for one in forms if one.endswith("/edits"))
    answer = reading_api.client.post(
        address(path), data={"edit": edit}, files={"labels": ("labels", b"1")}
    )
    assert answer.status_code == 422, answer.text


def test_headers_that_are_sent_are_described(
    stored_instance: tuple[ApiNode, dict[str, str]], description: dict[str, Any]
) -> None:
    """Each operation is asked twice: of what is not there, and of a stored instance."""
    api, uids = stored_instance
    wrong = {}
    for path, method, operation in _operations(description):
        if method == "GET" and not _ENDLESS.search(path) and not path.startswith(_OPEN[2:]):
            for values in ({}, uids):
                answer = api.client.head(address(path, **values))
                responses = operation["responses"]
                described = responses.get(str(answer.status_code), responses["default"])
                sent = {one for one in _TOLD if one in answer.headers}
                if sent - set(described.get("headers", {})):
                    wrong[path] = (answer.status_code, sent)
    assert not wrong, wrong
