"""The same request under the same key is done once, whichever process it reaches."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.idempotency.repository import Answer, IdempotencyKey, IdempotencyKeys
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.services import free_port

ITEM = {
    "patient_name": "Quernhammer^Adalbert",
    "patient_id": "Q-4711",
    "scheduled_procedure_step_sequence": [
        {
            "modality": "MR",
            "scheduled_station_ae_title": "MR1",
            "scheduled_procedure_step_start_date": "2026-01-31",
            "scheduled_procedure_step_start_time": "14:30:00",
        }
    ],
}


@pytest.fixture
def two_processes(storage_settings: Settings) -> Iterator[tuple[ApiNode, ApiNode]]:
    def at_a_port() -> Settings:
        return storage_settings.model_copy(update={"http_port": free_port()})

    with api_node(at_a_port()) as first, api_node(at_a_port()) as second:
        yield first, second


def post(
    node: ApiNode, key: str, body: Any = ITEM, path: str = "/api/worklist", **headers: str
) -> httpx.Response:
    return httpx.post(
        f"{node.url}{path}",
        content=json.dumps(body),
        headers={"Content-Type": "application/json", "Idempotency-Key": key, **headers},
    )


def count(node: ApiNode) -> int:
    return int(node.client.get("/api/worklist").json()["total"])


def test_a_repetition_is_answered_and_not_done_by_any_process(
    two_processes: tuple[ApiNode, ApiNode],
) -> None:
    here, there = two_processes
    key = str(uuid.uuid4())
    first = post(here, key)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    for node in (here, there):
        again = post(node, f'"{key}"')
        assert again.status_code == 201
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json() == first.json()
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert count(here) == 1
    other = post(there, key, ITEM | {"patient_id": "other"})
    is_problem(other, 422, "idempotency_key_reused")
    assert post(there, str(uuid.uuid4())).json() != first.json()
    assert count(here) == 2


def test_many_at_once_are_done_once(two_processes: tuple[ApiNode, ApiNode]) -> None:
    key = str(uuid.uuid4())

    def ask(number: int) -> httpx.Response:
        return post(two_processes[number % 2], key)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(24)))
    done = [one for one in answers if one.status_code == 201]
    assert {one.json()["worklist_item_id"] for one in done} == {done[0].json()["worklist_item_id"]}
    for one in answers:
        if one.status_code != 201:
            is_problem(one, 409, "idempotency_in_flight")
            assert one.headers["Retry-After"] == "1"
    assert count(two_processes[0]) == 1


def test_a_key_is_one_of_a_route_and_its_query(api: ApiNode) -> None:
    key = str(uuid.uuid4())
    assert post(api, key).status_code == 201
    peer = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104}
    assert post(api, key, peer, "/api/peers").status_code == 201
    is_problem(post(api, key, ITEM, "/api/worklist?x=1"), 422, "idempotency_key_reused")


def test_a_refusal_is_not_kept(api: ApiNode) -> None:
    key = str(uuid.uuid4())
    is_problem(post(api, key, {}), 422, "validation_failed")
    assert post(api, key).status_code == 201, "the key is free, also for a corrected body"
    assert post(api, key).headers["Idempotency-Replayed"] == "true"


def test_keys_that_are_none_are_refused(api: ApiNode) -> None:
    for key in ("short", "x" * 256, "with space in the middle", '""'):
        is_problem(post(api, key), 400, "idempotency_key_invalid")
    assert count(api) == 0


def test_where_keys_do_not_hold_they_are_refused(api: ApiNode) -> None:
    key = str(uuid.uuid4())
    files = {"file": ("a.dcm", b"DICM")}
    answer = api.client.post("/api/analyze", files=files, headers={"Idempotency-Key": key})
    is_problem(answer, 400, "idempotency_unsupported")
    assert post(api, key, {}, "/api/session").json()["code"] == "idempotency_unsupported"
    # Reading is idempotent by itself, and DICOMweb has its own UIDs.
    assert api.client.get("/api/jobs", headers={"Idempotency-Key": "x"}).status_code == 200
    large = post(api, key, {"patient_name": "x" * 2_000_000})
    assert large.status_code == 413


def test_the_description_says_which_requests_take_a_key(api: ApiNode) -> None:
    paths = api.client.get("/api/openapi.json").json()["paths"]

    def takes(path: str, method: str = "post") -> bool:
        parameters = paths[path][method].get("parameters", [])
        return any(one["name"] == "Idempotency-Key" for one in parameters)

    assert takes("/api/v1/worklist")
    assert takes("/api/v1/jobs")
    assert takes("/api/v1/webhooks/{webhook_id}/ping"), "without a body"
    assert not takes("/api/v1/analyze")
    assert not takes("/api/v1/worklist", "get")
    assert not takes("/dicom-web/workitems")


def test_nothing_can_be_read_without_the_key(api: ApiNode) -> None:
    key = str(uuid.uuid4())
    assert post(api, key).status_code == 201
    with reading(api.storage.engine) as connection:
        (row,) = connection.execute(select(t.idempotency_key)).mappings()
    kept = " ".join(str(value) for value in row.values())
    assert "Quernhammer" not in kept
    assert key not in kept


def test_a_process_that_died_leaves_its_key_for_a_while(api: ApiNode) -> None:
    keys: IdempotencyKeys = api.storage.idempotency_keys
    key = IdempotencyKey(("local", "local", "POST", "/api/worklist"), str(uuid.uuid4()))
    assert keys.begin(key, "a", "dead", 60, 60) == "ours"
    assert keys.begin(key, "a", "next", 60, 60) == "in-flight"
    with writing(api.storage.engine) as connection:
        connection.execute(update(t.idempotency_key).values(locked_until=utcnow()))
    assert keys.begin(key, "b", "next", 60, 60) == "other-request"
    assert keys.begin(key, "a", "next", 60, 60) == "ours"
    keys.finish(key, "dead", Answer(201, {}, b"late"))
    assert keys.begin(key, "a", "third", 60, 60) == "in-flight", "it was no longer its own"
    keys.finish(key, "next", Answer(201, {"location": "/x"}, b"done"))
    assert keys.begin(key, "a", "third", 60, 60) == Answer(201, {"location": "/x"}, b"done")
    with writing(api.storage.engine) as connection:
        connection.execute(update(t.idempotency_key).values(expires_at=utcnow()))
    assert keys.begin(key, "b", "fourth", 60, 60) == "ours", "what has expired is forgotten"
    keys.forget(key, "fourth")
    keys.prune(utcnow())
