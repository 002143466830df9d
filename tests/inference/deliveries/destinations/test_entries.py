"""What an entry of a peer must be like, kind by kind."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.deliveries.destinations import checked_peer
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.settings import Settings

PACS = KnownPeer(
    "archive",
    ae_title="ARCHIVE",
    host="10.0.0.5",
    port=104,
    tls=True,
    tls_verify="chain",
    is_destination=True,
)
STOW = KnownPeer(
    "cloud", kind="stow", url="https://pacs.example.org/dicom-web", is_destination=True
)
FOLDER = KnownPeer("disk", kind="folder", folder="research/brains", is_destination=True)


@pytest.mark.parametrize(
    ("peer", "changes", "complaint"),
    [
        (PACS, {"name": "../x"}, "name"),
        (PACS, {"ae_title": ""}, "ae_title"),
        (PACS, {"ae_title": "SEVENTEEN_LETTERS"}, "ae_title"),
        (PACS, {"ae_title": "BACK\\SLASH"}, "ae_title"),
        (PACS, {"host": "", "port": 0}, "host"),
        (PACS, {"port": 70_000}, "port"),
        (PACS, {"sources": ("hospital",)}, "'hospital'"),
        (PACS, {"may": frozenset({"everything"})}, "may"),
        (PACS, {"object_kinds": frozenset({"VIDEO"})}, "object_kinds"),
        (PACS, {"bandwidth_bytes_per_s": -1}, "limits"),
        (FOLDER, {"folder": "../outside"}, "folder"),
        (FOLDER, {"folder": "/etc"}, "folder"),
        (FOLDER, {"folder": "a/../../b"}, "folder"),
        (FOLDER, {"folder": ""}, "folder"),
        (STOW, {"url": "file:///etc/passwd"}, "url"),
        (STOW, {"url": "https://user:pass@pacs.example.org/"}, "url"),
        (STOW, {"url": "https://pacs.example.org:x/"}, "url"),
        (STOW, {"url": "https://169.254.169.254/latest"}, "169.254.169.254:443"),
        (STOW, {"url": "https://pacs.example.org.evil.test/"}, "evil.test:443"),
        (STOW, {"url": "http://pacs.example.org/", "token": "Bearer x"}, "unencrypted"),
        (STOW, {"token": "a\r\nHost: b"}, "token"),
        (STOW, {"token_header": "X: y"}, "token_header"),
    ],
)
def test_a_wrong_entry_is_refused(peer: KnownPeer, changes: dict[str, Any], complaint: str) -> None:
    settings = Settings(stow_hosts="pacs.example.org", tls_ca=Path("ca.pem"))  # type: ignore[arg-type]
    assert checked_peer(peer, settings) == peer
    with pytest.raises(InvalidRequest, match=complaint):
        checked_peer(replace(peer, **changes), settings)


def test_an_address_is_kept_as_a_network(tmp_path: Path) -> None:
    peer = checked_peer(
        replace(PACS, sources=("10.0.0.7", "10.1.2.3/16")), Settings(tls_ca=Path("ca.pem"))
    )
    assert peer.sources == ("10.0.0.7/32", "10.1.0.0/16")


def test_a_token_is_in_no_representation() -> None:
    assert "secret" not in repr(replace(STOW, token="Bearer secret"))
