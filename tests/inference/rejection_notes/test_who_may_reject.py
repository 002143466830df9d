"""Whose rejection notes take effect; the others are stored, hide nothing, and are reported."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.results.file_writing import part10
from storage.audit import MINOR_FAILURE, SUCCESS
from storage.audit.query import AuditFilter, find_events
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.sources import of_archive, of_note
from storage.peers.entities import Action, KnownPeer
from storage.rejection_notes.rights import may_reject
from storage.settings import load_settings
from tests.inference.orchestration import storage_in
from tests.inference.rejection_notes.notes import (
    STUDY,
    hide_rejected,
    images,
    note_over,
    seen,
    uids,
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as opened:
        yield opened


EXPLICIT: frozenset[Action] = frozenset({"store", "query"})
PEERS = (
    KnownPeer("pacs", ae_title="PACS"),
    KnownPeer("modality", ae_title="CT1", may=EXPLICIT),
    KnownPeer("listed", ae_title="LISTED", may=EXPLICIT | {"reject"}),
    # Which of the two it was is not known.
    KnownPeer("north", ae_title="TWICE"),
    KnownPeer("south", ae_title="TWICE", may=EXPLICIT),
    KnownPeer("web", kind="stow", url="https://archive.example.org/dicom-web"),
)


def test_whose_notes_take_effect(storage: Storage) -> None:
    for peer in PEERS:
        storage.peers.add(peer)
    for source, expected in {
        "dimse:STRANGER": False,
        "dimse:PACS": True,
        "dimse:CT1": False,
        "dimse:LISTED": True,
        "dimse:TWICE": False,
        of_archive("web", ""): True,
        of_archive("gone", ""): False,
        of_note("stow", "adam", may_reject=True): True,
        of_note("stow", "may-reject:ruth", may_reject=False): False,
        # Of a version that did not ask.
        "stow": False,
        "upload:0001": False,
        "import:folder": True,
    }.items():
        assert may_reject(source, storage.peers, storage.settings) == expected, source
    opened = load_settings(unknown_peers_may=("store", "reject"))
    assert may_reject("dimse:STRANGER", storage.peers, opened)
    assert not may_reject("dimse:CT1", storage.peers, opened)


def test_a_stranger_neither_hides_nor_revokes_and_the_audit_trail_names_the_senders(
    storage: Storage,
) -> None:
    storage.peers.add(PEERS[0])
    slices = images(2)
    of_stranger, of_pacs = note_over(slices[:1], "113001"), note_over(slices[1:], "113001")
    stored = [
        *((one, "dimse:CT1") for one in slices),
        (of_stranger, "dimse:STRANGER"),
        (of_pacs, "dimse:PACS"),
        (note_over([of_pacs], "113001"), of_note("stow", "ruth", may_reject=False)),
    ]
    for one, source in stored:
        storage.ingest.accept(part10(one), source)
    for _ in range(2):
        hide_rejected(storage, utcnow())
    assert seen(storage) == uids(slices[:1])
    assert storage.index.instance(str(of_stranger.SOPInstanceUID))
    ignored = [one.sender for one in storage.rejection_notes.ignored(STUDY)]
    assert ignored == ["dimse:STRANGER", "stow:ruth"]
    storage.audit.flush()
    events, _ = find_events(storage.engine, AuditFilter(), 9, 0)
    of_notes = [one for one in events if one.detail.get("via") == "IOCM"]
    assert {(one.detail["senders"][0], one.outcome) for one in of_notes} == {
        ("dimse:STRANGER", MINOR_FAILURE),
        ("stow:ruth", MINOR_FAILURE),
        ("dimse:PACS", SUCCESS),
    }
    # Once the sender may, it is deleted and comes again.
    storage.peers.add(KnownPeer("stranger", ae_title="STRANGER"))
    storage.deletions.instance(str(of_stranger.SOPInstanceUID))
    storage.ingest.accept(part10(of_stranger), "dimse:STRANGER")
    hide_rejected(storage, utcnow())
    assert seen(storage) == set()
