"""Commands that change something, while the disk makes nothing durable: they fail."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage.container import open_storage
from storage.settings import load_settings
from tests.injection import can_inject
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.ready_processes import run
from tests.storage.deletion.test_deleting import STUDY
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]

ROOT = Path(__file__).parents[3]
INJECTED = "--inject=fsync,fdatasync:error=EIO"
STRACE = ("strace", "-f", "--quiet=all", "-e", "signal=none", "-o", "/dev/null", INJECTED)

COMMANDS = {
    "a peer": ["peers", "add", "p", "P@127.0.0.1:104"],
    "an access group": ["access-groups", "add", "North"],
    "a deletion": ["storage", "delete", STUDY, "--yes"],
    "an import": ["import", "{folder}"],
    "an export": ["storage", "export", STUDY, "--to", "{folder}/exported.zip"],
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data of a node that has a study, and with one to import."""
    folder = tmp_path_factory.mktemp("node")
    settings = load_settings(data_dir=folder / "data", free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as storage:
        dated = part10(StudyDate="20240131", StudyTime="101500")
        storage.ingest.accept(dated, "stow")
    (folder / "new").mkdir()
    (folder / "new" / "1.dcm").write_bytes(part10(study="new"))
    return folder


@pytest.mark.parametrize(
    "what",
    [pytest.param(one, marks=() if one == "a peer" else pytest.mark.slow) for one in COMMANDS],
)
def test_a_command_whose_change_is_not_durable_fails(node: Path, tmp_path: Path, what: str) -> None:
    if not can_inject():
        pytest.skip("strace is missing, or may not trace")
    failed = _ran(shutil.copytree(node, tmp_path / "failing"), what, STRACE)
    assert failed.returncode != 0, failed.stdout
    assert "Traceback" not in failed.stderr
    # Neither a wrong command nor a missing study.
    assert re.search("(Input/output|disk I/O) error", failed.stderr), failed.stderr
    assert "its disk is healthy" in failed.stderr
    # The same does not fail otherwise.
    made = _ran(shutil.copytree(node, tmp_path / "working"), what)
    assert made.returncode == 0, made.stderr


def _ran(folder: Path, what: str, around: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """The command, on the data in a folder."""
    command = [one.format(folder=folder / "new") for one in COMMANDS[what]]
    return run(
        [*around, sys.executable, "-m", "api.cli", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=ROOT,
        env={**os.environ, "MEDIVIEW_DATA_DIR": str(folder / "data"), "COLUMNS": "300"},
    )
