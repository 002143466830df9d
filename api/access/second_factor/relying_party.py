"""For whom security keys sign.

A browser signs for the host by which people reach the node; that must be a name, and, but
for localhost, be reached by https://.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from storage.settings import Settings


@dataclass(frozen=True)
class RelyingParty:
    """For whom authenticators sign: the host, and the pages' origin."""

    host: str
    origin: str


def relying_party(settings: Settings) -> RelyingParty | None:
    """None where browsers would refuse: an address instead of a name, or plain HTTP."""
    parts = urlsplit(settings.resolved_public_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
        return None
    except ValueError:
        if not host or (parts.scheme != "https" and host != "localhost"):
            return None
    return RelyingParty(host, f"{parts.scheme}://{parts.netloc}")
