"""What an administrator tells the node about its peers."""

from dataclasses import replace

import pytest

from storage.access_groups.entities import Member
from storage.container import Storage
from storage.core.errors import NotFound, UidConflict
from storage.core.results.result_kinds import result_kind
from storage.peers.entities import KnownPeer

PACS = KnownPeer(
    "archive",
    ae_title="ARCHIVE",
    host="10.0.0.5",
    port=104,
    sources=("10.0.0.0/24",),
    may=frozenset({"query", "retrieve"}),
    tls=True,
    tls_verify="chain",
    is_destination=True,
    object_kinds=frozenset({"SEG", "SR"}),
    max_associations=3,
    max_sendings=2,
    bandwidth_bytes_per_s=1_000_000,
)


def test_a_peer_is_kept_as_it_was_told_changed_and_removed(storage: Storage) -> None:
    peers = storage.peers
    peers.add(PACS)
    assert peers.get("archive") == PACS
    assert peers.all() == peers.destinations() == [PACS]
    assert peers.by_ae_title("ARCHIVE") == [PACS]
    changed = replace(PACS, ae_title="ARCHIVE2", is_destination=False)
    peers.replace(changed)
    assert peers.get("archive") == changed
    assert (peers.by_ae_title("ARCHIVE"), peers.by_ae_title("ARCHIVE2")) == ([], [changed])
    assert peers.destinations() == []
    peers.remove("archive")
    assert peers.all() == []
    with pytest.raises(NotFound, match="archive"):
        peers.remove("archive")
    with pytest.raises(NotFound, match="archive"):
        peers.replace(PACS)


def test_another_peer_of_the_name_does_not_inherit_access_groups(storage: Storage) -> None:
    groups = storage.access_groups
    groups.add("North")
    person = Member("account", "archive")
    for member in (Member("peer", "archive"), person):
        groups.add_member("North", member)
    storage.peers.add(PACS)
    storage.peers.remove("archive")
    storage.peers.add(PACS)
    assert groups.members("North") == [person]


def test_a_name_is_taken_once(storage: Storage) -> None:
    storage.peers.add(PACS)
    with pytest.raises(UidConflict, match="archive"):
        storage.peers.add(PACS)


@pytest.mark.parametrize(
    ("sources", "host", "may"),
    [
        ((), "192.0.2.1", True),
        (("10.0.0.5/32",), "10.0.0.5", True),
        (("10.0.0.5/32",), "10.0.0.6", False),
        (("10.0.0.0/24", "2001:db8::/32"), "2001:db8::7", True),
        (("10.0.0.0/24",), "::ffff:10.0.0.9", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("10.0.0.0/24",), "2001:db8::7", False),
    ],
)
def test_a_peer_calls_from_its_networks(sources: tuple[str, ...], host: str, may: bool) -> None:
    assert replace(PACS, sources=sources).may_call_from(host) is may


@pytest.mark.parametrize(
    ("sop_class_uid", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
        ("1.2.840.10008.5.1.4.1.1.66.7", "LABELMAP"),
        ("1.2.840.10008.5.1.4.1.1.88.34", "SR"),
        ("1.2.840.10008.5.1.4.1.1.7", "SC"),
        ("1.2.840.10008.5.1.4.1.1.7.4", "STACK"),
        ("1.2.840.10008.5.1.4.1.1.88.59", "KOS"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "GSPS"),
        ("1.2.840.10008.5.1.4.1.1.77.1.4", "OTHER"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "PDF"),
        ("1.2.840.10008.5.1.4.1.1.2", "OTHER"),
    ],
)
def test_object_kinds_are_told_by_class(sop_class_uid: str, kind: str) -> None:
    assert result_kind(sop_class_uid) == kind
