"""Peers over REST and by command, as an administrator keeps them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.peers.entities import KnownPeer
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.ready_processes import run
from tests.services import free_port, storescp

STOW = {
    "name": "cloud",
    "kind": "stow",
    "url": "https://pacs.example.org/dicom-web",
    "token": "Bearer very-secret",
    "is_destination": True,
}
MODALITY = {
    "name": "ct1",
    "ae_title": "CT1",
    "sources": ["10.0.0.7", "10.1.0.0/16"],
    "may": ["store", "worklist"],
    "max_associations": 4,
}


@pytest.fixture
def api_settings(api_settings: Settings) -> Settings:
    destination = Settings(destinations="pacs=PACS@127.0.0.1:1").destinations  # type: ignore[arg-type]
    return api_settings.model_copy(
        update={"stow_hosts": ("pacs.example.org",), "destinations": destination}
    )


@pytest.fixture
def api(api_settings: Settings) -> Iterator[ApiNode]:
    with api_node(api_settings) as node:
        yield node


def test_a_peer_is_added_changed_and_removed(api: ApiNode) -> None:
    added = api.client.post("/api/peers", json=MODALITY)
    assert added.status_code == 201, added.text
    assert added.json()["sources"] == ["10.0.0.7/32", "10.1.0.0/16"]
    assert api.client.get("/api/peers/ct1").json() == added.json()
    assert [one["name"] for one in api.client.get("/api/peers").json()["items"]] == ["ct1", "pacs"]
    is_problem(api.client.post("/api/peers", json=MODALITY), 409, "uid_conflict")
    changes = {name: value for name, value in MODALITY.items() if name != "name"}
    changed = api.client.put("/api/peers/ct1", json={**changes, "may": ["store"], "tls": True})
    assert (changed.json()["may"], changed.json()["tls"]) == (["store"], True)
    assert api.client.delete("/api/peers/ct1").status_code == 204
    is_problem(api.client.delete("/api/peers/ct1"), 404, "not_found")
    is_problem(api.client.get("/api/peers/ct1"), 404, "not_found")


def test_a_token_is_kept_and_never_answered(
    # The capture first, so that the node that writes to it ends before it does.
    capfd: pytest.CaptureFixture[str],
    api: ApiNode,
) -> None:
    answers = [api.client.post("/api/peers", json=STOW)]
    assert answers[0].json()["has_token"] is True
    without = {name: value for name, value in STOW.items() if name not in ("name", "token")}
    answers.append(api.client.put("/api/peers/cloud", json=without))
    assert api.storage.peers.get("cloud").token == "Bearer very-secret"
    answers += [api.client.get("/api/peers"), api.client.get("/api/peers/cloud")]
    moved = {**without, "url": "https://pacs.example.org/elsewhere"}
    answers.append(api.client.put("/api/peers/cloud", json=moved))
    assert api.storage.peers.get("cloud").token == ""
    answers.append(api.client.post("/api/peers", json={**STOW, "url": "https://evil.test"}))
    answers.append(api.client.post("/api/peers", json={**STOW, "token": ["very-secret"]}))
    assert [one.status_code for one in answers] == [201, 200, 200, 200, 200, 400, 422]
    assert not any("very-secret" in answer.text for answer in answers)
    output = capfd.readouterr()
    assert "very-secret" not in output.out + output.err


def test_a_peer_of_the_settings_is_shown_and_not_changed(api: ApiNode) -> None:
    assert api.client.get("/api/peers/pacs").json()["origin"] == "settings"
    is_problem(api.client.delete("/api/peers/pacs"), 409, "uid_conflict")
    changed = api.client.put("/api/peers/pacs", json={"ae_title": "X", "host": "h", "port": 1})
    is_problem(changed, 409, "uid_conflict")
    is_problem(
        api.client.post("/api/peers", json={**MODALITY, "name": "pacs"}), 409, "uid_conflict"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {**STOW, "url": "http://169.254.169.254/latest/meta-data"},
        {**STOW, "url": "ftp://pacs.example.org/"},
        {"name": "disk", "kind": "folder", "folder": "../../etc", "is_destination": True},
        {**MODALITY, "sources": ["everywhere"]},
        {**MODALITY, "ae_title": ""},
    ],
)
def test_what_must_not_be_is_refused(api: ApiNode, wrong: dict[str, Any]) -> None:
    is_problem(api.client.post("/api/peers", json=wrong), 400, "invalid_request")


def test_hosts_that_no_resolver_takes_are_refused_and_named(api: ApiNode) -> None:
    ct2 = {**MODALITY, "name": "ct2", "port": 104}
    for host in ("a" * 253, f"ct.{'a' * 64}.org", "ct..org", ".org"):
        problem = is_problem(
            api.client.post("/api/peers", json={**ct2, "host": host}), 400, "invalid_request"
        )
        assert "peer's host" in problem["detail"]
    # A row of before: it is out of reach, and not a failure of the node.
    api.storage.peers.add(KnownPeer("old", ae_title="OLD", host="a" * 253, port=104))
    tested = api.client.post("/api/peers/old/test")
    assert tested.status_code in (200, 400), tested.text
    assert "host" in tested.text


def test_a_token_is_sent_under_no_header_that_frames_a_request(api: ApiNode) -> None:
    fhir = {**STOW, "kind": "fhir", "url": "fhir+https://pacs.example.org/fhir"}
    names = ("Host", "content-length", "Transfer-Encoding", "Content_Length", "Cookie", "TE", "X Y")
    for peer in (STOW, fhir):
        for name in names:
            answer = api.client.post("/api/peers", json={**peer, "token_header": name})
            problem = is_problem(answer, 400, "invalid_request")
            assert "token_header" in problem["detail"]
    named = api.client.post("/api/peers", json={**STOW, "token_header": "X-API-Key"})
    assert named.status_code == 201, named.text


def test_the_test_button_answers_a_sentence(api: ApiNode, tmp_path: Path) -> None:
    down = api.client.post("/api/peers/pacs/test").json()
    assert down["ok"] is False
    assert "cannot be reached" in down["sentence"]
    with storescp(tmp_path) as server:
        peer = {"name": "scp", "ae_title": "STORESCP", "host": server.host, "port": server.port}
        api.client.post("/api/peers", json=peer)
        up = api.client.post("/api/peers/scp/test").json()
    assert up["ok"] is True
    assert up["sentence"].startswith(f"STORESCP@127.0.0.1:{server.port} answers C-ECHO in ")
    is_problem(api.client.post("/api/peers/nobody/test"), 404, "not_found")


def peers(settings: Settings, *arguments: str, **environment: str) -> tuple[int, str]:
    done = run(
        [sys.executable, "-m", "api.cli", "peers", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "MEDIVIEW_DATA_DIR": str(settings.data_dir),
            "MEDIVIEW_STOW_HOSTS": "pacs.example.org",
            "COLUMNS": "200",
            **environment,
        },
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_command_adds_lists_tests_and_removes(api_settings: Settings) -> None:
    nowhere = f"NOWHERE@127.0.0.1:{free_port()}"
    code, answer = peers(
        api_settings, "add", "far", nowhere, "--destination", "--gets", "SEG", "--may", "query",
        "--source", "10.0.0.0/24", "--tls",
    )  # fmt: skip
    assert code == 0, answer
    token = "Bearer very-secret"
    url = "https://pacs.example.org/dicom-web"
    assert peers(api_settings, "add", "cloud", url, MEDIVIEW_PEER_TOKEN=token)[0] == 0
    assert peers(api_settings, "add", "disk", "folder:research")[0] == 0
    code, answer = peers(api_settings, "list")
    assert code == 0, answer
    assert "10.0.0.0/24" in answer
    assert nowhere in answer
    assert "very-secret" not in answer
    assert "3 known. Others are accepted" in answer
    code, answer = peers(api_settings, "test", "far")
    assert (code, "cannot be reached" in answer) == (1, True)
    code, answer = peers(api_settings, "test", "disk")
    assert (code, "can be written" in answer) == (0, True)
    code, answer = peers(api_settings, "add", "bad", "https://evil.test/")
    assert (code, "MEDIVIEW_STOW_HOSTS" in answer) == (1, True)
    assert peers(api_settings, "remove", "far")[0] == 0
    code, answer = peers(api_settings, "remove", "far")
    assert (code, "No peer is named" in answer) == (1, True)
