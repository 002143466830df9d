"""Another user of the machine reads nothing: folders are 0700, files 0600."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api.server.checks.doctor import Check, diagnose
from storage.settings import load_settings
from tests import builders
from tests.api.client import part10
from tests.processes import end, wait_until
from tests.services import free_port


def modes(folder: Path) -> dict[str, int]:
    """By path; links are as open as what they lead to."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            found[str(path.relative_to(folder))] = stat.S_IMODE(path.stat().st_mode)
    return found


def open_to_others(folder: Path) -> list[str]:
    return sorted(name for name, mode in modes(folder).items() if mode & 0o077)


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "MEDIVIEW_DATA_DIR": os.fspath(folder),
        "MEDIVIEW_HTTP_PORT": str(free_port()),
        "MEDIVIEW_DICOM_PORT": str(free_port()),
        "MEDIVIEW_HTTP_PROCESSES": "1",
        "MEDIVIEW_FREE_DISK_MARK_BYTES": "0",
        **more,
    }


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """As an operator's shell runs it, whose umask lets everyone read."""
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *command],
        env=environment(folder),
        cwd=folder.parent,
        umask=0o022,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told_of(folder: Path) -> Check:
    checks = diagnose(load_settings(data_dir=folder))
    return next(one for one in checks if one.name == "data folder")


@pytest.mark.slow
def test_what_a_running_node_keeps_is_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert run(folder, "migrate").returncode == 0
    assert open_to_others(folder) == []
    settings = environment(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "api"],
        env=settings,
        cwd=tmp_path,
        umask=0o022,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{settings['MEDIVIEW_HTTP_PORT']}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health").status_code in (200, 503)
        except httpx.HTTPError:
            return False

    try:
        wait_until(answers, "the API", process)
        body = part10(builders.t1_head((4, 32, 32))[0])
        stored = httpx.post(
            f"{url}/dicom-web/studies",
            content=b"--b\r\nContent-Type: application/dicom\r\n\r\n" + body + b"\r\n--b--\r\n",
            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'},
        )
        assert stored.status_code == 200, stored.text
        kept = modes(folder)
        assert any(name.startswith("volumes/") for name in kept)
        # The database's journal, too, while it is open.
        assert "index.sqlite3-wal" in kept
        assert open_to_others(folder) == []
    finally:
        end(process)
    assert told_of(folder).state == "ok"


@pytest.mark.slow
def test_what_an_older_version_left_open_is_closed_at_start(tmp_path: Path) -> None:
    folder, outside = tmp_path / "data", tmp_path / "outside"
    assert run(folder, "migrate").returncode == 0
    (folder / "volumes" / "2026").mkdir(parents=True)
    (folder / "volumes" / "2026" / "0001.dcm").write_bytes(b"DICM")
    outside.write_text("not the node's")
    outside.chmod(0o644)
    (folder / "link").symlink_to(outside)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    check = told_of(folder)
    assert check.state == "fail"
    assert "chmod -R go= " in check.remedy
    assert run(folder, "migrate").returncode == 0
    assert open_to_others(folder) == []
    # What a link leads to is none of the node's business.
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert told_of(folder).state == "ok"


@pytest.mark.slow
def test_one_open_file_is_found_and_closed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert run(folder, "migrate").returncode == 0
    database = folder / "index.sqlite3"
    database.chmod(0o604)
    check = told_of(folder)
    assert (check.state, str(database) in check.detail) == ("fail", True)
    assert run(folder, "migrate").returncode == 0
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
