"""On a disk without a free byte the node's own commands work, or say what to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.server.checks.disk import check_room
from storage.core.data_folder.disk_reserve import RESERVE_BYTES, refill, release_if_full
from storage.settings import load_settings
from tests.mounts import fill_disk, mounted
from tests.patience import PATIENCE_S
from tests.ready_processes import run

MARK_BYTES = 8 << 20
COMMANDS = (["peers", "list"], ["storage", "verify"], ["migrate"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 160 MiB."""
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=160m", "tmpfs"):
        yield disk


def mediview(disk: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        [sys.executable, "-m", "api.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=Path(__file__).parents[3],
        env={
            **os.environ,
            "MEDIVIEW_DATA_DIR": str(disk / "data"),
            "MEDIVIEW_FREE_DISK_MARK_BYTES": str(MARK_BYTES),
            "COLUMNS": "200",
        },
    )


def test_commands_work_on_a_full_disk_by_the_reserve(small_disk: Path) -> None:
    assert mediview(small_disk, "migrate").returncode == 0
    reserve = small_disk / "data" / "reserve"
    assert reserve.stat().st_size == RESERVE_BYTES
    ballast = fill_disk(small_disk)
    for command in COMMANDS:
        answer = mediview(small_disk, *command)
        assert answer.returncode == 0, answer.stderr
    assert not reserve.exists()
    ballast.unlink()
    assert mediview(small_disk, "migrate").returncode == 0
    assert reserve.stat().st_size == RESERVE_BYTES


@pytest.mark.slow
def test_without_a_reserve_a_full_disk_is_named_with_the_remedy(small_disk: Path) -> None:
    assert mediview(small_disk, "migrate").returncode == 0
    (small_disk / "data" / "reserve").unlink()
    fill_disk(small_disk)
    for command in COMMANDS:
        answer = mediview(small_disk, *command)
        assert answer.returncode == 1
        assert "is full: 0 KiB are free" in answer.stderr
        assert "Remove something else from that disk" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_a_disk_with_little_room_has_no_reserve_taken_from_it(small_disk: Path) -> None:
    refill(small_disk, 150 << 20)
    assert not (small_disk / "reserve").exists()
    refill(small_disk, MARK_BYTES)
    refill(small_disk, MARK_BYTES)
    assert (small_disk / "reserve").exists()
    assert not release_if_full(small_disk)
    fill_disk(small_disk)
    assert release_if_full(small_disk)
    assert not release_if_full(small_disk)


def test_a_disk_without_a_free_byte_is_never_well(small_disk: Path) -> None:
    settings = load_settings(data_dir=small_disk / "data", free_disk_mark_bytes=0)
    settings.data_dir.mkdir()
    assert check_room(settings).ok
    fill_disk(small_disk)
    found = check_room(settings)
    assert not found.ok
    assert "0 KiB are free" in found.detail
    assert "Free disk space" in found.detail
