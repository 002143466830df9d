"""A node with instances and accounts, and ways to harm its index."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from storage.container import Storage
from storage.settings import Settings
from tests.patience import PATIENCE_S
from tests.ready_processes import run
from tests.storage.deletion.test_deleting import STUDY

PAGE = 4096
ACCOUNTS = 40


def prefer(connection: sqlite3.Connection, number: int, chosen: str) -> None:
    """What somebody chose, in a change of its own."""
    connection.execute(
        "INSERT INTO preference VALUES ('account', ?, ?, '2026-01-01 00:00:00.000000')",
        (f"{number}", json.dumps({"language": chosen})),
    )
    connection.commit()


def index(settings: Settings) -> Path:
    return settings.data_dir / "index.sqlite3"


def first_page(settings: Settings) -> None:
    content = index(settings).read_bytes()
    index(settings).write_bytes(os.urandom(PAGE) + content[PAGE:])


def mediview(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(
        [sys.executable, "-m", "api.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=Path(__file__).parents[4],
        env={
            **os.environ,
            "MEDIVIEW_DATA_DIR": str(settings.data_dir),
            # Another node may have the usual ones.
            "MEDIVIEW_DICOM_PORT": "0",
            "MEDIVIEW_HTTP_PORT": "0",
            "COLUMNS": "300",
        },
    )


def uids(storage: Storage) -> set[str]:
    return {one.sop_instance_uid for one in storage.index.instances_of(STUDY)}


def leaves(settings: Settings) -> list[int]:
    """Pages with what people chose (sqlite.org/fileformat2.html, 1.6: 13 is a leaf of a table)."""
    content = index(settings).read_bytes()
    return [
        start // PAGE + 1
        for start in range(0, len(content), PAGE)
        if content[start] == 0x0D and b"dede" * 50 in content[start : start + PAGE]
    ]
