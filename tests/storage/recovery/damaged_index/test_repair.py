"""An index that is garbled, cut, lost or out of step: one sentence, one command, nothing lost."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.container import open_storage
from storage.core.errors import IndexDamaged, InvalidRequest
from storage.maintenance import upgrade as upgrading
from storage.maintenance.verify import verify_storage
from storage.recovery.diagnosis import diagnose
from storage.recovery.repair import repair
from storage.settings import Settings
from tests.storage.deletion.test_deleting import STUDY, uid
from tests.storage.instances import part10
from tests.storage.recovery.damaged_index.harms import (
    ACCOUNTS,
    PAGE,
    first_page,
    index,
    leaves,
    mediview,
    uids,
)


def cut(settings: Settings) -> None:
    os.truncate(index(settings), index(settings).stat().st_size // 3)


def emptied(settings: Settings) -> None:
    os.truncate(index(settings), 0)


def removed(settings: Settings) -> None:
    index(settings).unlink()


def of_text(settings: Settings) -> None:
    index(settings).write_text("not a database at all\n" * 1000)


HARMS = [first_page, cut, emptied, removed, of_text]


@pytest.mark.parametrize("harm", HARMS)
def test_repair_gives_back_every_instance_and_keeps_the_old_file(
    filled: Settings, harm: Callable[[Settings], None]
) -> None:
    harm(filled)
    with pytest.raises(IndexDamaged, match=str(index(filled))), open_storage(filled) as storage:
        storage.index.study(STUDY)
    before = index(filled).read_bytes() if index(filled).exists() else b""
    found = diagnose(filled)
    assert found.must_rebuild
    done = repair(filled, found, None)
    kept = [path.read_bytes() for path in done.kept if not path.name.endswith(("-wal", "-shm"))]
    assert not before or before in kept
    with open_storage(filled) as storage:
        assert uids(storage) == {uid(name) for name in "0123"}, "what was deleted stays so"
        assert storage.instances.read(storage.index.instance(uid("1"))) == part10(instance="1")
        assert (
            list(verify_storage(storage.engine, storage.index, storage.objects, storage.volumes))
            == []
        )
    assert diagnose(filled).findings == ()


@pytest.mark.parametrize("last", range(4))
def test_a_repair_that_is_cut_off_is_finished_and_loses_nobodys_work(
    filled: Settings, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Killed after each of the renames by which the new index takes the old one's place."""
    pages = leaves(filled)
    content = bytearray(index(filled).read_bytes())
    middle = pages[len(pages) // 2]
    content[(middle - 1) * PAGE : middle * PAGE] = os.urandom(PAGE)
    index(filled).write_bytes(content)
    log = index(filled).with_name(f"{index(filled).name}-wal")
    renames = []
    rename = Path.rename

    def cut_off(path: Path, target: Path) -> Path:
        if len(renames) == last:
            raise KeyboardInterrupt
        renames.append(path)
        return rename(path, target)

    found = diagnose(filled)
    # Changes of the old file's, which are none of the new one's.
    log.write_bytes(b"\0" * 32)
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(Path, "rename", cut_off)
        repair(filled, found, None)
    if index(filled).exists():
        repair(filled, diagnose(filled), None)
    else:
        # As at the next start; not by a copy, as other tests begin.
        upgrading.upgrade(filled)
    with open_storage(filled) as storage:
        assert uids(storage) == {uid(name) for name in "0123"}
        with storage.engine.connect() as connection:
            (left,) = connection.execute(text("SELECT count(*) FROM preference")).one()
    assert ACCOUNTS // 2 < left < ACCOUNTS
    assert diagnose(filled).findings == ()


@pytest.mark.slow
def test_every_command_answers_with_one_sentence(filled: Settings) -> None:
    first_page(filled)
    for command in (["storage", "verify"], ["storage", "reindex"], ["migrate"], ["up"]):
        answer = mediview(filled, *command)
        output = answer.stdout + answer.stderr
        assert answer.returncode == 1, output
        assert f"The index {index(filled)} is damaged" in output
        assert "mediview storage repair" in output
        assert "Traceback" not in output
    doctor = mediview(filled, "doctor")
    assert "Traceback" not in doctor.stdout + doctor.stderr
    assert "mediview storage repair" in doctor.stdout


def test_the_command_asks_tells_and_repairs(filled: Settings) -> None:
    of_text(filled)
    refused = mediview(filled, "storage", "repair")
    assert refused.returncode != 0
    assert "is damaged" in refused.stdout
    assert "accounts" in refused.stdout
    answer = mediview(filled, "storage", "repair", "--yes")
    assert "Traceback" not in answer.stderr
    assert "4 instances indexed" in answer.stdout
    assert "Lost in whole or in part: accounts" in answer.stdout
    assert "index.sqlite3.damaged-" in answer.stdout
    assert answer.returncode == 1, "what is lost is lost"
    again = mediview(filled, "storage", "repair")
    assert (again.returncode, "Nothing is wrong" in again.stdout) == (0, True)


def test_a_running_node_is_not_repaired(filled: Settings) -> None:
    with open_storage(filled) as storage:
        storage.ingest.accept(part10(instance="9"), "stow")
        with pytest.raises(InvalidRequest, match="running"):
            diagnose(filled)


def test_lost_volumes_and_records_without_rows_are_told_apart(filled: Settings) -> None:
    with open_storage(filled) as storage:
        lost = storage.index.instance(uid("1")).location.volume
        storage.ingest.accept(part10(instance="9"), "stow")
    with closing(sqlite3.connect(index(filled))) as connection:
        connection.execute("DELETE FROM instance WHERE sop_instance_uid = ?", (uid("9"),))
        connection.execute("DELETE FROM volume")
        connection.commit()
    (filled.data_dir / "volumes" / lost).unlink()
    found = diagnose(filled)
    assert found.index == "whole"
    sentences = [one.what for one in found.findings]
    assert any(lost in one and "is missing; 4 instances" in one for one in sentences)
    assert any("1 records of volumes have no row" in one for one in sentences)
    assert repair(filled, found, None).restored == 1
    (left,) = diagnose(filled).findings
    assert lost in left.what
