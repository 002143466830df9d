"""Messages over a stream socket: eight bytes of length, then that many bytes."""

import socket
import struct

_LENGTH = struct.Struct("<Q")


def send_message(stream: socket.socket, message: bytes | memoryview) -> None:
    """Raises OSError where the other end is gone, TimeoutError where it does not read."""
    stream.sendall(_LENGTH.pack(len(message)))
    stream.sendall(message)


def receive_message(stream: socket.socket, max_bytes: int | None = None) -> bytearray:
    """Raises EOFError where the other end is gone, OSError, ValueError for a longer message."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if max_bytes is not None and length > max_bytes:
        raise ValueError(f"a message of {length} bytes where {max_bytes} are the most")
    return _exactly(stream, length)


def _exactly(stream: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    view = memoryview(data)
    while view:
        received = stream.recv_into(view)
        if not received:
            raise EOFError
        view = view[received:]
    return data
