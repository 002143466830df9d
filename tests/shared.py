"""Where the shared data lie: real studies and weights that the repository does not carry."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MEDIVIEW_SHARED") or Path(__file__).parents[2] / "shared").absolute()
MISSING = "Data missing: "


def shared_folder(name: str) -> Path:
    """A folder of the shared data by its name under it; skips the test where it is absent."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{MISSING}{folder}")
    return folder
