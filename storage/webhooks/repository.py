"""Webhooks: which events they send, to which address, signed with which secret."""

import secrets
import uuid
from base64 import b64encode
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, delete, func, insert, select, update

from storage import tables as t
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.crypto.secret_box import Sealer
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.http.url_policy import check_url
from storage.settings import Settings
from storage.webhooks.payloads import EVENT_TYPES, FORMER_NAMES

_SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret


@dataclass(frozen=True)
class Webhook:
    """`events`: names of `EVENT_TYPES`, `job.*` or `*`. `event_id`: the last that was looked at.

    Where access groups are enforced it sends the events of what its owner may see, who is
    `created_by_id`; with `sends_everything`, as those of administrators, of all studies; without
    an owner, as those from before owners were noted, of none.
    `secret` is empty where the key of the data folder that sealed it is lost.
    """

    webhook_id: str
    url: str = field(repr=False)
    description: str
    events: tuple[str, ...]
    is_active: bool
    secret: str = field(repr=False)
    event_id: int
    created_by_id: str
    sends_everything: bool
    created_at: datetime
    updated_at: datetime


OLDEST_WEBHOOKS = Keyset[Webhook](
    "webhooks",
    (
        SortColumn.of(t.webhook.c.created_at),
        SortColumn.of(t.webhook.c.webhook_id),
    ),
)


@dataclass(frozen=True)
class WebhookOwners:
    """How many send the events of all studies, and how many, for want of an owner, of none."""

    sending_everything: int
    without_owner: int


class Webhooks:
    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._sealer = Sealer(settings.data_dir)

    def add(
        self,
        url: str,
        events: tuple[str, ...],
        description: str,
        *,
        created_by: Caller,
        sends_everything: bool,
    ) -> Webhook:
        """One that sends what happens from now on. Raises InvalidRequest."""
        now = utcnow()
        webhook_id = str(uuid.uuid4())
        row = {
            "webhook_id": webhook_id,
            "url": self._checked_url(url),
            "description": description,
            "events": list(_checked_events(events)),
            "is_active": True,
            "secret": self._sealed_secret(webhook_id),
            "created_by": asdict(created_by),
            "created_by_id": created_by.identity_id,
            "sends_everything": sends_everything,
            "created_at": now,
            "updated_at": now,
        }
        with writing(self._engine) as connection:
            connection.execute(insert(t.webhook).values(**row, event_id=_newest()))
        return self.get(webhook_id)

    def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.webhook).where(t.webhook.c.webhook_id == webhook_id))
                .mappings()
                .first()
            )
        if row is None:
            raise _not_found()
        return self._opened(dict(row))

    def list(
        self, limit: int, offset: int, *, beyond: ColumnElement[bool] | None = None
    ) -> tuple[list[Webhook], int]:
        """The oldest first, and how many there are in all.

        `beyond` begins the page where another one ended (`OLDEST_WEBHOOKS`).
        """
        statement = select(t.webhook).order_by(*OLDEST_WEBHOOKS.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [self._opened(dict(row)) for row in rows], total

    def owners(self) -> WebhookOwners:
        """Of the active ones, what the access groups do not decide."""
        hook = t.webhook.c
        ownerless = and_(hook.created_by_id == "", ~hook.sends_everything)
        with reading(self._engine) as connection:
            everything, without_owner = connection.execute(
                select(
                    func.count().filter(hook.sends_everything), func.count().filter(ownerless)
                ).where(hook.is_active)
            ).one()
            return WebhookOwners(everything, without_owner)

    def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: tuple[str, ...] | None = None,
        description: str | None = None,
        is_active: bool | None = None,
        sends_everything: bool | None = None,
    ) -> Webhook:
        """Change what is not None. Raises NotFound, InvalidRequest.

        An inactive one is not notified of what happens meanwhile, also later.
        """
        values: dict[str, Any] = {"updated_at": utcnow()}
        if url is not None:
            values["url"] = self._checked_url(url)
        if events is not None:
            values["events"] = list(_checked_events(events))
        if description is not None:
            values["description"] = description
        if sends_everything is not None:
            values["sends_everything"] = sends_everything
        if is_active is not None:
            values["is_active"] = is_active
            if is_active and not self.get(webhook_id).is_active:
                values["event_id"] = _newest()
        self._update(webhook_id, values)
        return self.get(webhook_id)

    def new_secret(self, webhook_id: str) -> Webhook:
        """Sign with another secret from now on. Raises NotFound."""
        self._update(
            webhook_id, {"secret": self._sealed_secret(webhook_id), "updated_at": utcnow()}
        )
        return self.get(webhook_id)

    def remove(self, webhook_id: str) -> None:
        """With all that was on its way to it. Raises NotFound."""
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.webhook)
                .where(t.webhook.c.webhook_id == webhook_id)
                .returning(t.webhook.c.webhook_id)
            ).first()
            if gone is None:
                raise _not_found()

    def _update(self, webhook_id: str, values: dict[str, Any]) -> None:
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(t.webhook).where(t.webhook.c.webhook_id == webhook_id).values(**values)
            )
            if not changed.rowcount:
                raise _not_found()

    def _sealed_secret(self, webhook_id: str) -> str:
        secret = SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        return self._sealer.seal(secret, f"webhook:{webhook_id}")

    def _opened(self, row: dict[str, Any]) -> Webhook:
        secret = self._sealer.open(row["secret"], f"webhook:{row['webhook_id']}")
        values = {name: row[name] for name in Webhook.__dataclass_fields__}
        return Webhook(**values | {"events": tuple(row["events"]), "secret": secret})

    def _checked_url(self, url: str) -> str:
        return check_webhook_url(url, self._settings)


def _not_found() -> NotFound:
    return NotFound(
        "There is no webhook under that identifier.", remedy="GET /api/webhooks lists them."
    )


def check_webhook_url(url: str, settings: Settings) -> str:
    """The address, if an operator allows its host. Raises InvalidRequest."""
    return check_url(url, settings.webhook_hosts, "MEDIVIEW_WEBHOOK_HOSTS", "webhooks").url


_SHOWN_CHARACTERS, _MOST_SHOWN = 60, 5


def _newest() -> Any:
    return select(func.coalesce(func.max(t.event.c.event_id), 0)).scalar_subquery()


def _checked_events(events: tuple[str, ...]) -> tuple[str, ...]:
    known = {
        *EVENT_TYPES,
        *FORMER_NAMES,
        "*",
        *(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES),
    }
    unknown = sorted(set(events) - known)
    if unknown or not events:
        shown = ", ".join(f"'{name[:_SHOWN_CHARACTERS]}'" for name in unknown[:_MOST_SHOWN])
        raise InvalidRequest(
            f"A webhook names the events that it sends; there is none called {shown}."
            if unknown
            else "A webhook names at least one event.",
            remedy=f"Choose among {', '.join(EVENT_TYPES)}, or write job.* or *.",
        )
    return tuple(dict.fromkeys(events))
