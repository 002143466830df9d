"""The client behind a reverse proxy, believed only of proxies that the operator names."""

import ipaddress

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from storage.core.addresses import address_group, is_within
from storage.settings import Settings

log = structlog.get_logger(__name__)


class ForwardedClient:
    """Puts the client's address and scheme in place of the proxy's, where a trusted one says.

    Of X-Forwarded-For the last address counts that is not a trusted proxy's own:
    those before it are what the client itself may have written.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.networks = tuple(ipaddress.ip_network(one) for one in settings.trusted_proxies)
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            self.networks
            and scope["type"] in ("http", "websocket")
            and scope.get("client")
            and is_within(scope["client"][0], self.networks)
        ):
            scope = self._as_forwarded(scope)
        elif not self._has_warned and scope["type"] == "http":
            self._warn(scope)
        await self.app(scope, receive, send)

    def _warn(self, scope: Scope) -> None:
        """A proxy that is not known hides who asks: all behind it count as one."""
        if any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            self._has_warned = True
            log.warning("unknown_proxy", remedy="set MEDIVIEW_TRUSTED_PROXIES to its address")

    def _as_forwarded(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        forwarded = dict(scope)
        hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
        for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
            address = _address(hop)
            if not address:
                break
            forwarded["client"] = (address, 0)
            if not is_within(address, self.networks):
                break
        scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            secure = {"http": "ws", "https": "wss"} if scope["type"] == "websocket" else {}
            forwarded["scheme"] = secure.get(scheme, scheme)
        return forwarded


def client_address(scope: Scope) -> str:
    """The IP address of who asks, empty where there is none."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def client_group(scope: Scope) -> str:
    """Whose requests count together (`address_group`)."""
    return address_group(client_address(scope))


def _address(hop: str) -> str:
    """The bare address of `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]` and `[::1]:5`; else empty."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return ""
