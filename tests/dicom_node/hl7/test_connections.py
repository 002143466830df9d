"""Connections of the MLLP listener: there are only so many, and nobody has all of them."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from dicom_node.hl7.listener import Listening
from storage.settings import Settings
from tests.dicom_node.conftest import node_settings
from tests.patience import PATIENCE_S

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def test_silent_connections_of_others_keep_no_system_out(tmp_path: Path) -> None:
    asyncio.run(_beside_silent_connections(node_settings(tmp_path)))


async def _beside_silent_connections(settings: Settings) -> None:
    listener = Listening(lambda message, _: b"taken: " + message, lambda _: None, settings, 0)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(listener)

        async def connect(address: str) -> Connection:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(address, 0)
            )
            stack.callback(writer.close)
            return reader, writer

        async def answer(connection: Connection) -> bytes:
            connection[1].write(b"\x0bMSH\x1c\r")
            return await received(connection)

        async def received(connection: Connection) -> bytes:
            """Nothing: it was closed."""
            try:
                return await asyncio.wait_for(connection[0].read(100), PATIENCE_S)
            except ConnectionError:
                return b""

        first = await connect("127.0.0.2")
        silent = [await connect("127.0.0.2") for _ in range(15)]
        assert await answer(await connect("127.0.0.2")) == b"", "an address has its share"
        silent += [await connect("127.0.0.3") for _ in range(16)]
        systems = [await connect("127.0.0.4") for _ in range(2)]
        for system in systems:
            assert await answer(system) == b"\x0btaken: MSH\x1c\r"
            assert await answer(system) == b"\x0btaken: MSH\x1c\r", "it stays connected"
        assert await received(first) == b"", "the oldest went"
        assert await answer(silent[0]) == b"\x0btaken: MSH\x1c\r", "and no other of its address"
