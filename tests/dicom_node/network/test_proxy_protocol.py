"""Load balancers say from where a connection comes; nobody else is believed."""

import socket
import struct
from collections.abc import Iterator

import pytest

from dicom_node.network.proxy_protocol import NoProxyHeader, Proxies
from storage.settings import Settings

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"\x01\x00the first bytes of an association"


def binary(command: int, family: int, addresses: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(addresses)) + addresses


V4 = socket.inet_aton("10.9.8.7") + socket.inet_aton("10.0.0.5") + struct.pack("!HH", 40000, 104)
V6 = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::17")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + struct.pack("!HH", 40000, 104)
)
# A type, a length and a value, as balancers of clouds add them.
EXTRA = b"\xea" + struct.pack("!H", 30) + b"v" * 30


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The balancer's end of a connection, and the node's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        balancer = socket.create_connection(listener.getsockname())
        with balancer, listener.accept()[0] as node:
            yield balancer, node


@pytest.mark.parametrize(
    ("header", "host"),
    [
        (b"PROXY TCP4 10.9.8.7 10.0.0.5 40000 104\r\n", "10.9.8.7"),
        (b"PROXY TCP6 2001:db8::17 2001:db8::1 40000 104\r\n", "2001:db8::17"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1"),
        (binary(0x21, 0x11, V4), "10.9.8.7"),
        (binary(0x21, 0x11, V4 + EXTRA), "10.9.8.7"),
        (binary(0x21, 0x21, V6), "2001:db8::17"),
        (binary(0x20, 0x00, b""), "127.0.0.1"),
        (binary(0x21, 0x31, b"u" * 216), "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("is_split", [False, True])
def test_what_a_balancer_states_is_believed_and_read(
    ends: tuple[socket.socket, socket.socket], header: bytes, host: str, is_split: bool
) -> None:
    balancer, node = ends
    balancer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if is_split:
        balancer.sendall(header[:7])
        balancer.sendall(header[7:])
        balancer.sendall(REQUEST)
    else:
        balancer.sendall(header + REQUEST)
    found, port = Proxies(("127.0.0.0/8",)).client_of(node, ("127.0.0.1", 7))
    assert (found, port) == (host, 7 if host == "127.0.0.1" else 40000)
    assert node.recv(100) == REQUEST


@pytest.mark.parametrize(
    "sent",
    [
        REQUEST,
        b"PROXY TCP4 10.9.8.7 10.0.0.5 40000\r\n",
        b"PROXY TCP4 2001:db8::17 2001:db8::1 40000 104\r\n",
        b"PROXY TCP4 ten 10.0.0.5 40000 104\r\n",
        b"PROXY " + b"9" * 200,
        binary(0x21, 0x11, V4[:-1]),
        binary(0x31, 0x11, V4),
        binary(0x21, 0x11, b"x" * 4000),
        b"PRO",
        SIGNATURE,
    ],
)
def test_a_balancer_that_states_nobody_serves_nobody(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr("dicom_node.network.proxy_protocol.WITHIN_S", 0.2)
    balancer, node = ends
    balancer.sendall(sent)
    with pytest.raises(NoProxyHeader):
        Proxies(("127.0.0.1/32",)).client_of(node, ("127.0.0.1", 7))


def test_a_health_check_that_only_connects_is_an_end_and_no_fault(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    balancer, node = ends
    balancer.close()
    with pytest.raises(ConnectionResetError):
        Proxies(("127.0.0.1/32",)).client_of(node, ("127.0.0.1", 7))


def test_others_than_balancers_cannot_name_another_address(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    balancer, node = ends
    balancer.sendall(binary(0x21, 0x11, V4))
    proxies = Proxies(Settings(dicom_proxies="10.0.0.5, 192.0.2.0/24").dicom_proxies)
    assert proxies.client_of(node, ("127.0.0.1", 7)) == ("127.0.0.1", 7)
    assert node.recv(12) == SIGNATURE
    balancer.sendall(binary(0x21, 0x11, V4))
    node.recv(4096)
    balancer.sendall(binary(0x21, 0x11, V4))
    assert proxies.client_of(node, ("::ffff:192.0.2.9", 7)) == ("10.9.8.7", 40000)
