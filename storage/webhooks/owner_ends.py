"""Webhooks and subscriptions of FHIR end with the key or account that asked for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select, update

from storage import tables as t
from storage.db.engine import reading, writing
from storage.webhooks.people import FHIR

ACCOUNT_ENDED = "Its account has ended."
KEY_REVOKED = "Its key was revoked."
_MAY_SUBSCRIBE = frozenset({"integrator", "admin"})


@dataclass(frozen=True)
class EndedOwner:
    owner_id: str
    reason: str
    webhook_ids: tuple[str, ...]

    @property
    def audit_detail(self) -> dict[str, str | Sequence[str]]:
        return {
            "webhooks_paused": list(self.webhook_ids),
            "owner": self.owner_id,
            "reason": self.reason,
        }


Note = Callable[[EndedOwner], None]
"""Is given what was paused, in the transaction that pauses it."""


def note_nowhere(_: EndedOwner) -> None:
    pass


def end_subscriptions_of(
    connection: Connection, owner_id: str, reason: str, note: Note = note_nowhere
) -> None:
    """`owner_id`: that of `Identity.id`. What was on its way is not sent any more.

    `note` is called where something was active.
    """
    hook = t.webhook.c
    ids = list(
        connection.execute(
            select(hook.webhook_id)
            .where(hook.created_by_id == owner_id, hook.is_active)
            .order_by(hook.created_at)
        ).scalars()
    )
    end_subscriptions(connection, ids, reason)
    if ids:
        note(EndedOwner(owner_id, reason, tuple(ids)))


def end_subscriptions(connection: Connection, webhook_ids: list[str], reason: str) -> None:
    """Subscriptions are off, webhooks inactive."""
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


def end_those_of_ended_owners(
    engine: Engine, now: datetime, note: Callable[[Connection, EndedOwner], None]
) -> list[EndedOwner]:
    """Of keys that expired, and of all owners that went in whatever way. `note` writes each of
    them down in the same transaction."""
    hook = t.webhook.c
    with reading(engine) as connection:
        owners = set(
            connection.execute(
                select(hook.created_by_id).where(hook.is_active).distinct()
            ).scalars()
        )
        if not ended_among(connection, owners, now):
            return []
    ended: list[EndedOwner] = []
    with writing(engine) as connection:
        for owner_id, reason in sorted(ended_among(connection, owners, now).items()):
            end_subscriptions_of(connection, owner_id, reason, ended.append)
        for one in ended:
            note(connection, one)
    return ended


def has_ended(*, disabled: bool, roles: Iterable[str]) -> bool:
    """Whether such an account has webhooks and subscriptions no more."""
    return disabled or _MAY_SUBSCRIBE.isdisjoint(roles)


def ended_among(connection: Connection, owner_ids: set[str], now: datetime) -> Mapping[str, str]:
    """Why, by owner. Of people of an identity provider the node does not learn it."""
    keys = {one.partition(":")[2] for one in owner_ids if one.startswith("key:")}
    accounts = {one.partition(":")[2] for one in owner_ids if one.startswith("account:")}
    ended = {f"key:{one}": "Its key was removed." for one in keys}
    ended |= {f"account:{one}": "Its account was removed." for one in accounts}
    key, account = t.api_key.c, t.account.c
    if keys:
        for row in connection.execute(
            select(key.key_id, key.revoked_at, key.expires_at).where(key.key_id.in_(keys))
        ):
            del ended[f"key:{row.key_id}"]
            if row.revoked_at is not None:
                ended[f"key:{row.key_id}"] = KEY_REVOKED
            elif row.expires_at is not None and row.expires_at <= now:
                ended[f"key:{row.key_id}"] = "Its key has expired."
    if accounts:
        for row in connection.execute(
            select(account.name, account.disabled, account.roles).where(account.name.in_(accounts))
        ):
            del ended[f"account:{row.name}"]
            if has_ended(disabled=row.disabled, roles=row.roles):
                ended[f"account:{row.name}"] = ACCOUNT_ENDED
    return ended


def narrow_subscriptions_of(connection: Connection, owner_id: str) -> None:
    """Of who administers no more: they notify of what access groups let the owner see."""
    hook = t.webhook.c
    connection.execute(
        update(t.webhook)
        .where(hook.created_by_id == owner_id, hook.kind == FHIR)
        .values(sends_everything=False)
    )
