"""Redis as Celery's broker, where a message that is none ends no worker.

Who may write into that Redis may put anything into its queues. Kombu takes it for a message and
raises, which ends the process, and ends it again when it has started: what was not acknowledged
comes back.
"""

import base64
import binascii
from queue import Empty
from typing import Any

import structlog
from kombu.transport import redis

log = structlog.get_logger(__name__)

TRANSPORT = "inference.broker.redis_broker:Transport"


class Channel(redis.Channel):  # type: ignore[misc]  # kombu has no types
    def _brpop_read(self, **options: Any) -> Any:
        handed_on = self.connection.handed_on
        try:
            return super()._brpop_read(**options)
        except (ValueError, TypeError, RecursionError) as error:
            if self.connection.handed_on != handed_on:
                # What it was handed to raised it.
                raise
            _drop("", type(error).__name__)
            raise Empty from error


class Transport(redis.Transport):  # type: ignore[misc]
    Channel = Channel
    handed_on = 0
    """Messages so far."""

    def _deliver(self, message: Any, queue: str) -> None:
        if _is_message(message):
            self.handed_on += 1
            super()._deliver(message, queue)
        else:
            _drop(queue, "no message")


def _drop(queue: str, why: str) -> None:
    # The ledger knows what was to be done; a broken message is only a lost wake-up.
    log.warning("broker_message_unreadable", queue=queue, reason=why)


def _is_message(message: Any) -> bool:
    """Whether Kombu can make a message of it, as far as it does not look itself."""
    if not isinstance(message, dict):
        return False
    properties, body = message.get("properties"), message.get("body")
    if not isinstance(properties, dict) or not isinstance(body, str):
        return False
    info, encoding = properties.get("delivery_info"), properties.get("body_encoding")
    return (
        isinstance(properties.get("delivery_tag"), str)
        and isinstance(info, dict)
        and isinstance(message.get("headers"), dict)
        and (encoding is None or (encoding == "base64" and _is_base64(body)))
    )


def _is_base64(body: str) -> bool:
    try:
        base64.b64decode(body)
    except (binascii.Error, ValueError):
        return False
    return True
