"""What is used of pynetdicom without being documented by it: in two files, and there."""

import re
from importlib.metadata import version
from pathlib import Path

import pynetdicom
import pytest

from dicom_node.association import pynetdicom_adapter as adapter

_ROOT = Path(__file__).parents[3]
_ADAPTER = Path(adapter.__file__)


def test_the_installed_pynetdicom_has_what_is_used_of_it() -> None:
    missing = adapter.missing_names()
    assert not missing, (
        f"pynetdicom {version('pynetdicom')} lacks {', '.join(missing)}, which"
        f" {_ADAPTER.relative_to(_ROOT)} uses. Adapt that file to this release, or keep the one"
        " before in pyproject.toml."
    )


def test_a_name_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pynetdicom.association.Association._serve_request")
    monkeypatch.delattr("pynetdicom.dul.DULServiceProvider._decode_pdu")
    assert adapter.missing_names() == ["association._serve_request", "dul._decode_pdu"]


def _private_names() -> set[str]:
    """Those that pynetdicom gives to its classes and modules."""
    names: set[str] = set()
    for path in Path(pynetdicom.__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        names |= set(re.findall(r"def (_[a-z]\w*)\(", text))
        names |= set(re.findall(r"self\.(_[a-z]\w*)\b", text))
    return names


def test_no_other_file_uses_a_private_name_of_pynetdicom() -> None:
    private = _private_names()
    found = []
    for path in (_ROOT / "dicom_node").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.parent == _ADAPTER.parent and path.name.startswith("pynetdicom_"):
            continue
        own = set(re.findall(r"(?:def |self\.)(_[a-z]\w*)(?=\(|: [^=\n]+ = | = )", text))
        own |= set(re.findall(r"^    (_[a-z]\w*): ", text, re.MULTILINE))
        used = set(re.findall(r"\.(_[a-z]\w*)", text)) - own
        found += [f"{path.relative_to(_ROOT)}: {name}" for name in sorted(used & private)]
        if re.search(r"pynetdicom\._|from pynetdicom import _", text):
            found.append(f"{path.relative_to(_ROOT)}: a private module")
    assert found == []
