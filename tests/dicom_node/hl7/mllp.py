"""The other side of MLLP, of sockets and bytes alone, and messages read by another library."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hl7apy.parser import parse_message

from tests.patience import PATIENCE_S


def sent(
    port: int, message: bytes, answers: int = 1, tls: ssl.SSLContext | None = None
) -> list[bytes]:
    """Send a message as a RIS does; the answers without their frames."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain,
        plain if tls is None else tls.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(b"\x0b" + message + b"\x1c\r")
        received = b""
        while received.count(b"\x1c\r") < answers:
            part = connection.recv(4096)
            if not part:
                break
            received += part
    return [one.lstrip(b"\x0b") for one in received.split(b"\x1c\r")[:-1]]


def parsed(message: bytes, codec: str = "utf-8") -> Any:
    """Read by hl7apy, which checks it against the standard's structures."""
    return parse_message(message.decode(codec), find_groups=False)


@contextmanager
def system(
    answer: Callable[[bytes], bytes | None], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A system that takes messages: its port, and what came. None closes without a word."""
    taken: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                # Only a handshake that succeeds is a connection.
                if tls is not None:
                    connection = tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                continue
            with connection:
                connection.settimeout(PATIENCE_S)
                received = b""
                while not received.endswith(b"\x1c\r"):
                    part = connection.recv(4096)
                    if not part:
                        break
                    received += part
                message = received.strip(b"\x0b").removesuffix(b"\x1c\r")
                taken.append(message)
                shown = answer(message)
                if shown is not None:
                    connection.sendall(b"\x0b" + shown + b"\x1c\r")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], taken
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def acknowledged(message: bytes, code: str) -> bytes:
    """What a system answers in original mode."""
    control_id = message.split(b"\r")[0].split(b"|")[9].decode()
    return (
        f"MSH|^~\\&|RIS||MEDIVIEW||20260101||ACK^R01^ACK|1|P|2.5.1\rMSA|{code}|{control_id}\r"
    ).encode()
