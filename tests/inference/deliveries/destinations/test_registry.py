"""A kind of destination is one file and one line: what is shown of it comes from there."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from inference.deliveries.destinations import KINDS, address_of, read_address
from storage.core.errors import InvalidRequest
from storage.core.results.result_kinds import ON_REQUEST, RESULT_KINDS
from storage.peers.entities import REFERRING_KINDS, KnownPeer
from storage.settings import load_settings

_ROOT = Path(__file__).parents[4]


def _documented() -> list[list[str]]:
    text = (_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("## Destinations\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| ") and not line.startswith("| kind")
    ]


def test_the_documented_kinds_are_those_of_the_registry() -> None:
    assert _documented() == [
        [kind.title, f"`{kind.address}`", kind.service, kind.proof] for kind in KINDS.values()
    ]


def test_fields_of_a_form_are_members_of_a_peer() -> None:
    members = {member.name for member in fields(KnownPeer)}
    for kind in KINDS.values():
        assert {field.name for field in kind.fields} <= members


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("PACS@10.0.0.5:104", "ae"),
        ("PACS@[2001:db8::5]:104", "ae"),
        ("CT1", "ae"),
        ("https://pacs.example.org/dicom-web", "stow"),
        ("folder:archive/2024", "folder"),
        ("sftp://mediview@vna.example.org:2022/incoming", "sftp"),
        ("s3+https://s3.example.org/bucket/prefix", "bucket"),
    ],
)
def test_an_address_is_read_and_written_the_same(address: str, kind: str) -> None:
    peer = read_address("x", address)
    assert peer.kind == kind
    assert peer.is_destination == (not KINDS[kind].may_call)
    assert address_of(peer) == address


@pytest.mark.parametrize("address", ["ftp://pacs/", "10.0.0.5:104", "a/b", "PACS@host"])
def test_what_is_no_address_is_refused_with_all_forms(address: str) -> None:
    with pytest.raises(InvalidRequest):
        read_address("x", address)


def test_no_other_module_compares_the_names_of_kinds() -> None:
    names = "|".join(KINDS)
    comparison = re.compile(rf"\.kind (?:==|!=|in) \(?\"(?:{names})\"")
    found = [
        str(path.relative_to(_ROOT))
        for package in ("storage", "dicom_node", "inference", "api")
        for path in (_ROOT / package).rglob("*.py")
        if comparison.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_storage_knows_the_kinds_whose_documents_refer_to_a_patient() -> None:
    assert {name for name, kind in KINDS.items() if kind.one_sender} == REFERRING_KINDS


def test_documents_and_settings_name_the_kinds_of_results() -> None:
    text = (_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"is the capability profile: {', '.join(RESULT_KINDS)}." in text
    assert load_settings(result_kinds=",".join(ON_REQUEST).lower()).result_kinds == ON_REQUEST
