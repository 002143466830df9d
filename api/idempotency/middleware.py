"""Idempotency keys: a POST that is sent again is answered again, and not done again.

`Idempotency-Key` on a POST with a JSON body, or none, below `/api`
(draft-ietf-httpapi-idempotency-key-header). The same key of the same principal on
the same route and body replays the first answer, whichever process gave it, unless rights have
ended since with which it was given.
"""

import hashlib
import uuid

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.rule_index import RuleIndex
from api.audit.middleware import NAMED_STUDIES
from api.errors import ApiProblem, problem_response, status_of
from api.idempotency.keys import HEADER, read_key
from api.idempotency.recording import Hold, Recorder
from api.idempotency.rights import is_allowed
from api.middleware.refusing import refuse
from storage.container import Storage
from storage.core.errors import MediViewError
from storage.idempotency.repository import Answer, Begun
from storage.settings import Settings

# Longer than any answer takes; a process that died holds its keys for so long.
_LOCK_S = 330.0
_REPLAYED = "Idempotency-Replayed"


class Idempotency:
    def __init__(self, app: ASGIApp, settings: Settings, rules: RuleIndex) -> None:
        self.app = app
        self._retention_s = settings.idempotency_retention_s
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "POST"
            or not scope["path"].startswith("/api/")
        ):
            await self.app(scope, receive, send)
            return
        header = Headers(scope=scope).get(HEADER)
        if header is None:
            await self.app(scope, receive, send)
            return
        try:
            key = read_key(scope, header)
            body = await _whole(receive)
            storage: Storage = scope["app"].state.storage
            keys = storage.idempotency_keys
            attempt = str(uuid.uuid4())
            begun = await run_in_threadpool(
                keys.begin, key, _digest(scope, body), attempt, _LOCK_S, self._retention_s
            )
            if isinstance(begun, Answer):
                if not await run_in_threadpool(is_allowed, storage.engine, scope, begun):
                    raise _conflict("other-rights")
                self._name_route(scope)
                scope.setdefault("state", {})[NAMED_STUDIES] = begun.study_instance_uids
                await _replay(begun, send)
                return
            if begun != "ours":
                raise _conflict(begun)
        except ApiProblem as problem:
            self._name_route(scope)
            await refuse(scope, receive, send, problem)
            return
        except HTTPException as error:
            await _refuse_as(
                scope, receive, send, error.status_code, "limit_exceeded", error.detail
            )
            return
        except MediViewError as error:
            await _refuse_as(
                scope, receive, send, status_of(error), error.code, error.message, error.remedy
            )
            return
        await self._do(Hold(keys, key, attempt), scope, _again(body, receive), send)

    def _name_route(self, scope: Scope) -> None:
        """For the log, the metrics and the audit trail: the router is not asked this time."""
        rule = self._rules.find("POST", scope["path"])
        if rule is not None:
            scope["route"] = rule

    async def _do(self, hold: Hold, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it done, and keep the answer where something was done."""
        recorder = Recorder(send, hold, scope)
        try:
            await self.app(scope, receive, recorder.send)
        finally:
            if not recorder.is_settled:
                await hold.forget()


def _digest(scope: Scope, body: bytes) -> str:
    digest = hashlib.sha256(scope.get("query_string", b""))
    digest.update(b"\0")
    digest.update(body)
    return digest.hexdigest()


async def _whole(receive: Receive) -> bytes:
    """The body, which a limit further out keeps small. Raises HTTPException beyond it."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "The client has left.")
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _replay(answer: Answer, send: Send) -> None:
    headers = {**answer.headers, _REPLAYED: "true", "content-length": str(len(answer.body))}
    if answer.status == 204:
        del headers["content-length"]
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})


async def _refuse_as(
    scope: Scope,
    receive: Receive,
    send: Send,
    status: int,
    code: str,
    detail: str,
    remedy: str = "",
) -> None:
    request_id = str(scope.get("state", {}).get("request_id", ""))
    response = problem_response(status, code, detail, remedy=remedy, request_id=request_id)
    await response(scope, receive, send)


def _conflict(begun: Begun) -> ApiProblem:
    if begun == "other-rights":
        return ApiProblem(
            403,
            "idempotency_rights_ended",
            "The first request under this Idempotency-Key was answered when you had rights that"
            " have ended.",
            remedy="It was done. Look with what you may see now, or send it with a new key.",
        )
    if begun == "other-request":
        return ApiProblem(
            422,
            "idempotency_key_reused",
            "The Idempotency-Key was used for another request.",
            remedy="Make a new key for each request; keep it only to send the very same again.",
        )
    return ApiProblem(
        409,
        "idempotency_in_flight",
        "The first request under this Idempotency-Key is still under way.",
        remedy="Wait a moment, and send it again with the same key.",
        headers={"Retry-After": "1"},
    )
