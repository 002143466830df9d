"""How many connections an address may hold, and which of them gives way to a new one."""

from collections import Counter
from ipaddress import ip_network
from typing import Generic, Protocol, TypeVar

from storage.core.addresses import Network, is_within


class Connection(Protocol):
    def make_room(self) -> None:
        """End at once, having been given back."""


T = TypeVar("T", bound=Connection)


class ConnectionCounts(Generic[T]):
    """How many connections an address may hold; one for all connections of a process.

    Proxies that the operator trusts stand for many clients and are not counted. Where an address
    has all of its own, a new one takes the place of one that says nothing whole: somebody who has
    signed in may come from there, too, and is known by the head of a request alone.
    """

    def __init__(self, per_address: int, trusted_proxies: tuple[str, ...]) -> None:
        self._per_address = per_address
        self._proxies: tuple[Network, ...] = tuple(map(ip_network, trusted_proxies))
        self._open: Counter[str] = Counter()
        # Those without a request, by address, the oldest first: before the first one, and idle.
        self._beginning: dict[str, dict[T, None]] = {}
        self._idle: dict[str, dict[T, None]] = {}

    def take(self, address: str, connection: T) -> bool:
        """Whether one more connection from there may be served; give it back when it is."""
        if not self._per_address or not address or is_within(address, self._proxies):
            return True
        if self._open[address] >= self._per_address:
            waiting = self._beginning.get(address) or self._idle.get(address)
            if not waiting:
                return False
            next(iter(waiting)).make_room()
        self._open[address] += 1
        self._beginning.setdefault(address, {})[connection] = None
        return True

    def has_request(self, address: str, connection: T) -> None:
        """It is answered, and makes room for nobody."""
        for waiting in (self._beginning, self._idle):
            of_address = waiting.get(address, {})
            of_address.pop(connection, None)
            if not of_address:
                waiting.pop(address, None)

    def is_idle(self, address: str, connection: T) -> None:
        """Its request was answered, and no other has begun."""
        if address in self._open:
            self._idle.setdefault(address, {})[connection] = None

    def give_back(self, address: str, connection: T) -> None:
        self.has_request(address, connection)
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]
