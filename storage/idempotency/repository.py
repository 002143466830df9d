"""Answers kept under idempotency keys, so that a repeated request is not done twice.

Only who knows the key can read an answer: what is kept is encrypted by the key,
and the key itself is kept as a digest. Answers hold secrets and patients' data.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, Engine, delete, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.joined_writes import joining_nothing

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

Begun = Literal["ours", "other-request", "other-rights", "in-flight"]

# Takers-over of a row that ended meanwhile; each round somebody gets on.
_ROUNDS = 5


@dataclass(frozen=True)
class Rights:
    """What somebody may do and see at a moment. `group_ids`: None for who sees everything."""

    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    is_person: bool = False
    group_ids: tuple[int, ...] | None = None
    sees_unmatched: bool = True

    def include(self, earlier: "Rights") -> bool:
        """Whether nothing of the earlier ones has ended."""
        return (
            set(earlier.roles) <= set(self.roles)
            and set(earlier.scopes) <= set(self.scopes)
            and self.is_person >= earlier.is_person
            and self._see_all_of(earlier)
        )

    def _see_all_of(self, earlier: "Rights") -> bool:
        if self.group_ids is None:
            return True
        if earlier.group_ids is None:
            return False
        return self.sees_unmatched >= earlier.sees_unmatched and set(earlier.group_ids) <= set(
            self.group_ids
        )


@dataclass(frozen=True)
class Answer:
    """`rights`: those of who asked. `study_instance_uids`: what the answer is about."""

    status: int
    headers: dict[str, str]
    body: bytes
    rights: Rights = Rights()
    study_instance_uids: tuple[str, ...] = ()


@dataclass(frozen=True)
class IdempotencyKey:
    """`parts`: who asks, by which method, for what. `key`: as the client sent it."""

    parts: tuple[str, ...]
    key: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self._bytes("find")).hexdigest()

    @property
    def cipher(self) -> "Fernet":
        # Here, for few processes keep answers.
        from cryptography.fernet import Fernet

        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(self._bytes("read")).digest()))

    def _bytes(self, purpose: str) -> bytes:
        return json.dumps([purpose, *self.parts, self.key]).encode()


class IdempotencyKeys:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @joining_nothing()
    def begin(
        self, key: IdempotencyKey, request_hash: str, attempt: str, lock_s: float, kept_s: float
    ) -> Begun | Answer:
        """Take the key for this attempt, or say why not, or what was answered before.

        An attempt that has not ended after `lock_s` is taken for dead, and its key is free.
        """
        for _ in range(_ROUNDS):
            now = utcnow()
            taken = {
                "request_hash": request_hash,
                "attempt": attempt,
                "answer": None,
                "locked_until": now + timedelta(seconds=lock_s),
                "expires_at": now + timedelta(seconds=max(kept_s, lock_s)),
            }
            with writing(self._engine) as connection:
                if insert_or_ignore(
                    connection, t.idempotency_key, {"key_hash": key.digest, **taken}
                ):
                    return "ours"
            with reading(self._engine) as connection:
                row = (
                    connection.execute(
                        select(t.idempotency_key).where(t.idempotency_key.c.key_hash == key.digest)
                    )
                    .mappings()
                    .first()
                )
            if row is None:
                continue
            is_over = row["expires_at"] <= now
            is_dead = row["answer"] is None and row["locked_until"] <= now
            if is_over or is_dead:
                if not is_over and row["request_hash"] != request_hash:
                    return "other-request"
                if self._take_over(key, row["attempt"], taken):
                    return "ours"
                continue
            if row["request_hash"] != request_hash:
                return "other-request"
            return "in-flight" if row["answer"] is None else _opened(key, row["answer"])
        return "in-flight"

    @joining_nothing()
    def finish(self, key: IdempotencyKey, attempt: str, answer: Answer) -> None:
        """Keep what was answered."""
        with writing(self._engine) as connection:
            connection.execute(
                update(t.idempotency_key)
                .where(*_ours(key, attempt))
                .values(answer=_sealed(key, answer))
            )

    @joining_nothing()
    def forget(self, key: IdempotencyKey, attempt: str) -> None:
        """Nothing was done: the same key may be used again."""
        with writing(self._engine) as connection:
            connection.execute(delete(t.idempotency_key).where(*_ours(key, attempt)))

    def prune(self, now: datetime) -> None:
        """Let go of answers that are no longer promised."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.idempotency_key).where(t.idempotency_key.c.expires_at <= now)
            )

    def _take_over(self, key: IdempotencyKey, attempt: str, values: Mapping[str, object]) -> bool:
        with writing(self._engine) as connection:
            taken = connection.execute(
                update(t.idempotency_key)
                .where(*_ours(key, attempt))
                .values(**values)
                .returning(t.idempotency_key.c.key_hash)
            ).first()
        return taken is not None


def _ours(key: IdempotencyKey, attempt: str) -> tuple[ColumnElement[bool], ...]:
    return (
        t.idempotency_key.c.key_hash == key.digest,
        t.idempotency_key.c.attempt == attempt,
    )


def _sealed(key: IdempotencyKey, answer: Answer) -> bytes:
    stored = asdict(answer)
    del stored["body"]
    head = json.dumps(stored).encode()
    return key.cipher.encrypt(head + b"\n" + answer.body)


def _opened(key: IdempotencyKey, sealed: bytes) -> Begun | Answer:
    from cryptography.fernet import InvalidToken

    try:
        head, _, body = key.cipher.decrypt(bytes(sealed)).partition(b"\n")
    except InvalidToken:
        return "other-request"  # a row that was tampered with
    stored = json.loads(head)
    if "rights" not in stored:
        return "other-rights"  # of an earlier version, which kept none
    rights = {name: _tuple(value) for name, value in stored["rights"].items()}
    return Answer(
        stored["status"],
        stored["headers"],
        body,
        Rights(**rights),
        tuple(stored["study_instance_uids"]),
    )


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
