"""What a request asks for by a name that does not exist is refused, with the nearest name."""

from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.app import create_app
from api.request_rules.unknown_names import known_fields, suggestion
from api.router_factory import StrictRoute
from storage.settings import load_settings
from tests.api.client import ApiNode, is_problem


@pytest.mark.parametrize(
    ("path", "name", "remedy"),
    [
        ("/api/jobs?prioity=HIGH", "prioity", "Known are:"),
        ("/api/studies?modalty=CT", "modalty", "Did you mean 'modality'?"),
        ("/api/studies?Limit=3", "Limit", "Did you mean 'limit'?"),
        ("/api/pipelines?x=1", "x", "This address takes no query parameters."),
        ("/health?verbose=", "verbose", "This address takes no query parameters."),
    ],
)
def test_an_unknown_query_parameter_is_named(
    api: ApiNode, path: str, name: str, remedy: str
) -> None:
    problem = is_problem(api.client.get(path), 422, "unknown_parameter")
    assert problem["detail"] == f"There is no query parameter '{name}' here."
    assert remedy in problem["remedy"]


def test_a_parameter_that_is_repeated_is_not_read_once(api: ApiNode) -> None:
    answer = api.client.get("/api/studies?limit=1&limit=2")
    problem = is_problem(answer, 422, "repeated_parameter")
    assert problem["detail"] == "The query parameter 'limit' is given more than once."
    # A list is given in this way.
    changes = api.client.get("/api/changes?type=job&type=study")
    assert changes.status_code == 200


def test_the_value_of_an_unknown_parameter_is_not_repeated(api: ApiNode) -> None:
    answer = api.client.get("/api/jobs", params={"patient_name": "Doe^Jane"})
    assert answer.status_code == 422
    assert "Jane" not in answer.text


def test_an_endless_name_is_cut_short(api: ApiNode) -> None:
    answer = api.client.get(f"/api/jobs?{'x' * 5000}=1")
    assert answer.status_code == 422
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    ("path", "body", "where", "what"),
    [
        (
            "/api/jobs",
            {"series_instance_uid": "1.2", "pipeline": "brain-volume", "prioity": "HIGH"},
            "body.prioity",
            "There is no such field (did you mean 'priority'?)",
        ),
        (
            "/api/studies/1.2/measurements",
            {
                "measurements": [
                    {"shape": "POINT", "sop_instance_uid": "1", "point": [], "points": [[1, 2]]}
                ]
            },
            "body.measurements.0.point",
            "(did you mean 'points'?)",
        ),
        ("/api/summarize", {"text": "A.", "max_word": 3}, "body.max_word", "There is no such"),
    ],
)
def test_an_unknown_field_of_a_body_is_named(
    api: ApiNode, path: str, body: dict[str, Any], where: str, what: str
) -> None:
    problem = is_problem(api.client.post(path, json=body), 422, "validation_failed")
    (wrong,) = [one for one in problem["errors"] if one["where"] == where]
    assert what in wrong["what"]


def test_every_body_refuses_what_it_does_not_know(tmp_path: Any) -> None:
    def models_of(annotation: Any) -> set[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            inner = (models_of(field.annotation) for field in annotation.model_fields.values())
            return {annotation}.union(*inner)
        return set().union(*map(models_of, getattr(annotation, "__args__", ())))

    app = create_app(load_settings(data_dir=tmp_path))
    routes = [one for one in app.routes if isinstance(one, StrictRoute) and one.body_field]
    assert len(routes) > 30
    lenient = {
        model.__name__
        for route in routes
        if route.body_field
        for model in models_of(route.body_field.field_info.annotation)
        if model.model_config.get("extra") != "forbid"
    }
    assert lenient == set()


def test_standards_with_open_parameters_are_asked_as_before(api: ApiNode) -> None:
    # QIDO-RS: attributes are parameters (PS3.18 8.3.4). FHIR: unknown ones are for the server's
    # own rules (R4 3.1.1.1.2).
    assert api.client.get("/dicom-web/studies?00080060=CT").status_code in (200, 204)
    assert api.client.get("/fhir/ImagingStudy?status=available").status_code == 200


def test_a_suggestion_names_the_nearest_or_all() -> None:
    assert suggestion("PRIORTY", ["priority", "state"]) == "Did you mean 'priority'?"
    assert suggestion("zzz", ["state", "limit"]) == "Known are: limit, state."
    assert suggestion("zzz", []) == ""


def test_a_route_without_a_body_knows_no_fields() -> None:
    route = APIRoute("/x", lambda: None)
    assert known_fields(route, ("body", "x")) == []
    assert known_fields(None, ("body", "x")) == []


def test_of_a_body_that_is_wrong_everywhere_the_first_errors_are_told(api: ApiNode) -> None:
    body = {f"{'x' * 500}{number}": 0 for number in range(300)}
    answer = api.client.post("/api/summarize", json=body)
    problem = is_problem(answer, 422, "validation_failed")
    assert len(problem["errors"]) == 100
    assert len(answer.content) < 50_000


@pytest.mark.parametrize("path", ["/api/jobs?state=done", "/api/studies?state=runing"])
def test_a_word_that_is_none_of_a_list_is_refused_in_a_sentence(api: ApiNode, path: str) -> None:
    problem = is_problem(api.client.get(path), 422, "validation_failed")
    assert ": It must be one of " in problem["detail"]
    assert not problem["detail"].endswith("..")
