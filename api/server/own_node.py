"""Asking one's own node over HTTP, also where it wants to know who asks."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import httpx

from api.server.own_addresses import own_http_url
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.settings import Settings

_KEY_LIVES = timedelta(minutes=15)


@contextmanager
def own_node(
    settings: Settings, timeout_s: float = 10.0, scopes: Sequence[str] = ("api:read",)
) -> Iterator[httpx.Client]:
    """A client of the node's own API.

    Where sign-in is required, it has a key of these `scopes` that lives as long as this
    context, made in the database: who can write there needs no other proof. Without a
    database it has none.
    """
    with httpx.Client(base_url=own_http_url(settings), timeout=timeout_s) as client:
        if settings.auth == "none":
            yield client
            return
        try:
            with open_storage(settings) as storage:
                key, secret = storage.api_keys.create(
                    f"command {secrets.token_hex(8)}",
                    ["integrator"],
                    list(scopes),
                    created_by="operator",
                    expires_at=utcnow() + _KEY_LIVES,
                )
        except MediViewError:
            yield client
            return
        client.headers["Authorization"] = f"Bearer {secret}"
        try:
            yield client
        finally:
            with open_storage(settings) as storage:
                storage.api_keys.forget(key.key_id)
