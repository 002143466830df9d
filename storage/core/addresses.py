"""IP addresses of callers, however the operating system writes them."""

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def ip_address_of(host: str) -> IpAddress:
    """Without the zone of IPv6; an IPv4 address that IPv6 wraps is itself. Raises ValueError."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
