"""Idempotency keys: a POST that is sent again is answered again, and not done again.

`Idempotency-Key` on a POST with a JSON body, or none, below `/api`
(draft-ietf-httpapi-idempotency-key-header). The same key of the same principal on
the same route and body replays the first answer, whichever process gave it, unless rights have
ended since with which it was given.
"""

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.principal import principal_of
from api.access.rule_index import RuleIndex
from api.audit.middleware import NAMED_STUDIES
from api.errors import ApiProblem, problem_response, status_of
from api.middleware.refusing import refuse
from storage.access_groups.visibility import all_seen
from storage.container import Storage
from storage.core.errors import MediViewError
from storage.core.visibility import current_visibility
from storage.idempotency.repository import Answer, Begun, IdempotencyKey, IdempotencyKeys, Rights
from storage.settings import Settings

log = structlog.get_logger(__name__)

_HEADER = "idempotency-key"
# Below 16 characters a key is guessed, and with it what it keeps.
_KEY = re.compile(r"[\x21-\x7e]{16,255}")
# Its answer is a cookie, and who signs in is not known yet.
_EXCLUDED = frozenset({"/api/session"})
_JSON = "application/json"
# One, or a list of them.
_STUDIES = re.compile(rb'study_instance_uids?"\s*:\s*("[0-9.]*"|\[[^\]]*\])')
_UID = re.compile(rb'"([0-9.]{1,64})"')
_KEPT_HEADERS = ("content-type", "location")
_MAX_ANSWER_BYTES = 1024 * 1024
# Longer than any answer takes; a process that died holds its keys for so long.
_LOCK_S = 330.0
_REPLAYED = "Idempotency-Replayed"

DESCRIPTION: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes it safe to send the request again: the same key with the same body is answered"
        " as the first time, with `Idempotency-Replayed: true`, and nothing is done twice."
        " Another body under the key is 422 `idempotency_key_reused`; one whose first request"
        " is still under way 409 `idempotency_in_flight`. Who has lost rights since is not"
        " answered again: 403 `idempotency_rights_ended`. A refusal is not kept. A UUID is a"
        " good key; it holds for a day."
    ),
    "schema": {"type": "string", "minLength": 16, "maxLength": 255},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def takes_key(path: str, method: str, operation: dict[str, Any]) -> bool:
    """Whether an operation of the description takes an idempotency key."""
    content = operation.get("requestBody", {}).get("content", {_JSON: {}})
    is_ours = path.startswith("/api/") and path not in _EXCLUDED
    return method == "post" and is_ours and _JSON in content


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
        header = Headers(scope=scope).get(_HEADER)
        if header is None:
            await self.app(scope, receive, send)
            return
        try:
            key = _read_key(scope, header)
            body = await _whole(receive)
            storage: Storage = scope["app"].state.storage
            keys = storage.idempotency_keys
            attempt = str(uuid.uuid4())
            begun = await run_in_threadpool(
                keys.begin, key, _digest(scope, body), attempt, _LOCK_S, self._retention_s
            )
            if isinstance(begun, Answer):
                if not await run_in_threadpool(_is_allowed, storage, scope, begun):
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
        await self._do(_Hold(keys, key, attempt), scope, _again(body, receive), send)

    def _name_route(self, scope: Scope) -> None:
        """For the log, the metrics and the audit trail: the router is not asked this time."""
        rule = self._rules.find("POST", scope["path"])
        if rule is not None:
            scope["route"] = rule

    async def _do(self, hold: "_Hold", scope: Scope, receive: Receive, send: Send) -> None:
        """Have it done, and keep the answer where something was done."""
        recorder = _Recorder(send, hold, scope)
        try:
            await self.app(scope, receive, recorder.send)
        finally:
            if not recorder.is_settled:
                await hold.forget()


@dataclass(frozen=True)
class _Hold:
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


class _Recorder:
    """Passes an answer on; before its last part leaves it is kept, or its key is free again."""

    def __init__(self, send: Send, hold: _Hold, scope: Scope) -> None:
        self._send = send
        self._scope = scope
        self._rights = _rights(scope)
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
                    studies = _studies(self._scope, body)
                    answer = Answer(self._status, self._headers, body, self._rights, studies)
                    await self._hold.keep(answer)
                else:
                    await self._hold.forget()
                self.is_settled = True
        await self._send(message)

    def _was_done(self) -> bool:
        return 200 <= self._status < 300 and self._size <= _MAX_ANSWER_BYTES


def _read_key(scope: Scope, header: str) -> IdempotencyKey:
    path = scope["path"]
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if path in _EXCLUDED or media_type not in ("", _JSON):
        raise ApiProblem(
            400,
            "idempotency_unsupported",
            "This request takes no Idempotency-Key.",
            remedy="Leave it out. Keys hold for requests with a JSON body or none.",
        )
    # A string of structured fields stands in quotes; many clients leave them out.
    value = header.strip()
    value = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    if not _KEY.fullmatch(value):
        raise ApiProblem(
            400,
            "idempotency_key_invalid",
            "The Idempotency-Key is not of 16 to 255 printable characters.",
            remedy="Make a new UUID for each request, and keep it when you send it again.",
        )
    principal = principal_of(scope)
    who = principal.identity.id if principal else ""
    return IdempotencyKey((who, "POST", path), value)


def _rights(scope: Scope) -> Rights:
    principal, visibility = principal_of(scope), current_visibility()
    return Rights(
        roles=tuple(sorted(principal.roles)) if principal else (),
        scopes=tuple(sorted(principal.scopes)) if principal else (),
        is_person=principal is not None and principal.is_person,
        group_ids=visibility.group_ids if visibility else None,
        sees_unmatched=visibility.sees_unmatched if visibility else True,
    )


def _studies(scope: Scope, body: bytes) -> tuple[str, ...]:
    """What is asked about and what is answered."""
    named = (scope.get("state") or {}).get(NAMED_STUDIES, ())
    in_path = (scope.get("path_params") or {}).get("study_instance_uid")
    in_body = (uid.decode() for one in _STUDIES.findall(body) for uid in _UID.findall(one))
    return tuple(dict.fromkeys((*([str(in_path)] if in_path else ()), *named, *in_body)))


def _is_allowed(storage: Storage, scope: Scope, answer: Answer) -> bool:
    """Whether who asks still has the rights with which it was answered. Raises StorageUnavailable.

    The role that the route needs, and whether the account or key still is, were looked at before.
    """
    if not _rights(scope).include(answer.rights):
        return False
    return all_seen(storage.engine, current_visibility(), answer.study_instance_uids)


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
