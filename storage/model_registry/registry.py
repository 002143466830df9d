"""What the node knows of each version of a model: its state, its proof, who decided.

added → verified → active, shadow or retired. Only what is active makes results.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.events.payloads import ModelEvent
from storage.events.repository import add_event
from storage.model_registry.evaluation import KeptEvaluation

ModelState = Literal["added", "verified", "active", "shadow", "retired"]


@dataclass(frozen=True)
class ModelRecord:
    """One version. `answer` is what its self-test gave when it was verified."""

    name: str
    version: str
    digest: str
    """SHA-256 over the names and digests of its files; another one is another model."""
    state: ModelState
    detail: str
    answer: Mapping[str, float]
    evaluation: KeptEvaluation
    """The last evaluation of this digest: metrics, when, how many cases; empty: none yet."""
    verified_at: datetime | None
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True)
class ModelChange:
    """One line of a model's history; `from_state` is empty at the beginning."""

    version: str
    from_state: str
    to_state: ModelState
    detail: str
    changed_at: datetime
    changed_by: str


class ModelStates:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str, version: str) -> ModelRecord | None:
        """None where nobody has decided on it and it was never proven here."""
        with reading(self._engine) as connection:
            return _read(connection, name, version)

    def all(self) -> dict[tuple[str, str], ModelRecord]:
        """Every version that the node knows, by name and version."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.model_state)).mappings()
            return {(row["name"], row["version"]): _record(row) for row in rows}

    def move(
        self,
        name: str,
        version: str,
        digest: str,
        state: ModelState,
        by: str,
        *,
        detail: str = "",
        answer: Mapping[str, float] | None = None,
        verified_at: datetime | None = None,
    ) -> ModelRecord:
        """Put a version into a state and note who did; `answer` and `verified_at` stay where
        they are not given and the digest is the same.

        A version that becomes active retires the one that was.
        """
        now = utcnow()
        with writing(self._engine) as connection:
            before = _read(connection, name, version)
            same = before is not None and before.digest == digest
            kept = before if same else None
            values = {
                "digest": digest,
                "state": state,
                "detail": detail,
                "answer": dict(answer if answer is not None else kept.answer if kept else {}),
                "evaluation": dict(kept.evaluation) if kept else {},
                "verified_at": verified_at or (kept.verified_at if kept else None),
                "changed_at": now,
                "changed_by": by,
            }
            if state == "active":
                _retire_others(connection, name, version, by, now)
            _write(connection, name, version, before is not None, values)
            _note(connection, name, version, before.state if before else "", state, by, now, detail)
            return cast(ModelRecord, _read(connection, name, version))

    def keep_evaluation(self, name: str, version: str, evaluation: KeptEvaluation) -> bool:
        """Keep what an evaluation measured; False where the version is not known."""
        with writing(self._engine) as connection:
            done = connection.execute(
                update(t.model_state)
                .where(t.model_state.c.name == name, t.model_state.c.version == version)
                .values(evaluation=dict(evaluation))
            )
            return bool(done.rowcount)

    def history(self, name: str) -> list[ModelChange]:
        """All that became of a model, newest first."""
        query = select(t.model_change).where(t.model_change.c.name == name)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(t.model_change.c.id.desc())).mappings()
            return [
                ModelChange(
                    row["version"],
                    row["from_state"],
                    row["to_state"],
                    row["detail"],
                    row["changed_at"],
                    row["changed_by"],
                )
                for row in rows
            ]


def _retire_others(connection: Connection, name: str, version: str, by: str, now: datetime) -> None:
    active = select(t.model_state.c.version).where(
        t.model_state.c.name == name,
        t.model_state.c.version != version,
        t.model_state.c.state == "active",
    )
    for other in connection.execute(active).scalars().all():
        detail = f"Version {version} took its place."
        values = {"state": "retired", "detail": detail, "changed_at": now, "changed_by": by}
        _write(connection, name, other, True, values)
        _note(connection, name, other, "active", "retired", by, now, detail)


def _read(connection: Connection, name: str, version: str) -> ModelRecord | None:
    query = select(t.model_state).where(
        t.model_state.c.name == name, t.model_state.c.version == version
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else _record(row)


def _record(row: RowMapping) -> ModelRecord:
    return ModelRecord(**row)


def _write(
    connection: Connection, name: str, version: str, known: bool, values: Mapping[str, Any]
) -> None:
    if known:
        connection.execute(
            update(t.model_state)
            .where(t.model_state.c.name == name, t.model_state.c.version == version)
            .values(**values)
        )
    else:
        connection.execute(insert(t.model_state).values(name=name, version=version, **values))


def _note(
    connection: Connection,
    name: str,
    version: str,
    before: str,
    after: ModelState,
    by: str,
    now: datetime,
    detail: str,
) -> None:
    connection.execute(
        insert(t.model_change).values(
            name=name,
            version=version,
            from_state=before,
            to_state=after,
            detail=detail,
            changed_at=now,
            changed_by=by,
        )
    )
    add_event(
        connection,
        now,
        "model",
        "",
        payload=ModelEvent(model=name, version=version, state=after),
    )
