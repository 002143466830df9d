"""How many procedure steps and availability notices are kept, and how long ones.

Nobody else ends them, and a peer that is let in once could fill the disk with them.
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, and_, delete, func, select

from storage import tables as t
from storage.core.callers.visibility import as_node
from storage.core.errors import LimitExceeded
from storage.db.engine import reading
from storage.mpps.senders import Sender

MOST_KEPT = 2_000
"""Of each: what a busy modality does in some weeks. Strangers are one peer together."""
MOST_BYTES = 256 << 20
"""Of each kind of one peer, with what they announce: some 600 steps of 1,000 instances."""
MOST_BYTES_OF_ALL = 1 << 30
"""Of each kind; where there are more, each peer has an equal part of it."""
_MOST_AT_ONCE = 100


def steps_to_let_go(
    engine: Engine, sender: Sender, size_bytes: int, *, grows: bool = False
) -> list[str]:
    """Those that ended longest ago, so that there is room for another one, or for one that grows.

    Raises LimitExceeded where so many of the peer, or so long ones, have not ended.
    """
    row = t.procedure_step.c
    found = _to_let_go(
        engine,
        t.procedure_step,
        row.updated_at,
        row.state != "IN PROGRESS",
        sender,
        size_bytes,
        0 if grows else 1,
    )
    if found is None:
        raise LimitExceeded(
            f"The peer has {MOST_KEPT} performed procedure steps that have not ended, or so long"
            " ones.",
            remedy="End them by N-SET before others begin.",
        )
    return found


def notices_to_let_go(engine: Engine, sender: Sender, size_bytes: int) -> list[str]:
    """The oldest, so that there is room for another one. Raises LimitExceeded."""
    since = t.availability_notice.c.received_at
    found = _to_let_go(engine, t.availability_notice, since, None, sender, size_bytes, 1)
    if found is None:
        raise LimitExceeded(
            "Availability notices of other peers take the room that there is.",
            remedy="Send a shorter one.",
        )
    return found


def let_steps_go(connection: Connection, sop_instance_uids: list[str]) -> None:
    """With what they announced."""
    _let_go(connection, t.procedure_step.c.sop_instance_uid, "mpps", sop_instance_uids)


def let_notices_go(connection: Connection, sop_instance_uids: list[str]) -> None:
    """With what they announced."""
    _let_go(connection, t.availability_notice.c.sop_instance_uid, "ian", sop_instance_uids)


def _let_go(
    connection: Connection, column: Column[Any], kind: str, sop_instance_uids: list[str]
) -> None:
    if not sop_instance_uids:
        return
    announced_by = [f"{kind}:{uid}" for uid in sop_instance_uids]
    connection.execute(delete(t.expectation).where(t.expectation.c.announced_by.in_(announced_by)))
    connection.execute(delete(column.table).where(column.in_(sop_instance_uids)))


def _to_let_go(
    engine: Engine,
    table: Table,
    since: Column[Any],
    may_go: ColumnElement[bool] | None,
    sender: Sender,
    size_bytes: int,
    number: int,
) -> list[str] | None:
    """None where too few may go."""
    of_sender = _of(table.c.identity_id, table.c.calling_ae_title, sender)
    with as_node(), reading(engine) as connection:
        count, kept_bytes = _kept(connection, table, of_sender)
        too_many = count + number - MOST_KEPT
        too_long = kept_bytes + size_bytes - _most_bytes(connection, table)
        if too_many <= 0 and too_long <= 0:
            return []
        chosen = of_sender if may_go is None else and_(of_sender, may_go)
        oldest = connection.execute(
            select(table.c.sop_instance_uid, table.c.size_bytes)
            .where(chosen)
            .order_by(since)
            .limit(_MOST_AT_ONCE)
        ).all()
    found: list[str] = []
    for uid, length in oldest:
        if too_many <= 0 and too_long <= 0:
            break
        found.append(uid)
        too_many, too_long = too_many - 1, too_long - length
    is_enough = (too_many <= 0 and too_long <= 0) or len(found) == _MOST_AT_ONCE
    return found if is_enough else None


def _kept(connection: Connection, table: Table, of_sender: ColumnElement[bool]) -> tuple[int, int]:
    query = select(func.count(), func.coalesce(func.sum(table.c.size_bytes), 0))
    count, size_bytes = connection.execute(query.select_from(table).where(of_sender)).one()
    return int(count), int(size_bytes)


def _most_bytes(connection: Connection, table: Table) -> int:
    """Of one peer, by how much there is of all of them."""
    peers = select(func.sum(table.c.size_bytes).label("size_bytes")).group_by(table.c.identity_id)
    query = select(func.count(), func.coalesce(func.sum(peers.subquery().c.size_bytes), 0))
    count, size_bytes = connection.execute(query).one()
    if int(size_bytes) < MOST_BYTES_OF_ALL:
        return MOST_BYTES
    return min(MOST_BYTES, MOST_BYTES_OF_ALL // max(1, int(count)))


def _of(identity_id: Column[Any], ae_title: Column[Any], sender: Sender) -> ColumnElement[bool]:
    """Whatever titles one peer uses. Without an identity, an earlier version noted the title."""
    if sender.identity_id:
        return identity_id == sender.identity_id
    return and_(identity_id.is_(None), ae_title == sender.ae_title)
