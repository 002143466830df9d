"""The paths that documents for contributors name are there."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FOLDERS = "api|benchmarks|clients|deploy|dicom_node|docs|inference|scripts|storage|tests|viewer"


@pytest.mark.parametrize(
    "document",
    [
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/development.md",
        "docs/glossary.md",
        "docs/receiving.md",
    ],
)
def test_every_path_that_a_document_names_is_there(document: str) -> None:
    text = (_ROOT / document).read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{_FOLDERS})/[\w./*-]*)`", text)
    missing = [one for one in named if not any(_ROOT.glob(one))]
    assert named, f"{document} names no path at all"
    assert not missing, f"{document} names paths that are not there: {', '.join(missing)}"
