"""Sessions of interactive models: who has one open, what was clicked, what a worker answered.

The row is all that the API and a worker share, so that they may be on different hosts. The
series and the network are in the memory of the one process that holds the lease; a session whose
process has ended is over, since nobody else has them.
"""

import uuid
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.errors import NotFound, SessionOver, StateConflict, TooManyRequests
from storage.db.engine import reading, writing
from storage.interactive.entities import (
    Acceptance,
    Box,
    Grid,
    InitialMask,
    InteractiveSession,
    MaskPlace,
    Point,
    SessionProblem,
    Shape,
)
from storage.outbox.tables import INTERACTIVE_SESSIONS

_OPEN_LOCK = 0x6D76696F
LEASE_S = 36.0
"""So long after its last sign of life a worker's process counts as ended; clocks of two hosts may
be 30 s apart."""
_UNCLAIMED_S = 90.0
_REMEMBERED = timedelta(hours=1)
"""How long the reason of a session that is over can be read."""
# A JSON column holds no NULL, but the null of JSON.
_IS_NOT_ACCEPTED = func.coalesce(cast(t.interactive_session.c.acceptance, Text), "null") == "null"
_COLUMNS = [t.interactive_session.c[field.name] for field in fields(InteractiveSession)]


class InteractiveSessions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(
        self,
        study_instance_uid: str,
        series_instance_uid: str,
        pipeline: str,
        pipeline_version: str,
        structure: str,
        owner_id: str,
        at_most: int,
        now: datetime,
    ) -> InteractiveSession:
        """A new session, which a worker takes up. One that its owner has already ends.

        Raises TooManyRequests where `at_most` of others are open.
        """
        session_id = str(uuid.uuid4())
        with as_node(), writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                # Others would count while this one is not yet to be seen. SQLite has one writer.
                connection.execute(select(func.pg_advisory_xact_lock(_OPEN_LOCK)))
            _end_lost(connection, now)
            _end(
                connection,
                "It ended because the same person opened another.",
                t.interactive_session.c.owner_id == owner_id,
            )
            connection.execute(
                delete(t.interactive_session).where(
                    t.interactive_session.c.state == "ended",
                    t.interactive_session.c.used_at < now - _REMEMBERED,
                )
            )
            others = connection.scalar(
                select(func.count())
                .select_from(t.interactive_session)
                .where(t.interactive_session.c.state != "ended")
            )
            if (others or 0) >= at_most:
                raise TooManyRequests(
                    f"{others} sessions of interactive models are open, which is as many as"
                    " this node may have (MEDIVIEW_INTERACTIVE_SESSIONS).",
                    remedy="Wait until somebody has finished, and try again.",
                )
            connection.execute(
                insert(t.interactive_session).values(
                    session_id=session_id,
                    study_instance_uid=study_instance_uid,
                    series_instance_uid=series_instance_uid,
                    pipeline=pipeline,
                    pipeline_version=pipeline_version,
                    structure=structure,
                    owner_id=owner_id,
                    state="opening",
                    points=[],
                    box=None,
                    shapes=[],
                    wanted=0,
                    answered=0,
                    problem=None,
                    mask=None,
                    mask_place=None,
                    voxels=0,
                    took_ms=0,
                    grid=None,
                    acceptance=None,
                    created_at=now,
                    used_at=now,
                )
            )
        return self.get(session_id, owner_id, now)

    def get(self, session_id: str, owner_id: str, now: datetime) -> InteractiveSession:
        """Raises NotFound, also for a session of somebody else."""
        found = self._find(session_id)
        if found is None or found.owner_id != owner_id:
            raise NotFound(
                "There is no session under that identifier.",
                remedy="Sessions end when nobody uses them; open another.",
            )
        if _is_lost(found, now):
            with as_node(), writing(self._engine) as connection:
                _end_lost(connection, now)
            return self._find(session_id) or found
        return found

    def grid(self, session_id: str) -> Grid | None:
        """Of the volume, once a worker has it."""
        grid: Grid | None = self._value(session_id, t.interactive_session.c.grid)
        return grid

    def mask(self, session_id: str) -> bytes:
        """gzip of the bits within `mask_place`; empty where no voxel is in it."""
        return self._value(session_id, t.interactive_session.c.mask) or b""

    def change(
        self,
        session: InteractiveSession,
        points: Sequence[Point],
        box: Box | None,
        now: datetime,
        shapes: Sequence[Shape] = (),
        initial: InitialMask | None = None,
    ) -> InteractiveSession:
        """Let these points, this box, these shapes and this initial mask hold from now on.

        Raises StateConflict where the session has ended, or was changed meanwhile.
        """
        values = {
            "points": list(points),
            "box": box,
            "shapes": list(shapes),
            "initial": initial,
            "wanted": session.wanted + 1,
        }
        return self._by_owner(session, {**values, "used_at": now}, now)

    def accept(
        self, session: InteractiveSession, acceptance: Acceptance, now: datetime
    ) -> InteractiveSession:
        """Ask for the mask to be saved. Raises StateConflict."""
        values = {"acceptance": acceptance, "problem": None, "job_id": "", "used_at": now}
        return self._by_owner(session, values, now)

    def end(self, session_id: str, reason: str) -> None:
        """Doing it again changes nothing."""
        with as_node(), writing(self._engine) as connection:
            _end(connection, reason, t.interactive_session.c.session_id == session_id)

    def claim(self, owner: str, now: datetime) -> InteractiveSession | None:
        """The oldest session that no worker has taken up yet; it is this worker's now."""
        table = t.interactive_session.c
        with writing(self._engine) as connection:
            _end_lost(connection, now)
            taken = INTERACTIVE_SESSIONS.take_first(
                connection,
                owner,
                LEASE_S,
                now,
                table.state == "opening",
                table.lease_owner == "",
                order=(table.created_at,),
            )
        return None if taken is None else self._find(taken["session_id"])

    def renew(self, session_id: str, owner: str, now: datetime) -> bool:
        """False where the session is over."""
        table = t.interactive_session.c
        is_open = table.session_id == session_id, table.state != "ended"
        with writing(self._engine) as connection:
            return INTERACTIVE_SESSIONS.renew(connection, owner, LEASE_S, now, *is_open)

    def look(self, session_id: str, owner: str) -> InteractiveSession | None:
        """The session as it is; None where it is over."""
        found = self._find(session_id)
        if found is None or found.state == "ended" or found.lease_owner != owner:
            return None
        return found

    def opened(self, session_id: str, owner: str, grid: Grid) -> bool:
        return self._by_worker(session_id, owner, state="ready", grid=grid)

    def answer(
        self,
        session_id: str,
        owner: str,
        number: int,
        *,
        mask: bytes | None = None,
        mask_place: MaskPlace | None = None,
        voxels: int = 0,
        took_ms: int = 0,
        problem: SessionProblem | None = None,
    ) -> bool:
        """The mask of the change of that number, or why there is none. False: it is over."""
        return self._by_worker(
            session_id,
            owner,
            answered=number,
            mask=mask,
            mask_place=mask_place,
            voxels=voxels,
            took_ms=took_ms,
            problem=problem,
        )

    def saved(self, session_id: str, owner: str, job_id: str) -> bool:
        return self._by_worker(session_id, owner, acceptance=None, job_id=job_id)

    def not_saved(self, session_id: str, owner: str, problem: SessionProblem) -> bool:
        return self._by_worker(session_id, owner, acceptance=None, problem=problem)

    def _value(self, session_id: str, column: Column[Any]) -> Any:
        of_session = t.interactive_session.c.session_id == session_id
        with reading(self._engine) as connection:
            return connection.scalar(select(column).where(of_session))

    def _find(self, session_id: str) -> InteractiveSession | None:
        with reading(self._engine) as connection:
            row = (
                connection.execute(
                    select(*_COLUMNS).where(t.interactive_session.c.session_id == session_id)
                )
                .mappings()
                .first()
            )
        return None if row is None else _session_of(row)

    def _by_owner(
        self, session: InteractiveSession, values: dict[str, Any], now: datetime
    ) -> InteractiveSession:
        table = t.interactive_session
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(table)
                .where(
                    table.c.session_id == session.session_id,
                    table.c.owner_id == session.owner_id,
                    table.c.state == "ready",
                    table.c.wanted == session.wanted,
                    table.c.lease_owner == session.lease_owner,
                    # What is accepted is what is saved: no click and no other acceptance between.
                    _IS_NOT_ACCEPTED,
                )
                .values(values)
            )
        after = self.get(session.session_id, session.owner_id, now)
        if not changed.rowcount:
            if after.state == "ended":
                raise session_over(after)
            raise StateConflict(
                "The session was changed meanwhile, is not ready yet, or its mask is being saved.",
                remedy="Read it again, and repeat the change.",
            )
        return after

    def _by_worker(self, session_id: str, owner: str, **values: Any) -> bool:
        table = t.interactive_session
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(table)
                .where(
                    table.c.session_id == session_id,
                    INTERACTIVE_SESSIONS.is_owned(owner),
                    table.c.state != "ended",
                )
                .values(values)
            )
        return bool(changed.rowcount)


def _session_of(row: RowMapping) -> InteractiveSession:
    return InteractiveSession(**row)


def session_over(session: InteractiveSession) -> SessionOver:
    return SessionOver(
        f"The session is over. {session.reason}".strip(), remedy="Open another session."
    )


def _is_lost(session: InteractiveSession, now: datetime) -> bool:
    if session.state == "ended":
        return False
    if session.lease_expires_at is not None:
        return session.lease_expires_at < now
    return session.created_at < now - timedelta(seconds=_UNCLAIMED_S)


def _end_lost(connection: Connection, now: datetime) -> None:
    """Sessions whose process gives no sign of life any more, and those that nobody took up."""
    table = t.interactive_session.c
    _end(
        connection,
        "The worker's process that had the series in memory ended, and the clicks with it.",
        and_(table.lease_owner != "", table.lease_expires_at < now),
    )
    _end(
        connection,
        f"No worker took it up within {_UNCLAIMED_S:g} s.",
        and_(table.lease_owner == "", table.created_at < now - timedelta(seconds=_UNCLAIMED_S)),
    )


def _end(connection: Connection, reason: str, condition: ColumnElement[bool]) -> None:
    connection.execute(
        update(t.interactive_session)
        .where(condition, t.interactive_session.c.state != "ended")
        .values(state="ended", reason=reason, mask=None, mask_place=None, acceptance=None)
    )
