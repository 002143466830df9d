"""MLLP: a message between a start and an end block (HL7 Transport Specification, MLLP R1)."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable

from storage.core.untrusted_input.host_names import resolving

START, END = b"\x0b", b"\x1c\r"
MAX_MESSAGE_BYTES = 1024 * 1024
# So much goes into the buffers of a connection at once.
_END_PIECE_BYTES = 16 * 1024


class FramingError(Exception):
    """What arrives is no MLLP, or too much of it."""


def framed(message: bytes) -> bytes:
    return START + message + END


async def read_message(
    reader: asyncio.StreamReader, idle_s: float, message_s: float
) -> bytes | None:
    """The next message; None at the end of the connection.

    A connection may be idle for `idle_s`; a message that has begun must end within
    `message_s`. Raises FramingError, TimeoutError.
    """
    begun = await asyncio.wait_for(reader.read(1), idle_s)
    if not begun:
        return None
    try:
        block = begun + await asyncio.wait_for(reader.readuntil(END), message_s)
    except asyncio.IncompleteReadError as error:
        if (begun + error.partial).strip(b"\r\n"):
            raise FramingError("The connection ended within a message.") from error
        return None
    except asyncio.LimitOverrunError as error:
        raise FramingError(f"A message has more than {MAX_MESSAGE_BYTES} bytes.") from error
    _, start, message = block[: -len(END)].partition(START)
    if not start:
        raise FramingError("A message does not begin with a start block.")
    return message


def exchange(
    address: tuple[str, int],
    message: bytes,
    timeout_s: float,
    tls: ssl.SSLContext | None = None,
    before_end: Callable[[], None] = lambda: None,
) -> bytes:
    """Send one message and return the answer. Raises OSError, FramingError.

    `before_end` is called right before the piece with the end block, by which what was sent
    becomes a message; where it raises, the connection ends without one.
    """
    deadline = time.monotonic() + timeout_s
    with resolving(address[0]):
        connected = socket.create_connection(address, timeout=timeout_s)
    with connected as connection:
        stream = (
            tls.wrap_socket(connection, server_hostname=address[0])
            if tls is not None
            else connection
        )
        with stream:
            block = framed(message)
            if before := block[:-_END_PIECE_BYTES]:
                stream.sendall(before)
            before_end()
            stream.sendall(block[-_END_PIECE_BYTES:])
            received = b""
            while not received.endswith(END):
                stream.settimeout(max(deadline - time.monotonic(), 0.001))
                part = stream.recv(65536)
                if not part:
                    raise FramingError("The system closed the connection without an answer.")
                received += part
                if len(received) > MAX_MESSAGE_BYTES:
                    raise FramingError("The answer has no end.")
    _, start, answer = received[: -len(END)].partition(START)
    if not start:
        raise FramingError("The answer does not begin with a start block.")
    return answer
