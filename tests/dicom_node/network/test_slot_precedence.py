"""Which connections give way, and which slots are lost by that."""

import os

import pytest

from dicom_node.network.connection_slots import ConnectionSlots
from dicom_node.network.slot_precedence import IN_MESSAGE_S, TakenSlot
from tests.dicom_node.network.another_process import another_process


def taken(slots: ConnectionSlots, host: str, *, is_peers_address: bool = False) -> TakenSlot:
    slot = slots.take(host, is_peers_address=is_peers_address)
    assert slot is not None
    return slot


def test_an_address_with_few_connections_makes_one_with_most_give_way() -> None:
    slots = ConnectionSlots(4)
    one = taken(slots, "10.0.0.1")
    many = [taken(slots, "10.0.0.2") for _ in range(3)]
    assert slots.take("10.0.0.2") is None
    new = taken(slots, "10.0.0.3")
    assert not slots.is_current(many[0]), "the one that was silent for longest"
    assert all(slots.is_current(slot) for slot in (one, many[1], many[2], new))
    assert slots.take("10.0.0.1") is None, "it would have as many then"
    slots.give_back(many[0])
    assert slots.is_current(new), "what was lost is not given back"


def test_what_was_admitted_and_what_comes_from_a_peers_address_stays_for_strangers() -> None:
    slots = ConnectionSlots(3)
    admitted = taken(slots, "10.0.0.2")
    assert slots.admit(admitted, "A", 0) is None
    for _ in range(2):
        taken(slots, "10.0.0.9", is_peers_address=True)
    assert slots.take("10.0.0.3") is None
    assert slots.is_current(admitted)


def test_those_between_messages_leave_before_one_that_sends_and_one_that_is_answered() -> None:
    slots = ConnectionSlots(8, admitted=3)
    strangers = answered, sending, idle = [taken(slots, "10.0.0.2") for _ in range(3)]
    for slot in strangers:
        assert slots.admit(slot, "A", 0) is None
    slots.last_active[answered.slot] = float("inf")
    slots.last_active[sending.slot] += IN_MESSAGE_S
    for leaving in (idle, sending, answered):
        assert slots.is_current(leaving)
        known = taken(slots, "10.0.0.1", is_peers_address=True)
        assert slots.admit(known, "CT", 0, is_known=True) is None
        assert not slots.is_current(leaving)
    known = taken(slots, "10.0.0.1", is_peers_address=True)
    assert slots.admit(known, "CT", 0, is_known=True) == "local_limit_exceeded"


def admitted(slots: ConnectionSlots, title: str, count: int) -> list[TakenSlot]:
    found = [taken(slots, "10.0.0.1", is_peers_address=True) for _ in range(count)]
    for slot in found:
        assert slots.admit(slot, title, 0, is_known=True) is None
    return found


def comes_in(slots: ConnectionSlots, title: str) -> bool:
    slot = taken(slots, "10.0.0.1", is_peers_address=True)
    refusal = slots.admit(slot, title, 0, is_known=True)
    if refusal is not None:
        slots.give_back(slot)
    return refusal is None


def test_a_known_peer_that_fills_the_node_leaves_room_for_the_others() -> None:
    """A peer that states a known title has its precedence on a plain port."""
    slots = ConnectionSlots(16, admitted=8)
    many = admitted(slots, "WL1", 8)
    assert [comes_in(slots, "CT1") for _ in range(6)] == [True] * 4 + [False] * 2
    assert comes_in(slots, "CT2"), "one of four, for who has none"
    assert [slots.is_current(slot) for slot in many].count(True) >= 3
    assert comes_in(slots, "CT3")
    assert not comes_in(slots, "CT4"), "nobody has several any more, and all have just come"


def test_of_known_peers_none_leaves_within_a_message_and_none_that_just_sent() -> None:
    slots = ConnectionSlots(16, admitted=6)
    one, other = admitted(slots, "A", 3), admitted(slots, "B", 3)
    assert not comes_in(slots, "CT1"), "nobody has several, and all have just sent something"
    for slot in one:
        slots.last_active[slot.slot] += IN_MESSAGE_S
    for slot in other[:2]:
        slots.last_active[slot.slot] = float("inf")
    slots.last_active[other[2].slot] -= 60.0
    assert comes_in(slots, "CT1")
    assert all(map(slots.is_current, (*one, *other[:2])))
    assert not slots.is_current(other[2])
    assert not comes_in(slots, "CT2")


def test_a_peer_with_all_associations_of_its_own_makes_nobody_give_way() -> None:
    slots = ConnectionSlots(8, admitted=2)
    other, first, second = (taken(slots, "10.0.0.1") for _ in range(3))
    assert slots.admit(other, "STRANGER", 1) is None
    assert slots.admit(first, "CT", 1, is_known=True) is None
    assert slots.admit(second, "CT", 1, is_known=True) == "peer_limit_exceeded"
    assert slots.is_current(other)


@pytest.mark.parametrize("is_peers_address", [False, True])
def test_silent_ones_of_another_process_end_where_slots_are_short(
    is_peers_address: bool,
) -> None:
    slots = ConnectionSlots(4, admitted=2)

    def take_two() -> None:
        for _ in range(2):
            slots.take("10.0.0.2", is_peers_address=is_peers_address)

    with another_process(take_two):
        assert slots.take("10.0.0.3", silent_s=60.0) == TakenSlot(2, 3)
        assert slots.take("10.0.0.3", silent_s=-1.0) == TakenSlot(0, 4)
        assert os.eventfd_read(slots.loss_fd), "the process is notified"
