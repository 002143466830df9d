"""Warnings of what strangers can bring about as often as they like."""

import time

import structlog

log = structlog.get_logger(__name__)

_EVERY_S = 10.0


class RepeatedWarning:
    """One every ten seconds at most, with how often it happened, and the details of the last."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._count = 0
        self._logged_s = float("-inf")

    def note(self, **details: str) -> None:
        self._count += 1
        now = time.monotonic()
        if now >= self._logged_s + _EVERY_S:
            log.warning(self._event, count=self._count, **details)
            self._count, self._logged_s = 0, now
