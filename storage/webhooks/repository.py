"""Webhooks: which events they send, to which address, signed with which secret."""

import secrets
import uuid
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)

from storage import tables as t
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.crypto.secret_box import Sealer
from storage.db.engine import reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.settings import Settings
from storage.webhooks.owner_ends import ended_among
from storage.webhooks.payloads import EVENT_TYPES, FORMER_NAMES
from storage.webhooks.people import (
    PROGRAMS,
    ForPeople,
    WebhookKind,
    check_naming,
    check_people,
    checked_address,
    shown_address,
)
from storage.webhooks.shares import check_webhook_count

_SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
CHATS = frozenset({"teams", "slack"})


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
    kind: WebhookKind = "webhook"
    for_people: ForPeople = field(default_factory=ForPeople)

    @property
    def address(self) -> str:
        """Where it is called: that of a chat is secret, and `url` shows its host alone."""
        return self.secret if self.kind in CHATS else self.url


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
        kind: WebhookKind = "webhook",
        for_people: ForPeople = ForPeople(),
    ) -> Webhook:
        """One that sends what happens from now on. Raises InvalidRequest, TooManyRequests."""
        now = utcnow()
        webhook_id = str(uuid.uuid4())
        address = self._checked_url(kind, url)
        checked = _checked_events(events)
        check_people(kind, checked, for_people)
        if for_people.names_patients:
            check_naming(kind, address, self._settings)
        row = {
            "webhook_id": webhook_id,
            "url": shown_address(kind, address),
            "description": description,
            "events": list(checked),
            "is_active": True,
            "secret": self._sealed_secret(webhook_id, kind, address),
            "kind": kind,
            **asdict(for_people),
            "created_by": asdict(created_by),
            "created_by_id": created_by.identity_id,
            "sends_everything": sends_everything,
            "created_at": now,
            "updated_at": now,
        }
        with writing(self._engine) as connection:
            check_webhook_count(connection, created_by.identity_id)
            connection.execute(insert(t.webhook).values(**row, event_id=_newest()))
        return self.get(webhook_id)

    def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return self._read(connection, _of(webhook_id))

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
        for_people: ForPeople | None = None,
        by: Caller | None = None,
        by_administrator: bool = False,
        check: Callable[[Webhook], None] = lambda _: None,
    ) -> Webhook:
        """Change what is not None. Raises NotFound, InvalidRequest, TooManyRequests.

        `by`: who owns it from now on, if it is turned on after its owner has ended. An inactive
        one is not notified of what happens meanwhile, also later. `check` sees it as it is when
        it is changed, and raises where it may not be.
        """
        with writing(self._engine) as connection:
            hook = self._read(connection, _of(webhook_id).with_for_update())
            check(hook)
            values = self._changed(
                hook,
                url=url,
                events=events,
                description=description,
                is_active=is_active,
                sends_everything=sends_everything,
                for_people=for_people,
            )
            if is_active and not hook.is_active:
                values["event_id"] = _newest()
                if by is not None and ended_among(connection, {hook.created_by_id}, utcnow()):
                    check_webhook_count(connection, by.identity_id, is_new=False)
                    values |= {"created_by": asdict(by), "created_by_id": by.identity_id}
                    values.setdefault("sends_everything", by_administrator)
            connection.execute(
                update(t.webhook).where(t.webhook.c.webhook_id == webhook_id).values(**values)
            )
        return self.get(webhook_id)

    def _changed(
        self,
        hook: Webhook,
        *,
        url: str | None,
        events: tuple[str, ...] | None,
        description: str | None,
        is_active: bool | None,
        sends_everything: bool | None,
        for_people: ForPeople | None,
    ) -> dict[str, Any]:
        values: dict[str, Any] = {"updated_at": utcnow()}
        if url is not None:
            address = self._checked_url(hook.kind, url)
            values["url"] = shown_address(hook.kind, address)
            if hook.kind in CHATS:
                values["secret"] = self._sealed_secret(hook.webhook_id, hook.kind, address)
        if events is not None:
            values["events"] = list(_checked_events(events))
        wanted = for_people or hook.for_people
        check_people(hook.kind, tuple(values.get("events", hook.events)), wanted)
        if wanted.names_patients:
            check_naming(hook.kind, hook.address if url is None else address, self._settings)
        if for_people is not None:
            values |= asdict(for_people)
        if description is not None:
            values["description"] = description
        if sends_everything is not None:
            values["sends_everything"] = sends_everything
        if is_active is not None:
            values["is_active"] = is_active
        return values

    def new_secret(self, webhook_id: str) -> Webhook:
        """Sign with another secret from now on. Raises NotFound, InvalidRequest."""
        hook = self.get(webhook_id)
        if hook.kind not in PROGRAMS:
            raise InvalidRequest(
                f"What goes to a receiver of kind {hook.kind} is not signed.",
                remedy="Change its address instead.",
            )
        sealed = self._sealed_secret(webhook_id, hook.kind, hook.url)
        self._update(webhook_id, {"secret": sealed, "updated_at": utcnow()})
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

    def _read(self, connection: Connection, statement: Select[Any]) -> Webhook:
        row = connection.execute(statement).mappings().first()
        if row is None:
            raise _not_found()
        return self._opened(dict(row))

    def _sealed_secret(self, webhook_id: str, kind: WebhookKind, address: str) -> str:
        """What signs for a program; the address of a chat, which lets one write there."""
        secret = signing_secret()
        if kind not in PROGRAMS:
            secret = address if kind in CHATS else ""
        return self._sealer.seal(secret, f"webhook:{webhook_id}")

    def _opened(self, row: dict[str, Any]) -> Webhook:
        secret = self._sealer.open(row["secret"], f"webhook:{row['webhook_id']}")
        for_people = ForPeople(**{name: row[name] for name in ForPeople.__dataclass_fields__})
        own: dict[str, Any] = {
            "events": tuple(row["events"]),
            "secret": secret,
            "for_people": for_people,
        }
        names = (name for name in Webhook.__dataclass_fields__ if name not in own)
        return Webhook(**{name: row[name] for name in names}, **own)

    def _checked_url(self, kind: WebhookKind, url: str) -> str:
        return checked_address(kind, url, self._settings)


def signing_secret() -> str:
    """A new one, as Standard Webhooks writes it."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _of(webhook_id: str) -> Select[Any]:
    return select(t.webhook).where(t.webhook.c.webhook_id == webhook_id)


def _not_found() -> NotFound:
    return NotFound(
        "There is no webhook under that identifier.", remedy="GET /api/webhooks lists them."
    )


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
