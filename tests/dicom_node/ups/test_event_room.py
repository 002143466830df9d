"""Events of workitems and subscriptions that one caller may cause, over sockets and by storage."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from storage import tables as t
from storage.core.callers.shares import on_behalf_of
from storage.core.errors import NoRoom, NotFound
from storage.db.engine import reading
from storage.db.room import Limits, Room
from storage.ups import event_room, subscriber_room
from storage.ups.subscriptions import WORKLIST_UID
from tests.api.ups.worklist_client import el, new_item
from tests.dicom_node.conftest import Node
from tests.dicom_node.ups.workitems import client, end_of_step, named, step

MINE = "2.25.5"


def small_room(node: Node, monkeypatch: pytest.MonkeyPatch, number: int, of_all: int) -> None:
    limits = replace(
        event_room.EVENTS, of_one=Limits(number, 1 << 30), of_all=Limits(of_all, 1 << 30)
    )
    monkeypatch.setitem(
        event_room._ROOMS, node.storage.engine.pool, Room(node.storage.engine, limits)
    )


def events(node: Node, caused_by: str) -> int:
    query = select(func.count()).where(t.event.c.caused_by == caused_by)
    with reading(node.storage.engine) as connection:
        return connection.scalar(query) or 0


def test_progress_without_end_fills_no_table_and_the_step_still_ends(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests share the node, and their events are of the same address.
    before = events(node, "address 127.0.0.1")
    small_room(node, monkeypatch, before + 6, before + 100)
    with client(node) as ris:
        uid = generate_uid()
        assert ris.create(step(), uid)[0] == 0x0000
        assert ris.change(uid, "IN PROGRESS", MINE) == 0x0000
        answers = []
        for number in range(20):
            progress = named(ProcedureStepProgress=str(number))
            change = named(TransactionUID=MINE, ProcedureStepProgressInformationSequence=[progress])
            answers.append(ris.set(uid, change))
        assert answers == [0x0000] * 4 + [0x0213] * 16
        assert events(node, "address 127.0.0.1") == before + 6
        _, found = ris.get(uid)
        assert found is not None
        (kept,) = found.ProcedureStepProgressInformationSequence
        assert int(kept.ProcedureStepProgress) == 3, "what was refused changed nothing"
        done = end_of_step()
        done.TransactionUID = MINE
        assert ris.set(uid, done) == 0x0000
        assert ris.change(uid, "COMPLETED", MINE) == 0x0000
    # What the node does itself is not counted, and others have a part.
    node.storage.workitems.create("", new_item())
    with on_behalf_of("address 192.0.2.9"):
        node.storage.workitems.create("", new_item())


@pytest.fixture(autouse=True)
def nobody_listens_afterwards(node: Node) -> Iterator[None]:
    """Other tests of this node go by who listens."""
    yield
    for title in ("ROOM", "OTHER", "WATCHER9", *(f"WATCHER{number}" for number in range(3))):
        for one in node.storage.subscriptions.of(title):
            with suppress(NotFound):
                node.storage.subscriptions.unsubscribe(title, one.workitem_uid)
        with suppress(NotFound):
            node.storage.subscriptions.unsubscribe(title, WORKLIST_UID)


def test_the_present_state_of_all_workitems_is_not_asked_for_without_end(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [node.storage.workitems.create("", new_item())[0] for _ in range(10)]
    found = [node.storage.workitem_list.find(one.sop_instance_uid) for one in made]
    initial = [one for one in found if one is not None]
    assert len(initial) == 10
    small_room(node, monkeypatch, 25, 1_000_000)
    with on_behalf_of("key:k7"):
        for _ in range(2):
            node.storage.subscriptions.subscribe("ROOM", WORKLIST_UID, initial=initial)
        with pytest.raises(NoRoom, match="events of workitems"):
            node.storage.subscriptions.subscribe("ROOM", WORKLIST_UID, initial=initial)
    assert events(node, "key:k7") == 20, "all or none of them"


def test_one_identity_subscribes_with_so_many_titles_and_to_so_many_items(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_room, "MOST_TITLES", 3)
    monkeypatch.setattr(subscriber_room, "MOST_SUBSCRIPTIONS", 2)
    subscriptions = node.storage.subscriptions
    for number in range(3):
        subscriptions.subscribe(f"WATCHER{number}", WORKLIST_UID, identity_id="key:k1")
    with pytest.raises(NoRoom, match="AE titles"):
        subscriptions.subscribe("WATCHER9", WORKLIST_UID, identity_id="key:k1")
    subscriptions.subscribe("OTHER", WORKLIST_UID, identity_id="key:k2")
    # One that listens to nothing any more makes room; the others stay as they are.
    subscriptions.unsubscribe("WATCHER0", WORKLIST_UID)
    subscriptions.subscribe("WATCHER9", WORKLIST_UID, identity_id="key:k1")
    assert subscriptions.of("WATCHER1")
    assert subscriptions.position("WATCHER0") is None
    uids = [generate_uid() for _ in range(3)]
    subscriptions.subscribe("WATCHER1", uids[0], identity_id="key:k1")
    with pytest.raises(NoRoom, match="WATCHER1 has 2 subscriptions"):
        subscriptions.subscribe("WATCHER1", uids[1], identity_id="key:k1")
    # Again to one that it has.
    subscriptions.subscribe("WATCHER1", uids[0], identity_id="key:k1")


def test_a_change_of_many_bytes_counts_by_them(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = replace(event_room.EVENTS, of_one=Limits(1_000, 20_000))
    monkeypatch.setitem(
        event_room._ROOMS, node.storage.engine.pool, Room(node.storage.engine, limits)
    )
    made, _ = node.storage.workitems.create("", new_item())
    uid = made.sop_instance_uid
    words = el("SQ", {"00741006": el("ST", "x" * 15_000)})
    longer = el("SQ", {"00741006": el("ST", "y" * 15_000)})
    with on_behalf_of("key:k1"):
        node.storage.workitems.change_state(uid, "IN PROGRESS", MINE)
        node.storage.workitems.update(uid, MINE, {"00741002": words})
        with pytest.raises(NoRoom, match="MiB"):
            node.storage.workitems.update(uid, MINE, {"00741002": longer})
