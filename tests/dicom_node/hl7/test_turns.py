"""Messages are taken one by one: who sends many, or large ones, keeps nobody else waiting."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dicom_node.hl7.connections import Connection, Connections
from dicom_node.hl7.escapes import unescaped
from dicom_node.hl7.patients import demographics
from dicom_node.hl7.reading import Message, Refused, read_header
from dicom_node.hl7.turns import Turns
from tests.dicom_node.hl7.test_connections import ANSWER, Network, run
from tests.patience import PATIENCE_S

HEAD = b"MSH|^~\\&|RIS|H|M||2026||ADT^A08^ADT_A01|1|P|2.5.1||||||UNICODE UTF-8\r"
RIS = "127.0.0.4"


def taken_in_turn(folder: Path, senders: list[str], **settings: str) -> list[str]:
    """Whose messages were taken one after another: the first is being taken while all others, each
    over a connection of its own, come in this order."""
    begun, may_end = threading.Event(), threading.Event()
    taken: list[str] = []

    def respond(message: bytes, peer: str) -> bytes:
        taken.append(peer)
        begun.set()
        assert may_end.wait(PATIENCE_S)
        time.sleep(0.002)
        return b"taken: " + message

    async def test(network: Network) -> None:
        connections = []
        for number, sender in enumerate(senders):
            connection = await network.connect(sender)
            connection.send()
            connections.append(connection)
            if number == 0:
                assert await asyncio.to_thread(begun.wait, PATIENCE_S)
            else:
                await asyncio.sleep(0.02)
        may_end.set()
        for connection in connections:
            assert await connection.received() == ANSWER

    run(folder, test, respond, settings=settings)
    return taken


def test_a_named_sender_goes_before_all_strangers(tmp_path: Path) -> None:
    strangers = [f"127.0.1.{number}" for number in range(1, 16)]
    taken = taken_in_turn(tmp_path, [*strangers, RIS, RIS], hl7_senders=RIS)
    assert taken == [strangers[0], RIS, RIS, *strangers[1:]]


def test_a_system_that_is_not_named_waits_for_one_message_of_an_address(tmp_path: Path) -> None:
    taken = taken_in_turn(tmp_path, [*["127.0.1.1"] * 10, RIS, "127.0.1.2"])
    assert taken[:3] == ["127.0.1.1", RIS, "127.0.1.2"]
    assert taken[3:] == ["127.0.1.1"] * 9


def in_order(senders: dict[str, float], messages: int) -> str:
    """Whose messages are taken one after another, where all wait; each sender's take so long."""
    now = 0.0
    order: list[str] = []

    async def turns() -> None:
        taking = Turns(lambda: now)
        connections = Connections([])
        task = asyncio.current_task()
        assert task is not None

        async def send(connection: Connection, name: str) -> None:
            nonlocal now
            await taking.wait(connection)
            order.append(name)
            now += senders[name]
            taking.end()

        first = connections.admit("192.0.2.1", task)
        assert first is not None
        await taking.wait(first)
        waiting = []
        for number, name in enumerate(senders, start=2):
            connection = connections.admit(f"192.0.2.{number}", task)
            assert connection is not None
            waiting += [asyncio.ensure_future(send(connection, name)) for _ in range(messages)]
        await asyncio.sleep(0)
        taking.end()
        await asyncio.gather(*waiting)

    asyncio.run(turns())
    return "".join(order)


def test_an_address_of_costly_messages_has_fewer_turns() -> None:
    assert in_order({"L": 1.0, "s": 0.25}, 6) == "LssssLssLLLL"


def test_a_system_that_was_silent_does_not_keep_others_waiting_for_long() -> None:
    """What it did not use it has not saved."""

    async def turns() -> list[str]:
        now = 0.0
        taking = Turns(lambda: now)
        connections = Connections([])
        task = asyncio.current_task()
        assert task is not None
        busy, silent = (connections.admit(one, task) for one in ("192.0.2.2", "192.0.2.3"))
        assert busy is not None
        assert silent is not None
        for _ in range(100):
            await taking.wait(busy)
            now += 1
            taking.end()
        await taking.wait(busy)
        order: list[str] = []

        async def one(name: str) -> None:
            nonlocal now
            await taking.wait(busy if name == "busy" else silent)
            order.append(name)
            now += 1
            taking.end()

        waiting = [asyncio.ensure_future(one(name)) for name in ["silent"] * 5 + ["busy"]]
        await asyncio.sleep(0)
        taking.end()
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(turns()).index("busy") <= 2


def test_who_gives_up_waiting_keeps_nobody_waiting() -> None:
    async def turns() -> None:
        taking = Turns()
        connections = Connections([])
        task = asyncio.current_task()
        assert task is not None
        sender = connections.admit("192.0.2.2", task)
        assert sender is not None
        await taking.wait(sender)
        left = [asyncio.ensure_future(taking.wait(sender)) for _ in range(3)]
        await asyncio.sleep(0)
        left[0].cancel()
        taking.end()  # the turn of the second, which leaves before it notices
        left[1].cancel()
        async with asyncio.timeout(PATIENCE_S):
            await left[2]
        taking.end()
        await taking.idle()

    asyncio.run(turns())


@pytest.mark.parametrize("escape", ["\\X41\\", "\\T\\", "A"])
def test_a_field_longer_than_any_is_refused_before_it_is_unescaped(
    escape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_fields = counted(monkeypatch)
    name = escape * 9_000 + "A" * 60_000
    raw = HEAD + f"PID|1||4711^^^H||{name}".encode()
    message = Message(read_header(raw), raw)
    with pytest.raises(Refused, match="PID-5 has more than 65536 characters") as refused:
        demographics(message)
    assert (refused.value.code, refused.value.location) == ("AE", "PID-5")
    assert read_fields() == []


def test_a_field_is_unescaped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read_fields = counted(monkeypatch)
    raw = HEAD + rb"PID|1||4711^^^H||M\XC3BC\ller^Anna||19700101|F"
    message = Message(read_header(raw), raw)
    for _ in range(3):
        assert demographics(message).patient_name == "Müller^Anna"
    assert read_fields().count(r"M\XC3BC\ller") == 1
    (group,) = message.groups("PID")
    assert group.field("PID-5") == "Müller"


def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The texts that were unescaped."""
    texts: list[str] = []

    def counting(text: str, separator: str, encoding_characters: str, codec: str) -> str:
        texts.append(text)
        return unescaped(text, separator, encoding_characters, codec)

    monkeypatch.setattr("dicom_node.hl7.reading.unescaped", counting)
    return lambda: texts
