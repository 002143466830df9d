"""Whatever lies in a queue of Redis, the next message is taken."""

import json
from typing import Any

import pytest
from celery import Celery
from kombu import Consumer, Message, Queue
from redis import Redis
from structlog.testing import capture_logs

from inference.broker.redis_broker import TRANSPORT

GOOD = {"delivery_tag": "t", "delivery_info": {"exchange": "", "routing_key": "control"}}


def message(**odd: Any) -> bytes:
    return json.dumps({"properties": GOOD, "headers": {}, "body": "", **odd}).encode()


UNREADABLE = [
    b"{}",
    b"null",
    b"xxxx",
    b"\xff\xfe",
    b"[1, 2]",
    b'"text"',
    b"[" * 100_000,
    message(headers="x"),
    message(properties={}),
    message(body=7),
    message(properties=GOOD | {"body_encoding": "rot13"}),
    message(properties=GOOD | {"body_encoding": "base64"}, body="é"),
    message(properties=GOOD | {"delivery_info": 1}),
]


@pytest.mark.parametrize("unreadable", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_is_no_message_is_dropped_and_the_next_one_taken(
    redis_url: str, unreadable: bytes
) -> None:
    app = Celery(broker=redis_url, set_as_current=False)
    app.conf.update(broker_transport=TRANSPORT, task_default_queue="control")
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        client.lpush("control", unreadable)
    got: list[Any] = []

    def take(body: Any, message: Message) -> None:
        got.append(body)
        message.ack()

    with app.connection_for_write() as connection:
        queue = Queue("control", exchange="control", routing_key="control")
        with connection.Producer() as producer:
            producer.publish(
                {"tick": 1}, routing_key="control", exchange="control", declare=[queue]
            )
        with capture_logs() as logs, Consumer(connection, [queue], callbacks=[take]):
            while not got:
                connection.drain_events(timeout=10)
    assert got == [{"tick": 1}]
    assert [one["event"] for one in logs] == ["broker_message_unreadable"]
    with Redis.from_url(redis_url) as client:
        assert client.llen("control") == 0


def test_what_takes_a_message_may_fail(redis_url: str) -> None:
    """It is not mistaken for a message that cannot be read."""
    app = Celery(broker=redis_url, set_as_current=False)
    app.conf.update(broker_transport=TRANSPORT)

    def fail(body: Any, message: Message) -> None:
        message.ack()
        raise ValueError("of the worker's own")

    with app.connection_for_write() as connection:
        queue = Queue("failing", exchange="failing", routing_key="failing")
        with connection.Producer() as producer:
            producer.publish({}, routing_key="failing", exchange="failing", declare=[queue])
        with (
            Consumer(connection, [queue], callbacks=[fail]),
            pytest.raises(ValueError, match="of the worker's own"),
        ):
            connection.drain_events(timeout=10)
