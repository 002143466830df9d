"""Say that what went to a receiver was given up."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.events.payloads import DeliveryEvent
from storage.events.repository import add_event
from storage.webhooks.payloads import FAILED


def announce_given_up(connection: Connection, webhook_id: str, notices: Sequence[Any]) -> None:
    """One event for notices that were given up together: rows of `webhook_delivery`.

    That those were given up which tell of nothing else is no event: two receivers would notify
    each other for ever.
    """
    studies = {
        str(one.payload["data"].get("study_instance_uid", ""))
        for one in notices
        if one.event_type != FAILED
    }
    if not studies:
        return
    hook = t.webhook.c
    kind, url = connection.execute(
        select(hook.kind, hook.url).where(hook.webhook_id == webhook_id)
    ).one()
    add_event(
        connection,
        utcnow(),
        "delivery",
        studies.pop() if len(studies) == 1 else "",
        # Neither the path, which may hold a token, nor who gets the mail.
        payload=DeliveryEvent(destination=f"{kind} {_host(url)}", state="FAILED"),
    )


def _host(url: str) -> str:
    """Of a mail address its domain."""
    return urlsplit(url).hostname or url.rpartition("@")[2]
