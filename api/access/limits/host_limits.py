"""The same limits over several hosts: counted in the Redis that carries their messages.

Windows of ten seconds, so that a boundary lets through twice that at most. One who may ask
a thousand times a second is counted in Redis in small batches, so that frames of a series wait
for no round trip. A Redis that is away stops nobody: each host counts for itself meanwhile.
"""

import hashlib
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from limits import RateLimitItem

T = TypeVar("T")

log = structlog.get_logger(__name__)

_WINDOW_S = 10
# Of what one may ask in a window; what no process has reported to Redis yet stays small.
_BATCHES = 200
_REDIS_TIMEOUT_S = 0.25
_AWAY_S = 5.0
_REMEMBERED = 4096


class HostLimits:
    """Counts of all API processes of all hosts. Each process has one, made after it was forked."""

    def __init__(self, per_minute: int, redis_url: str, purpose: str) -> None:
        from limits import RateLimitItemPerSecond
        from limits.storage import RedisStorage
        from limits.strategies import FixedWindowRateLimiter

        # The client connects with its first question.
        storage = RedisStorage(
            redis_url,
            key_prefix=f"mediview-limits-{purpose}",
            socket_timeout=_REDIS_TIMEOUT_S,
            socket_connect_timeout=_REDIS_TIMEOUT_S,
        )
        self._storage = storage
        self._windows: FixedWindowRateLimiter = FixedWindowRateLimiter(storage)
        amount = max(1, per_minute * _WINDOW_S // 60)
        self._item: RateLimitItem = RateLimitItemPerSecond(amount, _WINDOW_S)
        self._batch = max(1, amount // _BATCHES)
        self._untold: dict[str, int] = {}
        self._blocked: dict[str, float] = {}
        self._away_until = 0.0

    async def take(self, who: str) -> float:
        """Count one more. Seconds to wait where all hosts together had too many, else 0."""
        now = time.monotonic()
        blocked_s = self._blocked.get(who, 0.0) - now
        if blocked_s > 0:
            return blocked_s
        count = self._untold.pop(who, 0) + 1
        if count < self._batch:
            _remember(self._untold, who, count)
            return 0.0
        if now < self._away_until:
            return 0.0
        wait_s = await run_sync(self._hit, who, count)
        if wait_s > 0:
            _remember(self._blocked, who, now + wait_s)
        return wait_s

    async def give_back(self, who: str) -> None:
        """Take one back that was counted for nothing."""
        if self._batch == 1 and time.monotonic() >= self._away_until:
            await run_sync(self._asked, partial(self._incr, who, -1))
            self._blocked.pop(who, None)

    def _hit(self, who: str, count: int) -> float:
        name = _name(who)
        if self._asked(lambda: self._windows.hit(self._item, name, cost=count)) is not False:
            return 0.0
        stats = self._asked(lambda: self._windows.get_window_stats(self._item, name))
        return 0.0 if stats is None else max(0.1, stats.reset_time - time.time())

    def _incr(self, who: str, amount: int) -> int:
        key = self._item.key_for(_name(who))
        return self._storage.incr(key, self._item.get_expiry(), amount=amount)

    def _asked(self, question: Callable[[], T]) -> T | None:
        from redis.exceptions import RedisError

        try:
            answer = question()
        except (RedisError, OSError) as error:
            if time.monotonic() >= self._away_until:
                log.warning("limits_counted_by_host", error=type(error).__name__)
            self._away_until = time.monotonic() + _AWAY_S
            return None
        return answer


def _name(who: str) -> str:
    """Redis hears of nobody's address nor identity."""
    return hashlib.sha256(who.encode()).hexdigest()[:32]


def _remember(of: dict[str, T], who: str, value: T) -> None:
    if len(of) >= _REMEMBERED:
        of.clear()
    of[who] = value
