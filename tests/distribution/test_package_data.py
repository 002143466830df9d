"""What a node reads beside its code is part of the package, as an image installs it."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
_OURS_ALONE = {".py", ".pyc"}


def test_every_file_beside_the_code_is_installed_with_it() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    installed = {
        path
        for package, patterns in tools["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    beside = {
        path
        for package in ("storage", "dicom_node", "inference", "api")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in _OURS_ALONE
    }
    assert beside, "there are word lists and texts, at least"
    assert beside - installed == set()
