"""Whose an order is: of the groups of who made it, noted with it.

Before the images come it gives its study to these groups. Once they are here it counts only
where one of these groups sees the study: a UID that somebody else's images will have can be
ordered by anybody who knows it.
"""

from collections.abc import Collection

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    String,
    cast,
    exists,
    or_,
    select,
)

from storage import tables as t
from storage.core.callers.visibility import EVERYONE, as_node, current_visibility
from storage.db.engine import reading
from storage.db.portions import in_portions
from storage.db.study_memberships import counts


def orderer_groups() -> str | None:
    """Of who orders now, between commas; None: who sees everything, as the node and its systems."""
    visibility = current_visibility()
    return None if visibility is None else f",{','.join(map(str, visibility.group_ids))},"


def takes_over(noted: str | None) -> bool:
    """Whether an order of some groups meets one under its number of who belongs to none of them.

    That one is not theirs: numbers run in sequence, and may be ordered under before the system
    that gives them out does.
    """
    return noted is not None and not is_callers(noted)


def is_callers(noted: str | None) -> bool:
    """Whether an order is of who asks now, or of somebody who shares a group with this one."""
    mine = orderer_groups()
    if noted is None or mine is None:
        return noted is mine
    own, theirs = (read_orderer_groups(one) - {EVERYONE} for one in (mine, noted))
    return own == theirs or not own.isdisjoint(theirs)


def is_callers_order(noted: ColumnElement[str | None]) -> ColumnElement[bool]:
    """`is_callers` as a condition."""
    mine = orderer_groups()
    if mine is None:
        return noted.is_(None)
    own = sorted(read_orderer_groups(mine) - {EVERYONE})
    return or_(noted == mine, *(noted.contains(f",{group_id},") for group_id in own))


def read_orderer_groups(noted: str | None) -> frozenset[int]:
    return frozenset(int(one) for one in (noted or "").split(",") if one)


def own_groups(connection: Connection, noted: str | None) -> tuple[int, ...]:
    """Those that are still there, without everyone's and those of an emergency."""
    found = read_orderer_groups(noted) - {EVERYONE}
    if not found:
        return ()
    group = t.access_group.c
    wanted = select(group.group_id).where(group.group_id.in_(found), ~group.is_emergency)
    return tuple(connection.scalars(wanted.order_by(group.group_id)))


def is_orderers_study(
    order: FromClause, study_instance_uid: ColumnElement[str] | str | None = None
) -> ColumnElement[bool]:
    """Whether who made the order may see the study that it names by its UID, or that one."""
    its = t.study_group.alias("of_order")
    noted = order.c.orderer_groups
    if study_instance_uid is None:
        study_instance_uid = order.c.study_instance_uid
    sees = exists().where(
        its.c.study_instance_uid == study_instance_uid,
        counts(its),
        noted.contains("," + cast(its.c.group_id, String) + ","),
    )
    is_enforced = exists().where(t.access_state.c.is_enforced)
    return or_(noted.is_(None), ~is_enforced, sees.correlate(order, t.study))


def may_orderer_see(engine: Engine, noted: str | None, studies: Collection[str]) -> bool:
    """Whether who made an order may see all of these studies, which are here."""
    if noted is None or not studies:
        return True
    groups = read_orderer_groups(noted)
    its = t.study_group
    with as_node(), reading(engine) as connection:
        if not connection.scalar(select(t.access_state.c.is_enforced)):
            return True
        seen: set[str] = set()
        for portion in in_portions(studies):
            seen.update(
                connection.scalars(
                    select(its.c.study_instance_uid).where(
                        its.c.study_instance_uid.in_(portion),
                        its.c.group_id.in_(groups),
                        counts(its),
                    )
                )
            )
    return seen.issuperset(studies)
