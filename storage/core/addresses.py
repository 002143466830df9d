"""IP addresses of callers, however the operating system writes them."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


# Asked several times for each connection and request, of the same few addresses.
@lru_cache(maxsize=1024)
def ip_address_of(host: str) -> IpAddress:
    """Without the zone of IPv6; an IPv4 address that IPv6 wraps is itself. Raises ValueError."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def is_within(host: str, networks: Iterable[Network]) -> bool:
    """Whether an address is of any of these; what is not an address is of none."""
    try:
        ip = ip_address_of(host)
    except ValueError:
        return False
    return any(ip in network for network in networks)


def address_group(address: str) -> str:
    """Whose requests count together: an IPv4 address, or the /64 network of an IPv6 one.

    A household or a ward has a /64 of IPv6, and with it as many addresses as it likes.
    """
    try:
        ip = ip_address_of(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))
