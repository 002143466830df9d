"""Who looked at what over HTTP is in the trail, and where it must be, before the answer leaves."""

import base64
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from storage.audit.keeper import AuditKeeper
from storage.audit.refusals import MOST_OF_ONE
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.patience import PATIENCE_S
from tests.storage.instances import part10

UPLOADED = {"Content-Type": "application/dicom", "Accept": "application/dicom+json"}


def stored(api: ApiNode, **attributes: object) -> tuple[str, str, str]:
    accepted = api.storage.ingest.accept(part10(**attributes), source="test")  # type: ignore[arg-type]
    return (
        accepted.study_instance_uid,
        accepted.series_instance_uid,
        accepted.sop_instance_uid,
    )


def trail(api: ApiNode, least: int = 1, **wanted: Any) -> Sequence[dict[str, Any]]:
    """What the trail holds, asked as an administrator does, once so many events are written.

    The node has a thread that writes them: what came last may come to the database later.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = api.client.get("/api/audit", params={"limit": 500, **wanted})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        if len(items) >= least or time.monotonic() > deadline:
            return items
        time.sleep(0.05)


def test_looks_at_a_study_are_counted_by_who_and_how(api: ApiNode) -> None:
    study, series, instance = stored(api, PatientID="P-5")
    url = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata"
    first = api.client.get(url)
    assert first.status_code == 200
    for _ in range(4):
        api.client.get(url)
    (seen,) = trail(api, study_instance_uid=study)[:1]
    assert seen["meaning"] == "DICOM Instances Accessed"
    assert (seen["actor_kind"], seen["actor_address"]) == ("local", "127.0.0.1")
    assert seen["patient_ids"] == ["P-5"]
    assert seen["detail"] == {"via": "metadata"}
    assert seen["request_id"] == first.headers["x-request-id"]


def test_a_search_is_kept_with_what_was_asked(api: ApiNode) -> None:
    asked = {"PatientID": "P-6", "PatientName": "Müll*"}
    assert api.client.get("/dicom-web/studies", params=asked).status_code == 200
    (query,) = trail(api, patient_id="P-6")
    assert query["meaning"] == "Query"
    kept = base64.b64decode(query["detail"]["query"]).decode()
    assert kept == "/dicom-web/studies?PatientID=P-6&PatientName=M%C3%BCll%2A"


def test_what_comes_in_is_told_by_study_with_its_counts(api: ApiNode) -> None:
    content = part10(PatientID="P-8")
    answer = api.client.post("/dicom-web/studies", content=content, headers=UPLOADED)
    assert answer.status_code == 200, answer.text
    (events,) = trail(api, patient_id="P-8")
    assert (events["meaning"], events["action"]) == ("DICOM Instances Transferred", "C")
    assert sum(events["detail"]["sop_classes"].values()) == 1
    refused = api.client.post("/dicom-web/studies", content=b"nonsense", headers=UPLOADED)
    assert refused.status_code >= 400
    (failure,) = trail(api, failures=True)
    assert (failure["outcome"], failure["request_id"]) == (4, refused.headers["x-request-id"])


def test_changes_of_peers_and_failures_are_told(api: ApiNode) -> None:
    peer = {"name": "pacs", "kind": "ae", "ae_title": "PACS", "host": "127.0.0.1", "port": 4242}
    assert api.client.post("/api/peers", json=peer).status_code == 201
    assert api.client.delete("/api/peers/pacs").status_code == 204
    assert api.client.delete("/api/peers/pacs").status_code == 404
    events = trail(api, least=3, code="110128")
    assert [(one["action"], one["outcome"]) for one in events] == [("D", 4), ("D", 0), ("C", 0)]
    assert events[0]["detail"]["name"] == "pacs"


def test_reading_the_trail_is_told_too_and_pages_are_as_everywhere(api: ApiNode) -> None:
    api.client.get("/api/audit")
    assert trail(api, code="110101")
    page = api.client.get("/api/audit", params={"limit": 1}).json()
    assert page.keys() == {"items", "total", "limit", "offset", "next_cursor"}
    for wrong in ({"code": "x"}, {"since": "yesterday"}, {"limit": 0}, {"text": "a\0"}):
        is_problem(api.client.get("/api/audit", params=wrong), 422, "validation_failed")


def test_tampering_shows_over_http(api: ApiNode) -> None:
    stored(api)
    api.client.get("/dicom-web/studies")
    trail(api)
    AuditKeeper(api.storage.engine, api.storage.settings, api.storage.audit).round(utcnow())
    assert api.client.get("/api/audit/verification").json()["holds"] is True
    with writing(api.storage.engine) as connection:
        connection.execute(text("UPDATE audit_event SET actor_name = 'x' WHERE chain_index = 1"))
    check = api.client.get("/api/audit/verification").json()
    assert (check["holds"], check["position"]) == (False, 1)


@pytest.fixture
def closed_api(api_settings: Settings) -> Iterator[ApiNode]:
    with api_node(api_settings.model_copy(update={"audit_fail_closed": True})) as node:
        yield node


def test_what_cannot_be_told_is_refused(closed_api: ApiNode, tmp_path: Path) -> None:
    del tmp_path
    study, series, instance = stored(closed_api)
    metadata = f"/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata"
    assert closed_api.client.get("/dicom-web/studies").status_code == 200
    with writing(closed_api.storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event RENAME TO audit_event_away"))
    for url in ("/dicom-web/series", metadata, f"/dicom-web/studies/{study}"):
        answer = closed_api.client.get(url)
        problem = is_problem(answer, 503, "storage_unavailable")
        assert "audit trail" in problem["detail"]
        assert study not in answer.text
    peer = {"name": "pacs", "kind": "ae", "ae_title": "PACS", "host": "127.0.0.1", "port": 4242}
    is_problem(closed_api.client.post("/api/peers", json=peer), 503, "storage_unavailable")
    assert closed_api.storage.peers.find("pacs") is None, "it was refused before it was done"
    assert closed_api.client.get("/health").status_code in (200, 503), "it shows nobody's data"
    with writing(closed_api.storage.engine) as connection:
        connection.execute(text("ALTER TABLE audit_event_away RENAME TO audit_event"))
    assert closed_api.client.get(metadata).status_code == 200


def test_studies_that_do_not_exist_are_asked_for_without_end_and_fill_no_trail(
    api: ApiNode,
) -> None:
    asked = 3 * MOST_OF_ONE
    for number in range(asked):
        answer = api.client.get(f"/dicom-web/studies/1.2.840.{number}/metadata")
        assert answer.status_code == 404
    found = [one for one in trail(api, MOST_OF_ONE) if one["detail"].get("status") == 404]
    # The minute may change meanwhile.
    assert len(found) <= 2 * (MOST_OF_ONE + 1)
    deadline = time.monotonic() + PATIENCE_S
    while sum(one["occurrences"] for one in found) < asked and time.monotonic() < deadline:
        found = [one for one in trail(api) if one["detail"].get("status") == 404]
    assert sum(one["occurrences"] for one in found) == asked
