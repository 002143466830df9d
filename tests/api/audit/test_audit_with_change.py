"""A change of who may do what, and its record, are committed together: neither is there alone."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from storage import tables as t
from storage.audit import Audit, AuditEvent, trail_writer
from storage.db.engine import reading
from storage.peers.repository import Peers
from tests.api.access.closed import PASSWORD, ClosedNode, closed_node, closed_settings, confirm
from tests.storage.instances import part10

PEER = {"kind": "ae", "ae_title": "ARCHIVE", "host": "127.0.0.1", "port": 104}
OTHER_PASSWORD = "seven green bottles on a wall"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNode]:
    folder = tmp_path_factory.mktemp("closed")
    with closed_node(closed_settings(folder, webhook_hosts=("127.0.0.1",))) as node:
        yield node


@pytest.fixture(scope="module")
def admin(closed: ClosedNode) -> Iterator[httpx.Client]:
    with closed.signed_in("ada", "admin") as client:
        assert confirm(client).status_code == 204
        yield client


@pytest.fixture
def crash_before_queued_events_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of what waits in memory to be written, a process that is killed leaves nothing."""
    monkeypatch.setattr(Audit, "record", lambda self, event: None)


def recorded(closed: ClosedNode, answer: httpx.Response) -> list[dict[str, Any]]:
    request_id = answer.headers["x-request-id"]
    query = select(t.audit_event).where(t.audit_event.c.request_id == request_id)
    with reading(closed.storage.engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def stored(closed: ClosedNode, patient_id: str) -> str:
    """A study of its own."""
    content = part10(study=patient_id, PatientID=patient_id)
    return closed.storage.ingest.accept(content, source="test").study_instance_uid


def changes(study: str) -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """A method, a path, a body, and what the record says beside who and when."""
    eve = {"name": "Eve", "password": PASSWORD, "roles": ["viewer"], "person_name": "Adams^Eve"}
    yield "POST", "/api/users", eve, {"account": "eve", "roles": ["viewer"]}
    change = {"roles": ["radiologist"]}
    yield "PATCH", "/api/users/eve", change, {"account": "eve", "roles": ["radiologist"]}
    yield "PATCH", "/api/users/eve", {"disabled": True}, {"account": "eve", "what": "disabled"}
    named = {"person_name": "Adams^Eva"}
    yield "PATCH", "/api/users/eve", named, {"account": "eve", "what": "person name"}
    password = {"password": OTHER_PASSWORD}
    yield "PATCH", "/api/users/eve", password, {"account": "eve", "what": "password"}
    removed = {"account": "eve", "what": "second factors removed"}
    yield "DELETE", "/api/users/eve/second-factors", None, removed
    ended = {"account": "eve", "what": "0 sessions ended"}
    yield "DELETE", "/api/users/eve/sessions", None, ended
    key = {"name": "gateway", "roles": ["integrator"], "scopes": ["api:read"]}
    made = {"key": "gateway", "roles": ["integrator"], "scopes": ["api:read"]}
    yield "POST", "/api/keys", key, made
    yield "DELETE", "/api/keys/gateway", None, {"key": "gateway", "what": "revoked"}
    yield "POST", "/api/access-groups", {"name": "North"}, {"access_group": "North"}
    member = {"kind": "account", "subject": "eve"}
    added = {"access_group": "North", "what": "member added", "member": "account:eve"}
    yield "POST", "/api/access-groups/North/members", member, added
    gone = {"access_group": "North", "what": "member removed", "member": "account:eve"}
    yield "DELETE", "/api/access-groups/North/members?kind=account&subject=eve", None, gone
    assigned = {"access_group": "North", "what": "study assigned", "study_instance_uid": study}
    yield "PUT", f"/api/access-groups/North/studies/{study}", None, assigned
    yield "DELETE", "/api/access-groups/North", None, {"access_group": "North"}
    hold = {"legal_hold": "placed", "reason": "court order"}
    yield "PUT", f"/api/legal-holds/{study}", {"reason": "court order"}, hold
    released = {"legal_hold": "released", "reason": ""}
    yield "DELETE", f"/api/legal-holds/{study}", None, released
    peer = {"name": "archive", "route": "POST /api/peers"}
    yield "POST", "/api/peers", {"name": "archive", **PEER}, peer
    changed = {"name": "archive", "route": "PUT /api/peers/{name}"}
    yield "PUT", "/api/peers/archive", {**PEER, "may": ["store"]}, changed
    route = "POST /api/studies/{study_instance_uid}/send"
    sent = {"to": ["archive"], "series": [], "route": route}
    yield "POST", f"/api/studies/{study}/send", {"to": ["archive"]}, sent
    removed_peer = {"name": "archive", "route": "DELETE /api/peers/{name}"}
    yield "DELETE", "/api/peers/archive", None, removed_peer
    hook = {"url": "http://127.0.0.1:1/events", "events": ["*"]}
    yield "POST", "/api/webhooks", hook, {"route": "POST /api/webhooks"}
    route = "DELETE /dicom-web/studies/{study_instance_uid}"
    yield "DELETE", f"/dicom-web/studies/{study}", None, {"route": route}


@pytest.mark.usefixtures("crash_before_queued_events_are_written")
def test_a_crash_after_a_change_leaves_its_record(closed: ClosedNode, admin: httpx.Client) -> None:
    study = stored(closed, "P-9")
    for method, path, body, detail in changes(study):
        answer = admin.request(method, path, json=body)
        assert answer.status_code < 300, (method, path, answer.text)
        (event,) = recorded(closed, answer)
        assert (event["actor_id"], event["outcome"]) == ("account:ada", 0), (method, path)
        assert event["detail"] == detail, (method, path)
    assert event["patient_ids"] == ["P-9"]


@pytest.mark.usefixtures("crash_before_queued_events_are_written")
def test_a_change_that_is_refused_leaves_no_record_of_success(
    closed: ClosedNode, admin: httpx.Client
) -> None:
    assert admin.post("/api/access-groups", json={"name": "South"}).status_code == 201
    refusals = [
        admin.post("/api/users", json={"name": "x", "password": PASSWORD, "roles": ["king"]}),
        admin.patch("/api/users/nobody", json={"disabled": True}),
        admin.patch("/api/users/ada", json={"roles": ["viewer"]}),  # the last administrator
        admin.request("DELETE", "/api/access-groups/South/members?kind=account&subject=nobody"),
        admin.delete("/api/legal-holds/1.2.3"),
        admin.put("/api/legal-holds/1.2.3", json={"reason": "court order"}),
        admin.delete("/api/peers/nobody"),
        admin.put("/api/peers/nobody", json=PEER),
        admin.delete("/api/webhooks/nobody"),
    ]
    assert all(400 <= one.status_code < 500 for one in refusals), [one.text for one in refusals]
    # That it was refused is written later, or by now.
    events = [event for one in refusals for event in recorded(closed, one)]
    assert [event for event in events if event["outcome"] == 0] == []


@pytest.mark.usefixtures("crash_before_queued_events_are_written")
def test_a_change_under_an_idempotency_key_leaves_its_record(
    closed: ClosedNode, admin: httpx.Client
) -> None:
    mia = {"name": "mia", "password": PASSWORD, "roles": ["viewer"]}
    for path, body in (
        ("/api/users", mia),
        ("/api/access-groups", {"name": "West"}),
        ("/api/peers", {"name": "west", **PEER, "ae_title": "WEST"}),
    ):
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = admin.post(path, json=body, headers=key)
        assert answer.status_code < 300, (path, answer.text)
        (event,) = recorded(closed, answer)
        assert (event["actor_id"], event["outcome"]) == ("account:ada", 0), path


@pytest.mark.usefixtures("crash_before_queued_events_are_written")
def test_a_change_that_breaks_off_leaves_no_record_of_success(
    closed: ClosedNode, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise RuntimeError("a mistake in the code")

    with monkeypatch.context() as broken:
        broken.setattr(Peers, "add", break_off)
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = admin.post("/api/peers", json={"name": "unlucky", **PEER}, headers=key)
    assert answer.status_code == 500
    assert recorded(closed, answer) == []


def test_a_change_that_cannot_be_recorded_is_not_made(
    closed: ClosedNode, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("INSERT", None, Exception("the table of events is gone"))

    before = {one.name for one in closed.storage.accounts.all()}
    with monkeypatch.context() as broken:
        broken.setattr(trail_writer, "add_events", refuse)
        mallory = {"name": "mallory", "password": PASSWORD, "roles": ["admin"]}
        assert admin.post("/api/users", json=mallory).status_code == 503
        assert admin.post("/api/peers", json={"name": "evil", **PEER}).status_code == 503
    assert {one.name for one in closed.storage.accounts.all()} == before
    assert closed.storage.peers.find("evil") is None


def test_of_several_changes_of_an_account_all_are_made_or_none(
    closed: ClosedNode, admin: httpx.Client
) -> None:
    closed.storage.accounts.add("kim", PASSWORD, ["viewer"])
    wanted = {"roles": ["radiologist"], "person_name": "Kim^Lee", "password": "password1234"}
    assert admin.patch("/api/users/kim", json=wanted).status_code == 400
    kept = closed.storage.accounts.get("kim")
    assert (kept.roles, kept.person_name) == ({"viewer"}, "")
    changed = admin.patch("/api/users/kim", json={**wanted, "password": OTHER_PASSWORD})
    assert changed.status_code == 200, changed.text
    kept = closed.storage.accounts.get("kim")
    assert (kept.roles, kept.person_name) == ({"radiologist"}, "Kim^Lee")
    (event,) = recorded(closed, changed)
    what = {"account": "kim", "what": "person name, password", "roles": ["radiologist"]}
    assert event["detail"] == what


def test_whom_a_study_is_sent_to_is_recorded_even_where_nobody_is_known(
    closed: ClosedNode, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated: list[AuditEvent] = []
    monkeypatch.setattr(Audit, "without_effect", lambda self, event: stated.append(event))
    study = stored(closed, "P-10")
    assert admin.post(f"/api/studies/{study}/send", json={"to": ["elsewhere"]}).status_code == 404
    (event,) = [one for one in stated if "to" in one.detail]
    assert (event.outcome, event.detail["to"]) == (4, ["elsewhere"])
    assert event.study_instance_uids == (study,)
