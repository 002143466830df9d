"""Every error is a problem with a code, a sentence and a remedy, and says nothing it should not."""

import ast
import json
import logging
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError
from structlog.testing import capture_logs

import api.errors as api_errors
from api.access.schemas import Credentials
from api.logs import configure_logging
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.settings import load_settings
from tests.api.client import ApiNode, is_problem
from tests.api.usual_logging import logging_as_before

TEXT_POINTS = {
    "measurements": [{"shape": "LENGTH", "sop_instance_uid": "1.2", "points": [["1", 2], [3, 4]]}]
}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/dicom-web/nothing", 404, "not_found"),
        ("DELETE", "/api/studies", 405, "method_not_allowed"),
        ("GET", "/api/studies/2.25.1", 404, "not_found"),
        ("GET", "/api/studies/2.25.1/findings", 404, "not_found"),
        ("GET", "/api/studies/abc", 422, "validation_failed"),
        ("GET", "/api/studies/%00", 422, "validation_failed"),
        ("GET", "/api/studies?limit=0", 422, "validation_failed"),
        ("GET", "/api/studies?offset=99999999999999999999", 422, "validation_failed"),
        ("GET", "/api/studies?q=%00", 422, "validation_failed"),
        ("GET", "/api/jobs/nothing", 404, "not_found"),
        ("GET", "/api/jobs?state=LOST", 422, "validation_failed"),
        ("PUT", "/api/uploads/content", 422, "validation_failed"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    api: ApiNode, method: str, path: str, status: int, code: str
) -> None:
    problem = is_problem(api.client.request(method, path), status, code)
    assert problem["remedy"]


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "Sign in"),
        (403, "Ask an administrator"),
        (404, "Check what the request names"),
        (406, "Accept one of the media types"),
        (409, "Read the present state first"),
        (415, "Send one of the media types"),
        (422, "Correct the request"),
        (429, "Wait a moment"),
    ],
)
def test_a_refusal_that_names_no_remedy_gets_that_of_its_status(status: int, remedy: str) -> None:
    app = FastAPI()
    api_errors.install_error_handlers(app)

    @app.get("/refused")
    def refused() -> None:
        raise api_errors.ApiProblem(status, "refused", "It is refused.")

    with TestClient(app) as client:
        assert client.get("/refused").json()["remedy"].startswith(remedy)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"upload_id": 5}'])
def test_garbage_for_json_is_refused(api: ApiNode, body: bytes) -> None:
    answer = api.client.post(
        "/api/analyze/start", content=body, headers={"Content-Type": "application/json"}
    )
    is_problem(answer, 422, "validation_failed")


@pytest.mark.parametrize("declared", [True, False])
def test_a_json_body_of_megabytes_is_refused(api: ApiNode, declared: bool) -> None:
    body = b" " * 2_000_000
    answer = api.client.post(
        "/api/analyze/start",
        content=body if declared else iter([body]),
        headers={"Content-Type": "application/json"},
    )
    is_problem(answer, 413, "limit_exceeded")


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("GET", "/api/v1/studies/abc", None, "path.study_instance_uid: It must be a UID"),
        ("POST", "/api/v1/jobs", {"series_instance_uid": "x"}, "series_instance_uid: It must be a"),
        ("POST", "/api/v1/worklist", {"study_instance_uid": "x"}, "study_instance_uid: It must be"),
        ("GET", "/api/v1/jobs/a_b", None, "job_id: It must be an identifier"),
        ("POST", "/api/v1/jobs/retry", {"job_ids": ["a"], "force": "yes"}, "true or false"),
        ("POST", "/api/v1/jobs/retry", {"job_ids": ["a"], "force": 1}, "true or false"),
        ("PUT", "/api/v1/series/1.2/expectations", {"instance_count": "5"}, "It must be a number"),
        ("PUT", "/api/v1/series/1.2/expectations", {"instance_count": True}, "It must be a number"),
        (
            "POST",
            "/api/v1/conflicts/decisions",
            {"conflict_ids": ["5"]},
            "Each of them must be a num",
        ),
        (
            "POST",
            "/api/v1/conflicts/decisions",
            {"conflict_ids": [3, True]},
            "Each of them must be a",
        ),
        ("POST", "/api/v1/studies/1.2/measurements", TEXT_POINTS, "Each of them must be a number"),
        ("GET", "/api/v1/studies?report=nonsense", None, "'amended' or 'none'"),
        ("GET", "/api/v1/studies?order=up", None, "It must be 'asc' or 'desc'"),
        ("GET", "/api/v1/studies?q=%00", None, "query.q: It must be text without NUL"),
    ],
)
def test_what_a_value_must_be_stands_in_words(
    api: ApiNode, method: str, path: str, body: object, detail: str
) -> None:
    problem = is_problem(api.client.request(method, path, json=body), 422, "validation_failed")
    said = [f"{one['where']}: {one['what']}" for one in problem["errors"]]
    assert any(detail in one for one in said), said
    assert not any("pattern" in one or "constrained" in one for one in said)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/studies?modality=a%00b"),
        ("GET", "/api/v1/peers/a%00b"),
        ("GET", "/dicom-web/studies?PatientID=a%00b"),
        ("GET", "/dicom-web/studies/a%00b/metadata"),
        ("DELETE", "/dicom-web/studies/a%00b"),
        ("DELETE", "/dicom-web/studies/a%00b/series/a%00b"),
        ("DELETE", "/dicom-web/studies/a%00b/series/a%00b/instances/a%00b"),
    ],
)
def test_a_character_that_the_database_does_not_take_is_no_fault_of_the_node(
    stored_api: ApiNode, method: str, path: str
) -> None:
    answer = stored_api.client.request(method, path)
    if answer.status_code not in (200, 204, 404):
        assert "NUL" in is_problem(answer, 400, "invalid_request")["remedy"]


def _raised_codes() -> dict[str, set[int]]:
    """Of every refusal whose status and code stand in the sources of the API."""
    found: dict[str, set[int]] = {}
    for path in Path(api_errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(args=[ast.Constant(int(status)), ast.Constant(str(code)), *_]) if (
                    400 <= status < 600 and re.fullmatch("[a-z_]+", code)
                ):
                    found.setdefault(code, set()).add(status)
    return found


def test_the_page_of_problem_codes_has_every_code_with_its_status() -> None:
    page = Path(api_errors.__file__).parents[1].joinpath("docs/problems.md").read_text("utf-8")
    described = {
        code: {int(status) for status in re.findall(r"\d{3}", row[2])}
        for row in re.findall(r"^\| ((`\w+`,? ?)+) \| ([\d, ]+) \|", page, re.MULTILINE)
        for code in re.findall(r"\w+", row[0])
    }
    raised = _raised_codes()
    for kind in _subclasses(MediViewError):
        if kind.code in api_errors._TITLE_OF:
            known = (api_errors._STATUS_OF.get(cause) for cause in kind.__mro__)
            raised.setdefault(kind.code, set()).add(next(filter(None, known), 500))
    assert set(described) == set(raised)
    wrong = {
        code: (raised[code], stated)
        for code, stated in described.items()
        if not raised[code] <= stated
    }
    assert not wrong


def _subclasses(kind: type[MediViewError]) -> Iterator[type[MediViewError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _subclasses(one)


def test_the_request_id_is_the_clients_when_it_is_sane(api: ApiNode) -> None:
    given = api.client.get("/api/studies", headers={"X-Request-ID": "trace-7"})
    assert given.headers["x-request-id"] == "trace-7"
    odd = api.client.get("/api/studies", headers={"X-Request-ID": "a b<script>"})
    assert len(odd.headers["x-request-id"]) == 32


def test_a_fault_of_ours_shows_no_insides_and_no_values(
    api: ApiNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("Doe^Jane in table patient")

    monkeypatch.setattr("api.jobs.routes.job_payload", broken)
    monkeypatch.setattr("storage.jobs.repository.Jobs.get", broken)
    with capture_logs() as logged:
        answer = api.client.get("/api/jobs/some-job")
    problem = is_problem(answer, 500, "internal")
    assert "Doe" not in answer.text + json.dumps(logged)
    assert answer.headers["x-content-type-options"] == "nosniff"
    (failure,) = [one for one in logged if one["event"] == "request_failed"]
    assert failure["error"] == "RuntimeError"
    assert failure["at"]
    assert problem["request_id"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StorageFull("The disk is full.", remedy="Free some."), 507, "storage_full"),
        (StorageUnavailable("Gone.", remedy="Wait."), 503, "storage_unavailable"),
    ],
)
def test_a_failing_storage_tells_when_to_come_back(
    api: ApiNode, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    def failing(*_: object) -> None:
        raise error

    monkeypatch.setattr("storage.jobs.repository.Jobs.get", failing)
    answer = api.client.get("/api/jobs/some-job")
    is_problem(answer, status, code)
    assert int(answer.headers["retry-after"]) > 0


def test_a_patients_name_in_a_query_is_not_logged(api: ApiNode) -> None:
    with capture_logs() as logged:
        api.client.get("/api/studies", params={"q": "Xylophonius"})
        api.client.get("/dicom-web/studies", params={"PatientName": "Xylophonius"})
        api.client.get("/api/studies/2.25.123456789")
    assert "Xylophonius" not in json.dumps(logged, default=str)
    assert [one["route"] for one in logged if one["event"] == "http_request"] == [
        "/api/studies",
        "/dicom-web/studies",
        "/api/studies/{study_instance_uid}",
    ]


def test_what_other_libraries_log_of_an_exception_has_no_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logging_as_before():
        configure_logging(load_settings(log_format="json"))
        try:
            raise ValueError("Doe^Jane")
        except ValueError:
            logging.getLogger("some.library").exception("it failed")
            structlog.get_logger("ours").error("failed", exc_info=True)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["error"] for line in lines] == ["ValueError", "ValueError"]
    assert "Doe" not in json.dumps(lines)


def test_what_strangers_send_changes_no_terminal_that_shows_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logging_as_before():
        configure_logging(load_settings(log_format="text"))
        structlog.get_logger("ours").info("hl7_message", kind="\x1b[2JMüll^\x07\n2026")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.replace("\\", "").isprintable()
    assert r"\x1b[2JMüll^\x07\n2026" in line


def test_the_description_names_every_route_and_its_problems(api: ApiNode) -> None:
    described = api.client.get("/api/openapi.json").json()
    assert {"/health", "/api/v1/studies", "/api/v1/jobs/{job_id}/events", "/api/v1/analyze"} <= set(
        described["paths"]
    )
    problem = described["paths"]["/api/v1/jobs/{job_id}"]["get"]["responses"]["404"]
    assert "application/problem+json" in problem["content"]
    for path, methods in described["paths"].items():
        for operation in methods.values():
            assert operation.get("summary"), path


@pytest.mark.parametrize("path", ["/api/jobs/cancel", "/dicom-web/studies", "/fhir/Device"])
def test_a_body_that_is_encoded_for_the_way_is_refused_by_name(
    reading_api: ApiNode, path: str
) -> None:
    headers = {"Content-Encoding": "identity, GZip"}
    answer = reading_api.client.post(path, content=b"x", headers=headers)
    assert answer.status_code == 415
    assert "'gzip'" in answer.text
    assert answer.headers["accept-encoding"] == "identity"


def test_a_body_that_is_wrong_everywhere_is_refused_at_once(api: ApiNode) -> None:
    """However many names are unknown, no more errors are made than a problem names."""
    names = {f"x{number}": 1 for number in range(80_000)}
    tracemalloc.start()
    with pytest.raises(ValidationError) as refused:
        Credentials.model_validate({"name": "a", "password": "b" * 12, "unknown": 1} | names)
    assert refused.value.error_count() == 100
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 << 20
    problem = is_problem(api.client.post("/api/session", json=names), 422, "validation_failed")
    assert len(problem["errors"]) == 100
    wrong = {"measurements": [{}] * 100_000}
    path = "/api/studies/1.2/measurements"
    problem = is_problem(api.client.post(path, json=wrong), 422, "validation_failed")
    assert len(problem["errors"]) == 1
    assert "at most" in problem["detail"]
