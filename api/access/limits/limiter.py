"""How many requests one may make: a bucket of tokens each, shared by the processes of a node.

The buckets lie in memory that is made before the processes are forked, so that all of
them count together without a round trip for each frame of a series. Where the API runs
on several machines with a common Redis, `HostLimits` counts over all of them. Attempts
to sign in, where every single one matters, are counted in the database instead.
"""

import fcntl
import hashlib
import math
import mmap
import os
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from api.access.limits.host_limits import HostLimits
from storage.settings import Settings

_SHELVES = 4096
_PER_SHELF = 8
_BURST_S = 10.0
# Whose it is, the tokens that it had, and when that was (of the clock that all processes share).
_BUCKET = struct.Struct("=Qdd")
_SHELF_BYTES = _PER_SHELF * _BUCKET.size


class RateLimiter:
    """`per_minute` on average, ten seconds' worth at once; 0 lets everything through.

    Some 32,000 are remembered; then the one who was quiet for longest makes room, which
    bounds what a flood from many addresses costs.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_s = per_minute / 60.0
        self._capacity = max(self._per_s * _BURST_S, 1.0)
        if not per_minute:
            return
        # Nobody can choose names that fall on another's bucket.
        self._secret = os.urandom(16)
        self._file = os.memfd_create("mediview-rates")
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, _SHELVES * _SHELF_BYTES)
        self._memory = mmap.mmap(self._file, _SHELVES * _SHELF_BYTES)
        self._lock = threading.Lock()

    def take(self, who: str) -> float:
        """Take one token. Seconds to wait where there is none, else 0."""
        if not self._per_s:
            return 0.0
        name, shelf = self._place_of(who)
        with self._held(shelf):
            now = time.monotonic()
            tokens, place = self._find(name, shelf, now)
            left = tokens - 1.0 if tokens >= 1.0 else tokens
            _BUCKET.pack_into(self._memory, place, name, left, now)
        return 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._per_s

    def give_back(self, who: str) -> None:
        """Put back a token that was taken for nothing."""
        if not self._per_s:
            return
        name, shelf = self._place_of(who)
        with self._held(shelf):
            now = time.monotonic()
            tokens, place = self._find(name, shelf, now)
            _BUCKET.pack_into(self._memory, place, name, min(tokens + 1.0, self._capacity), now)

    def wait_of(self, who: str) -> float:
        """Seconds to wait for the next token, without taking one."""
        if not self._per_s:
            return 0.0
        name, shelf = self._place_of(who)
        with self._held(shelf):
            tokens, _ = self._find(name, shelf, time.monotonic())
        return max(0.0, (1.0 - tokens) / self._per_s)

    def headers_of(self, who: str) -> dict[str, str]:
        """What is left, by draft-ietf-httpapi-ratelimit-headers-10; empty without a limit."""
        if not self._per_s:
            return {}
        name, shelf = self._place_of(who)
        with self._held(shelf):
            tokens, _ = self._find(name, shelf, time.monotonic())
        full_s = math.ceil((self._capacity - tokens) / self._per_s)
        return {
            "RateLimit-Policy": f'"requests";q={int(self._capacity)};w={math.ceil(_BURST_S)}',
            "RateLimit": f'"requests";r={int(tokens)};t={full_s}',
        }

    def _place_of(self, who: str) -> tuple[int, int]:
        """The name of a bucket, and where its shelf begins."""
        digest = hashlib.blake2b(who.encode(), digest_size=8, key=self._secret).digest()
        name = int.from_bytes(digest, "little")
        return name, name % _SHELVES * _SHELF_BYTES

    def _find(self, name: int, shelf: int, now: float) -> tuple[float, int]:
        """The tokens that a bucket has by now, and where it lies or may lie."""
        oldest, oldest_at = shelf, math.inf
        for place in range(shelf, shelf + _SHELF_BYTES, _BUCKET.size):
            found, tokens, at = _BUCKET.unpack_from(self._memory, place)
            if found == name:
                return min(self._capacity, tokens + (now - at) * self._per_s), place
            if at < oldest_at:
                oldest, oldest_at = place, at
        return self._capacity, oldest

    @contextmanager
    def _held(self, shelf: int) -> Iterator[None]:
        """A lock of the kernel's: a process that is killed does not keep it."""
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _SHELF_BYTES, shelf)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _SHELF_BYTES, shelf)


class Limit:
    """One of the node's limits: of this machine, and where Redis is, of all its hosts."""

    def __init__(self, per_minute: int, redis_url: str, purpose: str) -> None:
        self._here = RateLimiter(per_minute)
        self._make_hosts = (
            partial(HostLimits, per_minute, redis_url, purpose)
            if per_minute and redis_url
            else None
        )
        self._hosts: HostLimits | None = None

    async def take(self, who: str) -> float:
        """Take one token. Seconds to wait where there is none, else 0."""
        wait_s = self._here.take(who)
        hosts = self._all_hosts()
        return wait_s if wait_s or hosts is None else await hosts.take(who)

    async def give_back(self, who: str) -> None:
        """Put back a token that was taken for nothing."""
        self._here.give_back(who)
        hosts = self._all_hosts()
        if hosts is not None:
            await hosts.give_back(who)

    def wait_of(self, who: str) -> float:
        """Seconds to wait for the next token of this machine, without taking one."""
        return self._here.wait_of(who)

    def headers_of(self, who: str) -> dict[str, str]:
        """What is left of this machine's limit, for the answer."""
        return self._here.headers_of(who)

    def _all_hosts(self) -> HostLimits | None:
        if self._hosts is None and self._make_hosts is not None:
            # At the first request, and so after the process was forked.
            self._hosts = self._make_hosts()
        return self._hosts


class Limits:
    """Those of a node. Make them before its processes are forked: afterwards nothing is shared."""

    def __init__(self, settings: Settings) -> None:
        redis_url = settings.broker_url
        self.of_principals = Limit(settings.rate_limit_per_minute, redis_url, "principals")
        # By purpose and address: see `AccessControl`.
        self.of_addresses = Limit(settings.rate_limit_anonymous_per_minute, redis_url, "addresses")
