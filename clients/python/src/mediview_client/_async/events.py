"""What happens on the node, as it happens."""

from collections.abc import AsyncIterator, Sequence
from typing import cast

import httpx

from mediview_client import types as answers
from mediview_client._async.http import AsyncHttp
from mediview_client._async.runtime import sleep
from mediview_client.errors import ApiError
from mediview_client.server_events import EventReader, NodeEvent

_RECONNECT_AFTER_S = 2.0
# Too many requests, or a node that restarts.
_PASSING = frozenset({429, 502, 503, 504})


class AsyncEvents:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def changes(
        self,
        *,
        after: int | None = None,
        study_instance_uid: str | None = None,
        types: Sequence[str] = (),
        limit: int = 200,
        wait_s: float = 0.0,
    ) -> answers.ChangePage:
        """A page of what happened after a number, for programs that keep a copy of the node.

        Without `after` there are no items: `next_after` is then the number to begin with, before
        everything is read once. `wait_s` (up to 30) waits for a change where there is none yet.
        Raises ApiError `events_gone` where the number is too old: begin at 0.
        """
        response = await self._http.request(
            "GET",
            "/api/v1/changes",
            query={
                "after": after,
                "study_instance_uid": study_instance_uid,
                "type": list(types) or None,
                "limit": limit,
                "wait_s": wait_s,
            },
            timeout_s=60.0,
        )
        return cast(answers.ChangePage, response.json())

    async def follow(
        self,
        *,
        after: int | None = None,
        study_instance_uid: str | None = None,
        types: Sequence[str] = (),
    ) -> AsyncIterator[NodeEvent]:
        """Events without end, from now on, or from the one after `after`.

        `types` such as `["job", "finding"]` and a study leave the others out.

        A stream that breaks off is opened again where it was. To go on after a restart of your
        program, keep the last `event_id`. The node keeps events for 30 days; a `reset` says that
        some are lost: read again what you copied.
        """
        query = {"study_instance_uid": study_instance_uid, "type": list(types) or None}
        reader = EventReader(after)
        while True:
            try:
                headers = {"Accept": "text/event-stream"}
                if reader.last_event_id is not None:
                    headers["Last-Event-ID"] = str(reader.last_event_id)
                async with self._http.stream("/api/v1/events", headers, query) as response:
                    async for line in response.aiter_lines():
                        event = reader.feed(line)
                        if event is not None:
                            yield event
            except httpx.TransportError:
                pass
            except ApiError as error:
                if error.status not in _PASSING:
                    raise
            # The node ends streams when it stops, and when the key's access ends.
            reader = EventReader(reader.last_event_id)
            await sleep(_RECONNECT_AFTER_S)
