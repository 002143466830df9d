"""A radiologist releases results that wait for a person; nobody and nothing else does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import reading
from tests.api.access.closed import ClosedNode, closed_node, closed_settings
from tests.api.client import ApiNode, is_problem
from tests.api.studies.listing import send, study

URL = "/api/studies/{}/release"


def with_waiting_results(storage: Storage, number: int) -> str:
    (uid,) = send(storage, study(number))
    for series in storage.index.series_of(uid):
        storage.index.mark_complete(series, utcnow())
    instances = storage.index.instances_of(uid)
    storage.deliveries.enqueue("pacs", instances, None, state="AWAITING_RELEASE")
    storage.deliveries.enqueue("research", instances, None, state="AWAITING_RELEASE")
    return uid


def listed(api: ApiNode) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.client.get("/api/studies?awaiting_release=true").json()[
        "items"
    ]
    return found


def test_what_waits_is_listed_released_and_withheld(stored_api: ApiNode) -> None:
    uid = with_waiting_results(stored_api.storage, 1)
    send(stored_api.storage, study(2))
    (row,) = listed(stored_api)
    assert (row["study_instance_uid"], row["delivery"]["awaiting_release"]) == (uid, 2)

    (waiting, _) = stored_api.client.get("/api/deliveries").json()["items"]
    retry = stored_api.client.post(f"/api/deliveries/{waiting['delivery_id']}/retry")
    assert "release" in is_problem(retry, 409, "not_released")["remedy"]

    url = URL.format(uid)
    wanted = {"decision": "withhold", "destination": "research"}
    assert stored_api.client.post(url, json=wanted).json() == {"instances": {"research": 1}}
    released = stored_api.client.post(url, json={"decision": "release", "destination": "pacs"})
    assert released.json() == {"instances": {"pacs": 1}}
    detail = stored_api.client.get(f"/api/studies/{uid}").json()
    assert {one["destination"]: one["state"] for one in detail["deliveries"]} == {
        "pacs": "pending",
        "research": "withheld",
    }
    assert listed(stored_api) == []
    again = stored_api.client.post(url, json={"decision": "release", "destination": "pacs"})
    assert again.json() == {"instances": {}}


def test_a_wrong_decision_is_refused(stored_api: ApiNode) -> None:
    unknown = stored_api.client.post(URL.format("1.2.3"), json={"decision": "release"})
    is_problem(unknown, 404, "not_found")
    wrong = stored_api.client.post(URL.format("1.2.3"), json={"decision": "accept"})
    is_problem(wrong, 422, "validation_failed")


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[ClosedNode]:
    with closed_node(closed_settings(tmp_path)) as node:
        yield node


def test_only_radiologists_who_have_signed_in_decide(closed: ClosedNode) -> None:
    uid = with_waiting_results(closed.storage, 3)
    wanted = {"decision": "release"}
    with closed.with_key("radiology program", "radiologist") as program:
        is_problem(program.post(URL.format(uid), json=wanted), 403, "not_a_person")
    with closed.signed_in("viewer-3", "viewer") as viewer:
        is_problem(viewer.post(URL.format(uid), json=wanted), 403, "not_allowed")
    with closed.signed_in("reader-3", "radiologist") as reader:
        answer = reader.post(URL.format(uid), json={**wanted, "destination": "pacs"})
        assert answer.json() == {"instances": {"pacs": 1}}, answer.text
    with reading(closed.storage.engine) as connection:
        details = connection.execute(select(t.audit_event.c.detail)).scalars().all()
    (detail,) = [one for one in details if "decision" in one]
    assert (detail["decision"], detail["to"]) == ("release", ["pacs"])
