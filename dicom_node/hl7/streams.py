"""Connections of the MLLP listener as streams, over TLS where it is asked for.

asyncio's own server would shake hands with any number of strangers before anybody counts them.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, cast

from dicom_node.hl7.framing import MAX_MESSAGE_BYTES

_HANDSHAKE_S = 20.0
# Who does not confirm the end keeps no socket.
_CLOSE_S = 2.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Arrival(asyncio.Protocol):
    """A connection of which nothing is read until somebody has decided to."""

    def __init__(self, arrived: Callable[[asyncio.Transport], Coroutine[Any, Any, None]]) -> None:
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sock = cast(asyncio.Transport, transport)
        sock.pause_reading()
        # The loop has weak references to its tasks alone.
        self._task = asyncio.get_running_loop().create_task(self._arrived(sock))


async def streams_of(transport: asyncio.Transport, tls: ssl.SSLContext | None) -> Streams:
    """Read and write from now on; with `tls` after the handshake. Raises OSError."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_MESSAGE_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    if tls is None:
        transport.set_protocol(protocol)
        transport.resume_reading()
    else:
        secured = await loop.start_tls(
            transport,
            protocol,
            tls,
            server_side=True,
            ssl_handshake_timeout=_HANDSHAKE_S,
            ssl_shutdown_timeout=_CLOSE_S,
        )
        if secured is None:
            raise ConnectionResetError("The connection ended after its handshake.")
        transport = secured
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
