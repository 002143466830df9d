"""HL7 without TLS has no sign-in: orders that are kept are bounded by sender and in all."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from storage.container import Storage, open_storage
from storage.core.callers.shares import address_caller, on_behalf_of
from storage.core.errors import NoRoom
from storage.db.room import Limits
from storage.settings import Settings
from storage.worklist import room
from storage.worklist.entities import WorklistItem

RIS, STRANGER = address_caller("192.0.2.10"), address_caller("192.0.2.66")


@pytest.fixture
def storage(storage_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    small = replace(room.ORDERS, of_one=Limits(5, 1 << 20), of_all=Limits(8, 4 << 20))
    monkeypatch.setattr(room, "ORDERS", small)
    with open_storage(storage_settings) as opened:
        yield opened


def order(storage: Storage, caller: str, number: str, comments: str = "") -> WorklistItem:
    attributes = {
        "StudyInstanceUID": f"1.2.840.99.{number}",
        "AccessionNumber": f"A-{number}",
        "PatientName": "Müller^Jürgen",
        "RequestedProcedureComments": comments,
    }
    with on_behalf_of(caller):
        return storage.worklist.add(attributes)


def test_a_sender_is_refused_beyond_its_number(storage: Storage) -> None:
    made = [order(storage, STRANGER, f"1{n}") for n in range(5)]
    with pytest.raises(NoRoom, match=r"5 orders came from address 192\.0\.2\.66"):
        order(storage, STRANGER, "19")
    assert order(storage, RIS, "20").accession_number == "A-20"
    assert storage.worklist.list()[1] == 6, "what was taken is there"
    # One that is there is still changed and ended.
    with on_behalf_of(STRANGER):
        changed = storage.worklist.change(made[0].worklist_item_id, state="CANCELED")
    assert changed.state == "CANCELED"


def test_orders_that_grow_count_by_their_bytes(storage: Storage) -> None:
    item = order(storage, STRANGER, "1", "x" * 500_000)
    order(storage, STRANGER, "2", "x" * 400_000)
    longer = {**item.attributes, "RequestedProcedureComments": "y" * 900_000}
    with on_behalf_of(STRANGER), pytest.raises(NoRoom, match="MiB"):
        storage.worklist.change(item.worklist_item_id, attributes=longer)
    # Also where somebody else makes it grow: it is counted for who sent it.
    with on_behalf_of(RIS), pytest.raises(NoRoom):
        storage.worklist.change(item.worklist_item_id, attributes=longer)
    assert storage.worklist.get(item.worklist_item_id).attributes == item.attributes


def test_strangers_of_many_addresses_leave_each_a_part(storage: Storage) -> None:
    for number in range(8):
        order(storage, address_caller(f"192.0.2.{number}"), f"{number}")
    with pytest.raises(NoRoom):
        order(storage, address_caller("192.0.2.0"), "90")
    # Eight of all and nine senders: none has room for another one.
    with pytest.raises(NoRoom):
        order(storage, RIS, "91")
