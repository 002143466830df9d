"""What `mediview doctor` says of the rules file and of models in containers."""

from datetime import timedelta
from pathlib import Path

import pytest

from api.server.checks.site import (
    check_container_engine,
    check_out_of_reach,
    check_rules,
    check_worklists,
)
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from storage.settings import load_settings
from tests.inference.orchestration import storage_in

RULE = "routing: [{name: all, to: [archive, nowhere]}]"


def test_a_rule_that_sends_to_nobody_is_named(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        storage.peers.add(KnownPeer("archive", kind="folder", folder="archive"))
        assert list(check_rules(storage.settings, storage.peers)) == []
        (storage.settings.data_dir / "rules.yaml").write_text(RULE)
        (found,) = check_rules(storage.settings, storage.peers)
        assert found.state == "note"
        assert "'all' sends to nowhere" in found.detail
        storage.peers.add(KnownPeer("nowhere", kind="folder", folder="nowhere"))
        assert list(check_rules(storage.settings, storage.peers)) == []


def test_a_rule_of_release_about_nobody_is_named(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        storage.peers.add(KnownPeer("pacs", kind="folder", folder="pacs"))
        (storage.settings.data_dir / "rules.yaml").write_text(
            "release: [{name: first a person, to: [pacs, pasc], results: when_accepted}]"
        )
        (found,) = check_rules(storage.settings, storage.peers)
        assert (found.state, found.detail.partition(",")[0]) == (
            "note",
            "'first a person' is about pasc",
        )


def test_a_worklist_of_a_peer_that_cannot_be_called_is_named(tmp_path: Path) -> None:
    sources = "web=https://ris.example.org/rs,ris=peer:ris"
    with storage_in(tmp_path, ups_sources=sources) as storage:
        storage.peers.add(KnownPeer("ris", kind="folder", folder="ris"))
        (found,) = check_worklists(storage.settings, storage.peers)
        assert found.state == "fail"
        assert "asks ris for the workitems of 'ris'" in found.detail
        storage.peers.remove("ris")
        storage.peers.add(KnownPeer("ris", ae_title="RIS", host="127.0.0.1", port=104))
        assert list(check_worklists(storage.settings, storage.peers)) == []


def test_a_wrong_rules_file_is_named_with_its_line(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        (storage.settings.data_dir / "rules.yaml").write_text("routing:\n  - name: all\n")
        (found,) = check_rules(storage.settings, storage.peers)
        assert found.state == "fail"
        assert "rules.yaml:2: 'to' is missing." in found.detail


def test_a_peer_that_is_out_of_reach_is_named_until_it_answers(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        breakers, now = storage.circuit_breakers, utcnow()
        storage.peers.add(KnownPeer("archive", ae_title="ARCHIVE", host="127.0.0.1", port=9))
        # A server of models has a check of its own.
        for name in ("archive", "model-server:triton"):
            breakers.failed(name, "Connection refused.", now)
        later = now + timedelta(minutes=7)
        (found,) = check_out_of_reach(storage.peers, breakers, later)
        assert found.state == "fail"
        assert "archive has been out of reach for 7 minutes (Connection refused)" in found.detail
        assert "mediview peers test archive" in found.remedy
        breakers.answered("archive", later)
        assert list(check_out_of_reach(storage.peers, breakers, later)) == []


def test_a_container_engine_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(check_container_engine(load_settings(data_dir=tmp_path))) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = check_container_engine(load_settings(data_dir=tmp_path, container_engine="podman"))
    assert found.state == "fail"
    assert "names podman, which is not installed" in found.detail


def test_jobs_of_kubernetes_are_asked_for_where_the_account_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers alone have it; the page of the cluster has doctor run in a pod of the API."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    settings = load_settings(data_dir=tmp_path, container_engine="kubernetes")
    (found,) = check_container_engine(settings)
    assert found.state == "note"
    assert "worker-jobs" in found.remedy
