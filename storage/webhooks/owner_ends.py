"""Subscriptions of FHIR end with the key or account that asked for them."""

from sqlalchemy import Connection, delete, select, update

from storage import tables as t
from storage.webhooks.people import FHIR


def end_subscriptions_of(connection: Connection, owner_id: str, reason: str) -> None:
    """`owner_id`: that of `Identity.id`. What was on its way is not sent any more."""
    hook = t.webhook.c
    end_subscriptions(
        connection,
        list(
            connection.execute(
                select(hook.webhook_id).where(
                    hook.created_by_id == owner_id, hook.kind == FHIR, hook.is_active
                )
            ).scalars()
        ),
        reason,
    )


def end_subscriptions(connection: Connection, webhook_ids: list[str], reason: str) -> None:
    if not webhook_ids:
        return
    kept, sent = t.fhir_subscription, t.webhook_delivery
    connection.execute(
        update(kept).where(kept.c.webhook_id.in_(webhook_ids)).values(status="off", error=reason)
    )
    connection.execute(
        update(t.webhook).where(t.webhook.c.webhook_id.in_(webhook_ids)).values(is_active=False)
    )
    connection.execute(
        delete(sent).where(sent.c.webhook_id.in_(webhook_ids), sent.c.state == "PENDING")
    )


def narrow_subscriptions_of(connection: Connection, owner_id: str) -> None:
    """Of who administers no more: they notify of what access groups let the owner see."""
    hook = t.webhook.c
    connection.execute(
        update(t.webhook)
        .where(hook.created_by_id == owner_id, hook.kind == FHIR)
        .values(sends_everything=False)
    )
