"""From where a connection comes that a load balancer passed on: the PROXY protocol, 1 and 2.

What haproxy, nginx, F5 and the balancers of clouds write before a connection's first byte
(https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt).
"""

import ipaddress
import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

from dicom_node.network.handover import Address
from storage.core.addresses import is_within

WITHIN_S = 1.0
"""It is written as soon as the connection is open."""
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD = struct.Struct("!12sBBH")
_MOST_AFTER_HEAD_BYTES = 2048
HEADER_MOST_BYTES = _HEAD.size + _MOST_AFTER_HEAD_BYTES
_LINE = b"PROXY "
_LINE_MOST_BYTES = 107
_LOCAL, _PASSED_ON = 0x20, 0x21
_FAMILIES = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}


class NoProxyHeader(Exception):
    """A proxy passed a connection on, and did not say for whom."""


class ProxyHeader(NamedTuple):
    size_bytes: int
    client: Address | None
    """None where the proxy does not know, and for a connection of its own."""
    is_check: bool
    """The proxy's own, by which it checks whether the node answers (LOCAL of version 2)."""


class Proxies:
    """The addresses and networks that are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(one) for one in networks)

    def include(self, host: str) -> bool:
        return is_within(host, self._networks)


def header_in(head: bytes) -> ProxyHeader | None:
    """What a connection of a proxy begins with; None where more of it has to come.

    Raises NoProxyHeader.
    """
    if head.startswith(_LINE):
        return _of_line(head)
    if head.startswith(_SIGNATURE):
        return _of_binary(head)
    if _LINE.startswith(head) or _SIGNATURE.startswith(head):
        return None
    raise NoProxyHeader("It does not begin with a header of the PROXY protocol.")


def _of_line(head: bytes) -> ProxyHeader | None:
    """Version 1."""
    line, end, _ = head[:_LINE_MOST_BYTES].partition(b"\r\n")
    if not end:
        if len(head) >= _LINE_MOST_BYTES:
            raise NoProxyHeader("The header's line does not end.")
        return None
    size_bytes = len(line) + len(end)
    words = line.decode("ascii", "replace").split()
    if words[1:2] == ["UNKNOWN"]:
        return ProxyHeader(size_bytes, None, is_check=False)
    try:
        _, family, source, _, port, _ = words
        ip = ipaddress.ip_address(source)
        if (family, ip.version) not in {("TCP4", 4), ("TCP6", 6)}:
            raise ValueError(family)
        return ProxyHeader(size_bytes, (str(ip), int(port) & 0xFFFF), is_check=False)
    except ValueError as error:
        raise NoProxyHeader("The header's line cannot be understood.") from error


def _of_binary(head: bytes) -> ProxyHeader | None:
    """Version 2."""
    if len(head) < _HEAD.size:
        return None
    _, command, family, length = _HEAD.unpack_from(head)
    if command not in {_LOCAL, _PASSED_ON}:
        raise NoProxyHeader("The header's version or command is unknown.")
    if length > _MOST_AFTER_HEAD_BYTES:
        raise NoProxyHeader("The header is too long.")
    size_bytes = _HEAD.size + length
    if len(head) < size_bytes:
        return None
    if command == _LOCAL or family not in _FAMILIES:
        # What is not TCP over IP is nobody's address.
        return ProxyHeader(size_bytes, None, is_check=command == _LOCAL)
    of, size = _FAMILIES[family]
    if length < 2 * size + 4:
        raise NoProxyHeader("The header is too short for its addresses.")
    source = socket.inet_ntop(of, head[_HEAD.size : _HEAD.size + size])
    (port,) = struct.unpack_from("!H", head, _HEAD.size + 2 * size)
    return ProxyHeader(size_bytes, (source, port), is_check=False)
