"""Webhooks: who is told of which events, at which address, signed with which secret."""

import secrets
import uuid
from base64 import b64encode
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.core.viewer import Caller
from storage.crypto.secret_box import Sealer
from storage.db.engine import reading, writing
from storage.http.url_policy import check_url
from storage.settings import Settings
from storage.webhooks.payloads import EVENT_TYPES

_SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret


@dataclass(frozen=True)
class Webhook:
    """`events`: names of `EVENT_TYPES`, `job.*` or `*`. `event_id`: up to where it was told.

    `secret` is empty where the key of the data folder that sealed it is lost.
    """

    webhook_id: str
    url: str = field(repr=False)
    description: str
    events: tuple[str, ...]
    is_active: bool
    secret: str = field(repr=False)
    event_id: int
    created_at: datetime
    updated_at: datetime


class Webhooks:
    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._sealer = Sealer(settings.data_dir)

    def add(
        self,
        url: str,
        events: tuple[str, ...],
        description: str = "",
        created_by: Caller | None = None,
    ) -> Webhook:
        """One that is told what happens from now on. Raises InvalidRequest.

        `created_by`: of one whom access groups narrow; it is told what that one may see.
        """
        now = utcnow()
        webhook_id = str(uuid.uuid4())
        row = {
            "webhook_id": webhook_id,
            "url": self._checked_url(url),
            "description": description,
            "events": list(_checked_events(events)),
            "is_active": True,
            "secret": self._sealed_secret(webhook_id),
            "created_by": None if created_by is None else asdict(created_by),
            "created_by_id": "" if created_by is None else created_by.identity_id,
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
            raise NotFound(
                "There is no webhook under that identifier.",
                remedy="GET /api/webhooks lists them.",
            )
        return self._opened(dict(row))

    def list(self, limit: int, offset: int) -> tuple[list[Webhook], int]:
        """The oldest first, and how many there are in all."""
        with reading(self._engine) as connection:
            total = connection.execute(select(func.count()).select_from(t.webhook)).scalar_one()
            rows = connection.execute(
                select(t.webhook)
                .order_by(t.webhook.c.created_at, t.webhook.c.webhook_id)
                .limit(limit)
                .offset(offset)
            )
            return [self._opened(dict(row)) for row in rows.mappings()], total

    def count_of_everything(self) -> int:
        """Active ones that are told everything, whatever access groups say."""
        with reading(self._engine) as connection:
            return connection.execute(
                select(func.count())
                .select_from(t.webhook)
                .where(t.webhook.c.is_active, t.webhook.c.created_by_id == "")
            ).scalar_one()

    def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: tuple[str, ...] | None = None,
        description: str | None = None,
        is_active: bool | None = None,
    ) -> Webhook:
        """Change what is not None. Raises NotFound, InvalidRequest.

        One that was asleep is not told what happened meanwhile.
        """
        values: dict[str, Any] = {"updated_at": utcnow()}
        if url is not None:
            values["url"] = self._checked_url(url)
        if events is not None:
            values["events"] = list(_checked_events(events))
        if description is not None:
            values["description"] = description
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
            self.get(webhook_id)

    def _update(self, webhook_id: str, values: dict[str, Any]) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                update(t.webhook).where(t.webhook.c.webhook_id == webhook_id).values(**values)
            )

    def _sealed_secret(self, webhook_id: str) -> str:
        secret = SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        return self._sealer.seal(secret, f"webhook:{webhook_id}")

    def _opened(self, row: dict[str, Any]) -> Webhook:
        secret = self._sealer.open(row["secret"], f"webhook:{row['webhook_id']}")
        values = {name: row[name] for name in Webhook.__dataclass_fields__}
        return Webhook(**values | {"events": tuple(row["events"]), "secret": secret})

    def _checked_url(self, url: str) -> str:
        return check_webhook_url(url, self._settings)


def check_webhook_url(url: str, settings: Settings) -> str:
    """The address, if an operator allows its host. Raises InvalidRequest."""
    return check_url(url, settings.webhook_hosts, "MEDIVIEW_WEBHOOK_HOSTS", "webhooks").url


def _newest() -> Any:
    return select(func.coalesce(func.max(t.event.c.event_id), 0)).scalar_subquery()


def _checked_events(events: tuple[str, ...]) -> tuple[str, ...]:
    known = {*EVENT_TYPES, "*", *(f"{name.partition('.')[0]}.*" for name in EVENT_TYPES)}
    unknown = sorted(set(events) - known)
    if unknown or not events:
        raise InvalidRequest(
            "A webhook names the events that it is told of; one of these is none."
            if unknown
            else "A webhook names at least one event.",
            remedy=f"Choose among {', '.join(EVENT_TYPES)}, or write job.* or *.",
        )
    return tuple(dict.fromkeys(events))
