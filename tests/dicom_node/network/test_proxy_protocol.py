"""Load balancers say from where a connection comes; nobody else is believed."""

import socket
import struct

import pytest

from dicom_node.network.proxy_protocol import NoProxyHeader, Proxies, header_in
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
def test_what_a_balancer_states_is_believed_however_much_of_it_is_there(
    header: bytes, host: str
) -> None:
    for count in range(1, len(header)):
        assert header_in(header[:count]) is None, "the rest is on its way"
    for there in (header, header + REQUEST):
        found = header_in(there)
        assert found is not None
        assert found.size_bytes == len(header)
        assert found.client == (None if host == "127.0.0.1" else (host, 40000))
        assert found.is_check == (header[12:13] == b"\x20")


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
    ],
)
def test_what_states_nobody_is_refused_once_that_is_known(sent: bytes) -> None:
    with pytest.raises(NoProxyHeader):
        header_in(sent)


def test_others_than_balancers_cannot_name_another_address() -> None:
    proxies = Proxies(Settings(dicom_proxies="10.0.0.5, 192.0.2.0/24").dicom_proxies)
    assert proxies.include("10.0.0.5")
    assert proxies.include("::ffff:192.0.2.9")
    assert not proxies.include("127.0.0.1")
    assert not Proxies(()).include("10.0.0.5")
