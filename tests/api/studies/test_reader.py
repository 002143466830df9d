"""Who reads a study: one person at a time changes and signs its report."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from storage.core.callers.identity import of_account
from tests.api.access.closed import ClosedNode, closed_node, closed_settings, confirm
from tests.api.client import is_problem
from tests.api.studies.listing import send, study

WORDS = [{"heading": "Impression", "kind": "impression", "sentences": [{"text": "Normal."}]}]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    folder: Path = tmp_path_factory.mktemp("readers")
    with closed_node(closed_settings(folder)) as node:
        yield node


@pytest.fixture(scope="module")
def doe(closed: ClosedNode) -> Iterator[httpx.Client]:
    with closed.signed_in("doe", "radiologist") as client:
        yield client


@pytest.fixture(scope="module")
def roe(closed: ClosedNode) -> Iterator[httpx.Client]:
    with closed.signed_in("roe", "radiologist") as client:
        yield client


def reader_of(client: httpx.Client, uid: str) -> tuple[str, bool] | None:
    found = client.get(f"/api/studies/{uid}").json()["reader"]
    return found and (found["name"], found["is_you"])


def listed(client: httpx.Client, reader: str) -> set[str]:
    items = client.get(f"/api/studies?reader={reader}").json()["items"]
    return {one["study_instance_uid"] for one in items}


def test_one_takes_it_and_another_takes_it_over(
    closed: ClosedNode, doe: httpx.Client, roe: httpx.Client
) -> None:
    (uid,) = send(closed.storage, study(1))
    (other,) = send(closed.storage, study(2))
    url = f"/api/studies/{uid}/reader"
    assert reader_of(doe, uid) is None
    taken = doe.put(url, json={}).json()
    assert (taken["name"], taken["is_you"]) == ("doe", True)
    assert doe.put(url, json={}).json() == taken
    assert closed.storage.events.since(0)[-1].payload == {"change": "reader"}
    assert (reader_of(doe, uid), reader_of(roe, uid)) == (("doe", True), ("doe", False))
    assert uid in listed(doe, "me")
    assert other not in listed(doe, "me")
    assert other in listed(doe, "none")
    assert uid not in listed(doe, "none")
    assert uid not in listed(roe, "me")

    for refused in (roe.put(url, json={}), roe.delete(url)):
        assert "take_over" in is_problem(refused, 409, "state_conflict")["remedy"]
    assert roe.put(url, json={"take_over": True}).json()["is_you"]
    is_problem(doe.delete(url), 409, "state_conflict")
    assert roe.delete(url).status_code == 204
    assert roe.delete(url).status_code == 204
    assert reader_of(doe, uid) is None


def test_nobody_else_changes_or_signs_the_report_and_signing_ends_it(
    closed: ClosedNode, doe: httpx.Client, roe: httpx.Client
) -> None:
    (uid,) = send(closed.storage, study(3))
    report = doe.post("/api/reports/draft", json={"study_instance_uid": uid}).json()
    url, version = f"/api/reports/{report['report_id']}", report["version"]
    assert doe.put(f"/api/studies/{uid}/reader", json={}).status_code == 200
    text = {"sections": WORDS, "version": version}
    final = {"state": "final", "version": version}
    assert confirm(roe).is_success
    for refused in (roe.put(url, json=text), roe.post(f"{url}/state", json=final)):
        assert "doe" in is_problem(refused, 409, "state_conflict")["detail"]
    assert confirm(doe).is_success
    signed = doe.post(f"{url}/state", json=final)
    assert (signed.status_code, signed.json()["state"]) == (200, "final"), signed.text
    assert reader_of(doe, uid) is None


def test_whoever_edits_a_text_before_it_is_replaced_by_another_is_asked(
    closed: ClosedNode, doe: httpx.Client, roe: httpx.Client
) -> None:
    (uid,) = send(closed.storage, study(4))
    report = doe.post("/api/reports/draft", json={"study_instance_uid": uid}).json()
    doe.put(f"/api/studies/{uid}/reader", json={})
    text = {"sections": WORDS, "title": "Mine", "version": report["version"]}
    assert doe.put(f"/api/reports/{report['report_id']}", json=text).is_success
    again = {"study_instance_uid": uid, "replace": True}
    is_problem(roe.post("/api/reports/draft", json=again), 409, "state_conflict")
    # What the node drafts by itself is offered beside the text, as ever.
    assert roe.post("/api/reports/draft", json={"study_instance_uid": uid}).is_success


def test_programs_and_those_who_only_look_read_none_and_administrators_end_any(
    closed: ClosedNode, doe: httpx.Client
) -> None:
    (uid,) = send(closed.storage, study(5))
    url = f"/api/studies/{uid}/reader"
    with closed.with_key("worklist program", "radiologist") as program:
        is_problem(program.put(url, json={}), 400, "invalid_request")
    with closed.signed_in("looks", "viewer") as viewer:
        is_problem(viewer.put(url, json={}), 403, "not_allowed")
    is_problem(doe.put("/api/studies/1.2.3/reader", json={}), 404, "not_found")
    closed.storage.study_readers.take(uid, of_account("gone away"))
    assert uid not in listed(doe, "me")
    with closed.signed_in("head", "admin") as administrator:
        assert administrator.delete(url).status_code == 204
    assert reader_of(doe, uid) is None
