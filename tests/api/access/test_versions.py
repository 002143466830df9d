"""Addresses with a version, and those without, which are the same and on their way out."""

from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.api.access.closed import ClosedNode, audited
from tests.api.client import ApiNode, is_problem


def test_both_addresses_answer_the_same(reading_api: ApiNode) -> None:
    new = reading_api.client.get("/api/v1/pipelines")
    old = reading_api.client.get("/api/pipelines")
    assert new.status_code == old.status_code == 200
    assert new.json() == old.json()
    assert "Deprecation" not in new.headers
    assert old.headers["Deprecation"].startswith("@17")
    assert parsedate_to_datetime(old.headers["Sunset"]).year == 2027
    assert old.links["successor-version"]["url"] == "/api/v1/pipelines"
    assert reading_api.client.head("/api/v1/pipelines/").status_code == 200


def test_links_and_locations_keep_the_version(api: ApiNode) -> None:
    for number in range(3):
        step = {
            "modality": "MR",
            "scheduled_station_ae_title": "MR1",
            "scheduled_procedure_step_start_date": "2026-11-30",
            "scheduled_procedure_step_start_time": f"08:3{number}:00",
        }
        item = {"patient_name": "A", "patient_id": "1", "scheduled_procedure_step_sequence": [step]}
        made = api.client.post("/api/v1/worklist", json=item)
        assert made.headers["Location"].startswith("/api/v1/worklist/")
        assert api.client.get(made.headers["Location"]).status_code == 200
    page = api.client.get("/api/v1/worklist?limit=2")
    assert page.links["last"]["url"] == "/api/v1/worklist?limit=2&offset=2"
    assert page.links["next"]["url"].startswith("/api/v1/worklist?limit=2&cursor=")
    assert len(api.client.get(page.links["next"]["url"]).json()["items"]) == 1
    old = api.client.get("/api/worklist?limit=2")
    assert old.links["last"]["url"] == "/api/worklist?limit=2&offset=2"
    presigned = api.presign("a.dcm", "application/dicom", 4)
    assert presigned["url"].startswith(f"{api.url}/api/v1/uploads/content?")
    assert httpx.put(presigned["url"], headers=presigned["headers"], content=b"DICM").is_success


@pytest.mark.parametrize("path", ["/api/v2/studies", "/api/v1/v1/studies", "/api/v1", "/api/v10/x"])
def test_no_other_version_answers(reading_api: ApiNode, path: str) -> None:
    is_problem(reading_api.client.get(path), 404, "not_found")


def test_no_address_writes_headers(reading_api: ApiNode) -> None:
    answer = reading_api.client.get("/api/studies/1%0d%0aX-Evil:%20yes%00%3e")
    is_problem(answer, 422, "validation_failed")
    assert "X-Evil" not in answer.headers
    url = answer.links["successor-version"]["url"]
    assert url == "/api/v1/studies/1%0D%0AX-Evil%3A%20yes%00%3E"


def test_roles_scopes_and_the_trail_are_those_of_the_route(closed: ClosedNode) -> None:
    with closed.client() as stranger:
        assert stranger.get("/api/v1/studies").status_code == 401
        assert stranger.get("/api/v1/%2e%2e/studies").status_code in (401, 404)
    with closed.with_key("ris", "integrator") as ris:
        assert ris.get("/api/v1/studies").status_code == 200
        is_problem(ris.get("/api/v1/users"), 403, "not_allowed")
        is_problem(ris.delete("/api/v1/studies"), 405, "method_not_allowed")
    with closed.with_key("reader", "integrator", "dicomweb:read") as narrow:
        is_problem(narrow.get("/api/v1/studies"), 403, "not_allowed")
    with closed.with_key("auditor", "admin") as auditor:
        assert auditor.get("/api/v1/audit").status_code == 200
        assert auditor.get("/api/audit").status_code == 200
    new, old = audited(closed.storage, 2, code="110101")
    assert (new["action"], new["outcome"]) == (old["action"], old["outcome"]) == ("R", 0)
    assert new["detail"] == old["detail"]


def test_limits_and_idempotency_count_both_addresses_together(closed: ClosedNode) -> None:
    step = {
        "modality": "MR",
        "scheduled_station_ae_title": "MR1",
        "scheduled_procedure_step_start_date": "2026-11-30",
        "scheduled_procedure_step_start_time": "08:30:00",
    }
    item = {"patient_name": "A", "patient_id": "1", "scheduled_procedure_step_sequence": [step]}
    key = {"Idempotency-Key": "4f9c2a5e-0000-4000-8000-000000000001"}
    with closed.with_key("orders", "integrator") as orders:
        first = orders.post("/api/v1/worklist", json=item, headers=key)
        again = orders.post("/api/worklist", json=item, headers=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json() == first.json()
