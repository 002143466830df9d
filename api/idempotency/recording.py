"""Keeping the first answer under its key, before its last part leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

from api.idempotency.rights import rights_of, studies_of
from storage.core.errors import MediViewError
from storage.idempotency.repository import Answer, IdempotencyKey, IdempotencyKeys

log = structlog.get_logger(__name__)

_KEPT_HEADERS = ("content-type", "location")
_MAX_ANSWER_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Hold:
    """A key that is this request's until it ends."""

    keys: IdempotencyKeys
    key: IdempotencyKey
    attempt: str

    async def keep(self, answer: Answer) -> None:
        await self._try(partial(self.keys.finish, self.key, self.attempt, answer))

    async def forget(self) -> None:
        await self._try(partial(self.keys.forget, self.key, self.attempt))

    async def _try(self, change: Callable[[], None]) -> None:
        try:
            await run_in_threadpool(change)
        except MediViewError as error:
            # The client gets its answer; a repetition meets the lock until that ends.
            log.error("idempotent_answer_not_stored", error=error.code)


class Recorder:
    """Passes an answer on; before its last part leaves it is kept, or its key is free again."""

    def __init__(self, send: Send, hold: Hold, scope: Scope) -> None:
        self._send = send
        self._scope = scope
        self._rights = rights_of(scope)
        self._hold = hold
        self._status = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = 0
        self.is_settled = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = Headers(raw=message.get("headers", []))
            self._headers = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
        elif message["type"] == "http.response.body":
            part = message.get("body", b"")
            self._size += len(part)
            if self._size <= _MAX_ANSWER_BYTES:
                self._parts.append(part)
            if not message.get("more_body", False):
                if self._was_done():
                    body = b"".join(self._parts)
                    studies = studies_of(self._scope, body)
                    answer = Answer(self._status, self._headers, body, self._rights, studies)
                    await self._hold.keep(answer)
                else:
                    await self._hold.forget()
                self.is_settled = True
        await self._send(message)

    def _was_done(self) -> bool:
        return 200 <= self._status < 300 and self._size <= _MAX_ANSWER_BYTES
