"""How many procedure steps and availability notices of one peer are kept.

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
_MOST_AT_ONCE = 100


def steps_to_let_go(engine: Engine, sender: Sender) -> list[str]:
    """Those that ended longest ago, so that there is room for another one.

    Raises LimitExceeded where so many of the peer have not ended.
    """
    row = t.procedure_step.c
    more = _more_than_most(engine, t.procedure_step, sender)
    if more < 0:
        return []
    found = _oldest(
        engine,
        row.sop_instance_uid,
        row.updated_at,
        and_(_of(row.identity_id, row.calling_ae_title, sender), row.state != "IN PROGRESS"),
        more + 1,
    )
    if not found:
        raise LimitExceeded(
            f"The peer has {MOST_KEPT} performed procedure steps that have not ended.",
            remedy="End them by N-SET before others begin.",
        )
    return found


def notices_to_let_go(engine: Engine, sender: Sender) -> list[str]:
    """The oldest, so that there is room for another one."""
    row = t.availability_notice.c
    more = _more_than_most(engine, t.availability_notice, sender)
    if more < 0:
        return []
    of_sender = _of(row.identity_id, row.calling_ae_title, sender)
    return _oldest(engine, row.sop_instance_uid, row.received_at, of_sender, more + 1)


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


def _more_than_most(engine: Engine, table: Table, sender: Sender) -> int:
    """Negative while there is room."""
    of_sender = _of(table.c.identity_id, table.c.calling_ae_title, sender)
    with as_node(), reading(engine) as connection:
        count = connection.execute(
            select(func.count()).select_from(table).where(of_sender)
        ).scalar_one()
    return int(count) - MOST_KEPT


def _oldest(
    engine: Engine,
    uid: Column[Any],
    since: Column[Any],
    wanted: ColumnElement[bool],
    number: int,
) -> list[str]:
    query = select(uid).where(wanted).order_by(since).limit(min(number, _MOST_AT_ONCE))
    with as_node(), reading(engine) as connection:
        return list(connection.scalars(query))


def _of(identity_id: Column[Any], ae_title: Column[Any], sender: Sender) -> ColumnElement[bool]:
    """Whatever titles one peer uses. Without an identity, an earlier version noted the title."""
    if sender.identity_id:
        return identity_id == sender.identity_id
    return and_(identity_id.is_(None), ae_title == sender.ae_title)
