"""Anybody who may store can send other content under a known UID: what is kept of it is bounded."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from storage.container import Storage, open_storage
from storage.core.callers.shares import address_caller, on_behalf_of
from storage.core.errors import NoRoom
from storage.db.room import Limits
from storage.ingest import conflict_room
from storage.maintenance.reindexing.reindex import reindex
from storage.settings import Settings
from storage.volumes.scan import volumes_in
from tests.storage.deletion.test_deleting import close
from tests.storage.instances import part10
from tests.storage.maintenance.reindexing.test_verify_reindex import emptied

SCANNER, OTHER = address_caller("192.0.2.7"), address_caller("2001:db8::9")


@pytest.fixture
def storage(storage_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    small = replace(conflict_room.CONFLICTS, of_one=Limits(4, 1 << 20), of_all=Limits(6, 2 << 20))
    monkeypatch.setattr(conflict_room, "CONFLICTS", small)
    with open_storage(storage_settings) as opened:
        opened.ingest.accept(part10(), "stow")
        yield opened


def send(storage: Storage, caller: str, number: int, padding: int = 0) -> str:
    other = part10(PatientID=f"P{number}", PatientComments="x" * min(padding, 10_000))
    with on_behalf_of(caller):
        return storage.ingest.accept(other, "dimse:ANY").outcome


def kept(storage: Storage) -> int:
    return len(storage.conflicts.waiting())


def volume_bytes(storage: Storage) -> int:
    return sum(path.stat().st_size for path in volumes_in(storage.volumes.folder))


def test_a_sender_is_refused_beyond_its_number_and_told_what_to_do(storage: Storage) -> None:
    assert [send(storage, SCANNER, n) for n in range(4)] == ["conflict"] * 4
    before = volume_bytes(storage)
    for number in range(4, 50):
        with pytest.raises(NoRoom) as refused:
            send(storage, SCANNER, number)
    assert kept(storage) == 4, "what was accepted stays"
    assert volume_bytes(storage) == before, "and nothing of the rest is written"
    assert "192.0.2.7" in refused.value.message
    assert "4 of one sender" in refused.value.message
    assert "mediview conflicts decide" in refused.value.remedy
    # Everything else of the sender still comes in.
    with on_behalf_of(SCANNER):
        other = part10(SOPInstanceUID="1.2.3.4.5.6")
        assert storage.ingest.accept(other, "dimse:ANY").outcome == "stored"
        assert storage.ingest.accept(part10(), "dimse:ANY").outcome == "duplicate"


def test_another_sender_has_a_part_however_much_one_has_sent(storage: Storage) -> None:
    for number in range(4):
        send(storage, SCANNER, number)
    assert [send(storage, OTHER, n) for n in range(10, 13)] == ["conflict"] * 3
    with pytest.raises(NoRoom):
        # Six of all: two senders have three each.
        send(storage, OTHER, 13)
    assert kept(storage) == 7


def test_a_decision_makes_room_again(storage: Storage) -> None:
    for number in range(4):
        send(storage, SCANNER, number)
    storage.conflicts.discard(storage.conflicts.waiting()[0].conflict_id)
    close(storage)
    with open_storage(storage.settings) as again:
        assert send(again, SCANNER, 9) == "conflict"


def test_what_waits_already_is_not_written_once_more(storage: Storage) -> None:
    for number in range(4):
        send(storage, SCANNER, number)
    before = volume_bytes(storage)
    assert [send(storage, SCANNER, n % 4) for n in range(40)] == ["conflict"] * 40
    assert (kept(storage), volume_bytes(storage)) == (4, before)


def test_the_node_itself_always_has_room(storage: Storage) -> None:
    assert [send(storage, "", n) for n in range(9)] == ["conflict"] * 9


def test_bytes_count_as_well(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(conflict_room.CONFLICTS, of_one=Limits(100, 25_000))
    monkeypatch.setattr(conflict_room, "CONFLICTS", small)
    with open_storage(storage.settings) as opened:
        assert send(opened, SCANNER, 1, padding=9_000) == "conflict"
        assert send(opened, SCANNER, 2, padding=9_000) == "conflict"
        with pytest.raises(NoRoom, match="MiB"):
            send(opened, SCANNER, 3, padding=9_000)
        assert send(opened, SCANNER, 4) == "conflict"


def test_a_rebuilt_index_keeps_all_of_them(
    storage: Storage, request: pytest.FixtureRequest
) -> None:
    for number in range(4):
        send(storage, SCANNER, number)
    close(storage)
    settings = emptied(storage.settings, request)
    reindex(settings, "volumes")
    with open_storage(settings) as again:
        assert kept(again) == 4
