"""Limits of associations over all receiving hosts, counted in the Redis of their messages.

Each association has an entry that it renews while it lasts, so that those of a host which is gone
are free again half a minute later. A Redis that is away stops nobody: each host counts for itself
meanwhile (`dicom_node.network.connection_slots`).
"""

import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from dicom_node.network.connection_slots import Refusal

log = structlog.get_logger(__name__)

T = TypeVar("T")

_LEASE_S = 30.0
_RENEWED_EVERY_S = 10.0
_REDIS_TIMEOUT_S = 0.25
_AWAY_S = 5.0
_PREFIX = "mediview-associations"
_REFUSALS: dict[int, Refusal] = {1: "peer_limit_exceeded", 2: "local_limit_exceeded"}

# The time is that of Redis: hosts' clocks differ. KEYS: of the title, of all. ARGV: the entry, its
# lease in seconds, and the limit of each key, 0 for none. Which key is full, 0 where none is.
_ADMIT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
for i, key in ipairs(KEYS) do
  local limit = tonumber(ARGV[2 + i])
  if limit > 0 then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    if redis.call('ZCARD', key) >= limit then return i end
  end
end
for i, key in ipairs(KEYS) do
  if tonumber(ARGV[2 + i]) > 0 then
    redis.call('ZADD', key, now + tonumber(ARGV[2]), ARGV[1])
    redis.call('EXPIRE', key, 2 * math.ceil(tonumber(ARGV[2])))
  end
end
return 0
"""
# ARGV: the lease, then entries; each is put into the key at its place, though Redis forgot it.
_RENEW = """
local time = redis.call('TIME')
local ends = tonumber(time[1]) + tonumber(time[2]) / 1000000 + tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, ends, ARGV[1 + i])
  redis.call('EXPIRE', key, 2 * math.ceil(tonumber(ARGV[1])))
end
"""


class GroupLimits:
    """Of one process, for all its associations. Safe for threads."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._lock = threading.Lock()
        self._client: Any = None
        self._entries: dict[str, list[str]] = {}
        self._renewing: threading.Thread | None = None
        self._stopping = threading.Event()
        self._away_until_s = 0.0

    def admit(
        self, ae_title: str, limit: int, most_in_all: int
    ) -> "tuple[Refusal | None, Callable[[], None]]":
        """Why not, or None; and what gives the place back, harmless where there is none.

        `limit`: of associations of the title over all hosts; `most_in_all`: of all of them; 0 each:
        none.
        """
        if not limit and not most_in_all:
            return None, _nothing
        entry = f"{_processes()}:{os.getpid()}:{uuid.uuid4().hex}"
        keys = [_key(ae_title), _key("")]
        limits = [limit, most_in_all]
        full = self._ask(lambda redis: self._admit(redis, entry, keys, limits))
        if full is None:
            return None, _nothing
        if full:
            return _REFUSALS[full], _nothing
        with self._lock:
            self._entries[entry] = [key for key, most in zip(keys, limits, strict=True) if most]
            if self._renewing is None:
                # A daemon: it waits for Redis, which must not keep the node from ending.
                self._renewing = threading.Thread(
                    target=self._renew_forever, name="scp-group-limits", daemon=True
                )
                self._renewing.start()
        return None, lambda: self._give_back(entry)

    def stop(self) -> None:
        """May be called again."""
        self._stopping.set()

    def _admit(self, redis: Any, entry: str, keys: list[str], limits: list[int]) -> int:
        arguments = [*keys, entry, _LEASE_S, *limits]
        full = int(redis.eval(_ADMIT, len(keys), *arguments))
        if full and self._forget_dead(redis, keys[full - 1]):
            full = int(redis.eval(_ADMIT, len(keys), *arguments))
        return full

    def _forget_dead(self, redis: Any, key: str) -> int:
        """Entries of processes of this machine that were killed need not wait for their end."""
        here = _processes()
        dead = []
        for entry in redis.zrange(key, 0, -1):
            processes, pid, _ = entry.decode("ascii").split(":")
            if processes == here and not _lives(int(pid)):
                dead.append(entry)
        return int(redis.zrem(key, *dead)) if dead else 0

    def _give_back(self, entry: str) -> None:
        with self._lock:
            keys = self._entries.pop(entry, [])
        for key in keys:
            self._ask(partial(_remove, key, entry))

    def _renew_forever(self) -> None:
        while not self._stopping.wait(_RENEWED_EVERY_S):
            self.renew()

    def renew(self) -> None:
        """All entries; where Redis lost them they are there again."""
        with self._lock:
            pairs = [(key, entry) for entry, keys in self._entries.items() for key in keys]
            if pairs:
                keys, entries = zip(*pairs, strict=True)
                # Within the lock: what ends meanwhile must not come back.
                self._ask(lambda redis: redis.eval(_RENEW, len(keys), *keys, _LEASE_S, *entries))

    def _ask(self, question: "Callable[[Any], T]") -> T | None:
        from redis import Redis
        from redis.exceptions import RedisError

        if time.monotonic() < self._away_until_s:
            return None
        if self._client is None:
            self._client = Redis.from_url(
                self._url,
                socket_timeout=_REDIS_TIMEOUT_S,
                socket_connect_timeout=_REDIS_TIMEOUT_S,
            )
        try:
            return question(self._client)
        except (RedisError, OSError) as error:
            log.warning("associations_counted_by_host", error=type(error).__name__)
            self._away_until_s = time.monotonic() + _AWAY_S
            return None


def _remove(key: str, entry: str, redis: Any) -> int:
    return int(redis.zrem(key, entry))


def _nothing() -> None:
    """No place was taken."""


def _key(ae_title: str) -> str:
    """Of all titles where it is empty."""
    if not ae_title:
        return f"{_PREFIX}:all"
    return f"{_PREFIX}:of:{hashlib.sha256(ae_title.encode()).hexdigest()[:32]}"


def _processes() -> str:
    """Within what process numbers count: a start of a machine, and a container of it."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    return uuid.uuid4().hex


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
