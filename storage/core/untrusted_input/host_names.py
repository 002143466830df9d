"""Names of hosts: what can be one, and a resolver that fails like a network does."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

HOST_NAMES = "a host name of at most 253 characters, 63 between dots, or an IP address"
"""What is allowed, for errors."""


def is_host_name(text: str) -> bool:
    """Whether it is an IP address, or a name that a resolver takes (RFC 1035 2.3.4, RFC 3490).

    Python's resolver raises UnicodeError for others, which is no OSError.
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return True
    name = text.removesuffix(".")
    if not name or any(ord(one) <= 0x20 or ord(one) == 0x7F for one in name):
        return False
    try:
        # The resolver of the system takes ASCII as it is; idna looks at the labels' lengths.
        return len(name.encode("idna")) <= 253
    except UnicodeError:
        return False


@contextmanager
def resolving(host: str) -> Iterator[None]:
    """Raise socket.gaierror, an OSError, where `host` is no name that could be resolved."""
    try:
        yield
    except UnicodeError as error:
        if is_host_name(host):
            raise
        raise socket.gaierror(socket.EAI_NONAME, "it is not the name of a host") from error
