"""Who is notified over HTTP. `mediview_client.verify_notice` checks what arrives there."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client.paths import segment

_PATH = "/api/v1/webhooks"


class AsyncWebhooks:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    def all(self) -> AsyncIterator[types.Webhook]:
        return self._http.pages(_PATH)

    async def get(self, webhook_id: str) -> types.Webhook:
        return cast(types.Webhook, await self._http.get(f"{_PATH}/{segment(webhook_id)}"))

    async def add(
        self, url: str, events: Sequence[str], *, description: str = ""
    ) -> types.WebhookWithSecret:
        """The answer carries the secret that signs the notices; it is shown this once."""
        wanted = {"url": url, "events": list(events), "description": description}
        return cast(types.WebhookWithSecret, await self._http.post(_PATH, wanted))

    async def change(self, webhook_id: str, **changes: Any) -> types.Webhook:
        """`url`, `events`, `description`, `is_active`; what is not named stays."""
        response = await self._http.request("PATCH", f"{_PATH}/{segment(webhook_id)}", json=changes)
        return cast(types.Webhook, response.json())

    async def ping(self, webhook_id: str) -> types.WebhookPinged:
        return cast(
            types.WebhookPinged, await self._http.post(f"{_PATH}/{segment(webhook_id)}/ping")
        )

    def deliveries(self, webhook_id: str) -> AsyncIterator[types.WebhookDelivery]:
        return self._http.pages(f"{_PATH}/{segment(webhook_id)}/deliveries")

    async def remove(self, webhook_id: str) -> None:
        await self._http.request("DELETE", f"{_PATH}/{segment(webhook_id)}")
