"""From where a connection comes that a load balancer passed on: the PROXY protocol, 1 and 2.

What haproxy, nginx, F5 and the balancers of clouds write before a connection's first byte
(https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt).
"""

import ipaddress
import select
import socket
import struct
import time
from collections.abc import Iterable

from dicom_node.network.handover import Address
from storage.core.addresses import is_within

WITHIN_S = 1.0
"""It is written as soon as the connection is open."""
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD = struct.Struct("!12sBBH")
_MOST_AFTER_HEAD_BYTES = 2048
_LINE = b"PROXY "
_LINE_MOST_BYTES = 107
_LOCAL, _PASSED_ON = 0x20, 0x21
_FAMILIES = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}


class NoProxyHeader(OSError):
    """A proxy passed a connection on, and did not say for whom."""


class Proxies:
    """The addresses and networks that are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(one) for one in networks)

    def client_of(self, connection: socket.socket, address: Address) -> Address:
        """From where it comes; what a proxy wrote before the first byte has been read then.

        A connection of the proxy itself, as for its health checks, comes from there. Waits for a
        second at most. Raises NoProxyHeader, and OSError where it ended.
        """
        if not is_within(address[0], self._networks):
            return address
        deadline_s = time.monotonic() + WITHIN_S
        head = _peeked(connection, len(_LINE), deadline_s)
        if head == _LINE:
            return _of_line(connection, deadline_s) or address
        if _SIGNATURE.startswith(head):
            return _of_binary(connection, deadline_s) or address
        raise NoProxyHeader("It does not begin with a header of the PROXY protocol.")


def _peeked(connection: socket.socket, count: int, deadline_s: float) -> bytes:
    """The first bytes, which stay to be read."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    while True:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not waiting.poll(left_s * 1000):
            raise NoProxyHeader("Nothing of the PROXY protocol came in time.")
        found = connection.recv(count, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        if not found:
            raise ConnectionResetError("It ended before its first byte.")
        if len(found) == count:
            return found
        # The rest is on its way; waiting for what can be read would return at once.
        time.sleep(0.005)


def _of_line(connection: socket.socket, deadline_s: float) -> Address | None:
    """Version 1. None where the proxy does not know."""
    line = _LINE
    while not line.endswith(b"\r\n"):
        if len(line) >= _LINE_MOST_BYTES:
            raise NoProxyHeader("The header's line does not end.")
        line = _peeked(connection, len(line) + 1, deadline_s)
    connection.recv(len(line))
    words = line.decode("ascii", "replace").split()
    if words[1:2] == ["UNKNOWN"]:
        return None
    try:
        _, family, source, _, port, _ = words
        ip = ipaddress.ip_address(source)
        if (family, ip.version) not in {("TCP4", 4), ("TCP6", 6)}:
            raise ValueError(family)
        return str(ip), int(port) & 0xFFFF
    except ValueError as error:
        raise NoProxyHeader("The header's line cannot be understood.") from error


def _of_binary(connection: socket.socket, deadline_s: float) -> Address | None:
    """Version 2. None for a connection of the proxy itself, and what is not TCP."""
    head = _peeked(connection, _HEAD.size, deadline_s)
    signature, command, family, length = _HEAD.unpack(head)
    if signature != _SIGNATURE or command not in {_LOCAL, _PASSED_ON}:
        raise NoProxyHeader("The header's version or command is unknown.")
    if length > _MOST_AFTER_HEAD_BYTES:
        raise NoProxyHeader("The header is too long.")
    whole = _peeked(connection, _HEAD.size + length, deadline_s)
    connection.recv(len(whole))
    if command == _LOCAL or family not in _FAMILIES:
        return None
    of, size = _FAMILIES[family]
    if length < 2 * size + 4:
        raise NoProxyHeader("The header is too short for its addresses.")
    source = socket.inet_ntop(of, whole[_HEAD.size : _HEAD.size + size])
    (port,) = struct.unpack_from("!H", whole, _HEAD.size + 2 * size)
    return source, port
