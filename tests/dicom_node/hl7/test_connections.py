"""Connections of the MLLP listener: there are only so many, and nobody has all of them."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from dicom_node.hl7 import listener, streams
from dicom_node.hl7.listener import Listening
from storage.core.errors import InvalidRequest
from storage.settings import load_settings
from tests.dicom_node.certificates import Authority
from tests.dicom_node.conftest import node_settings
from tests.patience import PATIENCE_S

ANSWER = b"\x0btaken: MSH\x1c\r"


class Network:
    """Systems at addresses of their own, and one listener."""

    def __init__(self, stack: AsyncExitStack, port: int) -> None:
        self._stack = stack
        self._port = port

    async def connect(self, address: str) -> "Connection":
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(address, 0)
        )
        self._stack.callback(writer.close)
        return Connection(reader, writer)


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self) -> None:
        self._writer.write(b"\x0bMSH\x1c\r")

    async def received(self) -> bytes:
        """Nothing: it was closed."""
        try:
            return await asyncio.wait_for(self._reader.read(100), PATIENCE_S)
        except ConnectionError:
            return b""

    async def leave(self, *, abruptly: bool) -> None:
        """Close it; abruptly as load balancers do, with a reset."""
        if abruptly:
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def stop_reading(self) -> None:
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def received_later(self, after_s: float) -> int:
        """How many bytes, until it was closed."""
        await asyncio.sleep(after_s)
        self._writer.transport.resume_reading()  # type: ignore[attr-defined]
        count = 0
        try:
            while part := await asyncio.wait_for(self._reader.read(65536), PATIENCE_S):
                count += len(part)
        except ConnectionError:
            pass
        return count

    async def answer(self) -> bytes:
        self.send()
        return await self.received()


def run(
    folder: Path,
    test: Callable[[Network], Awaitable[None]],
    respond: Callable[[bytes, str], bytes] = lambda message, _: b"taken: " + message,
    ended: Callable[[], None] = lambda: None,
    settings: Mapping[str, object] = MappingProxyType({}),
    refused: Callable[[str, str], None] = lambda _peer, _reason: None,
) -> None:
    async def served() -> None:
        async with AsyncExitStack() as stack:
            stack.callback(ended)
            listening = Listening(respond, refused, node_settings(folder, **settings), 0)
            port = await stack.enter_async_context(listening)
            await test(Network(stack, port))

    asyncio.run(served())


def test_silent_connections_of_others_keep_no_system_out(tmp_path: Path) -> None:
    async def test(network: Network) -> None:
        first = await network.connect("127.0.0.2")
        silent = [await network.connect("127.0.0.2") for _ in range(15)]
        assert await silent[0].answer() == ANSWER
        system = await network.connect("127.0.0.2")
        assert await system.answer() == ANSWER
        assert await first.received() == b"", "an address has its share; what was silent goes"
        others = [await network.connect("127.0.0.3") for _ in range(16)]
        systems = [await network.connect("127.0.0.4") for _ in range(2)]
        for system in systems:
            assert await system.answer() == ANSWER
            assert await system.answer() == ANSWER, "it stays connected"
        assert await silent[1].received() == b"", "of two who have most, the one silent for longest"
        assert await others[0].received() == b""
        assert await silent[0].answer() == await others[1].answer() == ANSWER

    run(tmp_path, test)


def test_many_addresses_keep_no_system_out(tmp_path: Path) -> None:
    async def test(network: Network) -> None:
        strangers = [await network.connect(f"127.0.1.{number}") for number in range(1, 33)]
        system = await network.connect("127.0.0.4")
        assert await system.answer() == ANSWER
        assert await strangers[0].received() == b""
        for number in range(33, 64):
            await network.connect(f"127.0.1.{number}")
        assert await system.answer() == ANSWER, "all others have been silent for longer"

    run(tmp_path, test)


@pytest.mark.parametrize(
    "settings",
    [
        {"hl7_senders": "127.0.0.4/31"},
        {"hl7_destinations": "ris=mllp://127.0.0.4:2575,pacs=mllp://pacs.example.org:2575"},
    ],
)
def test_no_stranger_takes_the_place_of_a_known_sender(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    async def test(network: Network) -> None:
        known = await network.connect("127.0.0.4")
        for number in range(1, 41):
            stranger = await network.connect(f"127.0.1.{number}")
            assert await stranger.answer() == ANSWER
        assert await known.answer() == ANSWER, "silent for longest, and still there"
        # The known one gets what it asks for, and strangers what is left.
        systems = [known, *[await network.connect("127.0.0.4") for _ in range(15)]]
        for system in systems:
            assert await system.answer() == ANSWER
        assert await (await network.connect("127.0.1.50")).answer() == ANSWER

    run(tmp_path, test, settings=settings)


def test_only_allowed_networks_connect_where_any_are_named(tmp_path: Path) -> None:
    """The systems whose connections are kept are another matter."""
    refusals: list[tuple[str, str]] = []

    async def test(network: Network) -> None:
        assert await (await network.connect("127.0.0.4")).answer() == ANSWER
        stranger = await network.connect("127.0.0.9")
        with suppress(ConnectionError):
            assert await stranger.answer() == b""
        async with asyncio.timeout(PATIENCE_S):
            while not refusals:
                await asyncio.sleep(0.01)

    run(
        tmp_path,
        test,
        settings={"hl7_allowed_networks": "127.0.0.4/31", "hl7_senders": "127.0.0.9"},
        refused=lambda *refusal: refusals.append(refusal),
    )
    assert refusals == [("127.0.0.9", "address that may not connect")]


def test_a_sender_that_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ris\.example\.org"):
        load_settings(data_dir=tmp_path, hl7_senders="10.0.0.9,ris.example.org")


def test_messages_are_taken_one_by_one_although_a_connection_gives_way(tmp_path: Path) -> None:
    begun, may_end = threading.Event(), threading.Event()
    taken: list[str] = []

    def respond(message: bytes, peer: str) -> bytes:
        taken.append(f"begins {peer}")
        begun.set()
        assert may_end.wait(PATIENCE_S)
        taken.append(f"ends {peer}")
        return b"taken: " + message

    async def test(network: Network) -> None:
        first = await network.connect("127.0.0.2")
        first.send()
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        others = [await network.connect("127.0.0.2") for _ in range(16)]
        others[-1].send()
        await network.connect("127.0.0.3")
        may_end.set()
        assert await first.received() == ANSWER
        assert await others[-1].received() == ANSWER
        may_end.clear()
        begun.clear()
        # The listener ends within a message.
        first.send()
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        asyncio.get_running_loop().call_later(0.05, may_end.set)

    run(tmp_path, test, respond, ended=lambda: taken.append("closed"))
    assert taken == [*["begins 127.0.0.2", "ends 127.0.0.2"] * 3, "closed"]


def test_a_system_that_reads_no_answer_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_ANSWER_S", 0.05)
    size, is_answered = 16 * 1024 * 1024, threading.Event()

    async def test(network: Network) -> None:
        connection = await network.connect("127.0.0.2")
        connection.stop_reading()
        connection.send()
        assert await asyncio.to_thread(is_answered.wait, PATIENCE_S)
        received = await connection.received_later(1.0)
        assert 0 < received < size, "it was closed within the answer"

    def answered(*_: object) -> bytes:
        is_answered.set()
        return bytes(size)

    run(tmp_path, test, answered)


def test_who_leaves_before_a_tls_handshake_alerts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As load balancers and monitors do each minute."""
    monkeypatch.setattr(streams, "_HANDSHAKE_S", 0.1)
    pair = Authority(tmp_path).issue("node")
    refusals: list[tuple[str, str]] = []

    async def alerts(count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(refusals) < count:
                await asyncio.sleep(0.01)

    async def test(network: Network) -> None:
        for abruptly in (False, True):
            probe = await network.connect("127.0.0.2")
            await probe.leave(abruptly=abruptly)
        assert await (await network.connect("127.0.0.3")).answer() == b"", "no TLS"
        await alerts(1)
        await network.connect("127.0.0.4")
        await alerts(2)

    run(
        tmp_path,
        test,
        settings={
            "hl7_tls": True,
            "tls_certificate": pair.certificate,
            "tls_key": pair.key,
            "tls_client_auth": "none",
        },
        refused=lambda *refusal: refusals.append(refusal),
    )
    assert [peer for peer, _ in refusals] == ["127.0.0.3", "127.0.0.4"]


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = Listening(lambda *_: ANSWER, lambda *_: None, node_settings(tmp_path), port)
        sentence = f"cannot listen on 127.0.0.1:{port}: Address already in use"
        with pytest.raises(InvalidRequest, match=sentence) as refused:
            asyncio.run(server.__aenter__())
    assert "MEDIVIEW_HL7_PORT" in refused.value.remedy
