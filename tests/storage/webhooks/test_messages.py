"""What a person has sent again while a message is put together goes, and is not taken for sent."""

from typing import Any

from sqlalchemy import Engine, event, insert, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.webhooks.enqueue import enqueue
from storage.webhooks.messages import message_delivered, start_message
from storage.webhooks.outbox import WebhookOutbox

HOOK: dict[str, Any] = {
    "webhook_id": "w", "url": "mailto:duty@hospital.example", "kind": "mail",
    "events": ["job.failed"], "is_active": True, "secret": "", "event_id": 0, "wait_s": 0,
    "quiet_hours": "",
}  # fmt: skip


def test_a_notice_sent_again_beside_a_message_is_not_taken_for_sent(
    postgres_engine: Engine,
) -> None:
    outbox, now = WebhookOutbox(postgres_engine), utcnow()
    table = t.webhook_delivery.c
    with writing(postgres_engine) as connection:
        connection.execute(insert(t.webhook).values(**HOOK, created_at=now, updated_at=now))
        for _ in range(3):
            enqueue(connection, HOOK, "job.failed", {}, now)
        ids = connection.execute(select(table.delivery_id).order_by(table.number)).scalars().all()
        connection.execute(
            update(t.webhook_delivery)
            .where(table.delivery_id == ids[1])
            .values(state="DELIVERED", ended_at=now)
        )

    left = [ids[1]]

    def between(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if left and statement.startswith("UPDATE webhook_delivery"):
            outbox.redeliver("w", left.pop())

    event.listen(postgres_engine, "before_cursor_execute", between)
    sent: set[str] = set()
    while message := start_message(postgres_engine, "w", utcnow()):
        sent |= {one.delivery_id for one in message.notices}
        message_delivered(postgres_engine, message, 250, utcnow())
        with reading(postgres_engine) as connection:
            ended = connection.execute(select(table.delivery_id).where(table.last_status == 250))
            assert set(ended.scalars()) == sent
    assert sent == set(ids)
