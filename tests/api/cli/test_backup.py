"""Backup, restore and `why` as an operator types them."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from api.cli.main import command_line
from storage.backup.last_backup import last_backup
from storage.container import open_storage
from storage.core.errors import MediViewError
from storage.settings import load_settings
from tests.api.usual_logging import logging_as_before
from tests.inference.orchestration import receive
from tests.inference.small import mr_series, study_uid
from tests.migrated import upgrade


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = load_settings(data_dir=tmp_path / "node", free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        receive(storage, mr_series("head"))
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MEDIVIEW_FREE_DISK_MARK_BYTES", "0")
    monkeypatch.setenv("MEDIVIEW_BACKUP_TO", str(tmp_path / "backups"))
    return tmp_path


def run(*arguments: str) -> Result:
    with logging_as_before():
        return CliRunner().invoke(command_line(arguments), arguments)


def test_an_operator_backs_up_verifies_prunes_and_restores(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = run("backup").exception
    assert isinstance(refused, MediViewError)
    assert "mediview backup new-key" in refused.remedy
    monkeypatch.setenv("MEDIVIEW_BACKUP_KEY", run("backup", "new-key").stdout.strip())
    missing = run("backup", "list").exception
    assert isinstance(missing, MediViewError)
    assert "holds no backups" in missing.message
    kept_apart = "MEDIVIEW_AUDIT_KEY is not in it"
    for key in ("", "ab" * 32):
        monkeypatch.setenv("MEDIVIEW_AUDIT_KEY", key)
        done = run("backup")
        assert done.exit_code == 0, done.output
        assert ": 8 instances, " in done.stdout
        assert (kept_apart in done.stdout) == bool(key)
    monkeypatch.delenv("MEDIVIEW_AUDIT_KEY")
    listed = run("backup", "list").stdout.splitlines()
    assert [line.split()[1:4] for line in listed] == [["whole", "8", "instances"]] * 2
    first = node / "backups" / "backups" / listed[0].split()[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:-1])
    assert [line.split()[1] for line in run("backup", "list").stdout.splitlines()] == [
        "damaged",
        "whole",
    ]
    first.write_bytes(whole)
    assert "Backups removed: 1;" in run("backup", "prune", "--keep", "1").stdout
    assert "Backups removed: 1;" in run("backup", "--keep", "1").stdout
    assert "is whole: 8 instances" in run("backup", "verify").stdout

    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(node / "other"))
    restored = run("restore")
    assert restored.exit_code == 0, restored.output
    assert "Everybody signs in again" in restored.stdout
    with open_storage(load_settings()) as storage:
        assert len(storage.index.instances_of(study_uid("head"))) == 8

    piece = max((node / "backups" / "pieces").rglob("?" * 64), key=lambda path: path.stat().st_size)
    piece.unlink()
    wrong = run("backup", "verify")
    assert wrong.exit_code == 1
    assert piece.name in wrong.stdout
    assert "affects" in wrong.stdout


def stated_backup() -> datetime | None:
    """What monitors are given."""
    with open_storage(load_settings()) as storage:
        return last_backup(storage.engine)


def test_a_backup_of_a_node_that_has_lost_its_volumes_replaces_no_whole_one(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIVIEW_BACKUP_KEY", run("backup", "new-key").stdout.strip())
    assert run("backup").exit_code == 0
    whole = run("backup", "list").stdout.split()[0]
    noted = stated_backup()
    for volume in (node / "node" / "volumes").glob("*.mvv"):
        volume.unlink()
    for removed in (0, 1, 1):
        lacking = run("backup", "--keep", "1")
        assert lacking.exit_code == 1
        assert "missing" in lacking.stderr
        assert f"Backups removed: {removed};" in lacking.stdout
    assert noted is not None
    assert stated_backup() == noted
    listed = run("backup", "list").stdout.splitlines()
    assert [line.partition("  ")[2].partition("  ")[0] for line in listed] == [
        "whole",
        "lacks what the node had lost",
    ]

    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(node / "other"))
    refused = run("restore").exception
    assert isinstance(refused, MediViewError)
    assert f"the newest that lacks nothing is {whole}" in refused.remedy
    restored = run("restore", "--at", whole)
    assert restored.exit_code == 0, restored.output
    with open_storage(load_settings()) as storage:
        (first, *_) = storage.index.instances_of(study_uid("head"))
        assert storage.instances.read(first)

    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(node / "lacking"))
    named = run("restore", "--at", listed[-1].split()[0])
    assert named.exit_code == 1
    assert "missing" in named.stderr


def test_why_is_one_sentence_or_one_object(node: Path) -> None:
    asked = run("why", study_uid("head"))
    assert asked.exit_code == 0, asked.output
    assert asked.stdout.startswith("The control worker has never looked for work")
    printed = json.loads(run("why", study_uid("head"), "--json").stdout)
    assert printed["cause"] == "control_worker_away"
    unknown = run("why", "1.2.3").exception
    assert isinstance(unknown, MediViewError)
