"""From who asks to what they may see."""

from collections.abc import Collection

from sqlalchemy import Connection, Engine, Table, or_, select, tuple_

from storage import tables as t
from storage.access_groups.entities import AccessState
from storage.core.callers.visibility import (
    EVERYONE,
    Caller,
    Visibility,
    as_node,
    current_visibility,
)
from storage.core.clock import utcnow
from storage.core.errors import NotPermitted
from storage.db.engine import reading
from storage.db.portions import in_portions
from storage.db.study_memberships import counts


def read_state(connection: Connection) -> AccessState:
    row = connection.execute(
        select(
            t.access_state.c.is_enforced, t.access_state.c.rules_version, t.access_state.c.unmatched
        )
    ).one()
    return AccessState(row.is_enforced, row.rules_version, row.unmatched)


def visibility_of(engine: Engine, caller: Caller | None) -> Visibility | None:
    """What somebody who is no administrator may see; None: everything, groups are not enforced.

    Without a caller, nobody knows for whom it is: then no study.
    """
    with reading(engine) as connection:
        state = read_state(connection)
        if not state.is_enforced:
            return None
        if caller is None:
            return Visibility("", (), sees_unmatched=False)
        member = t.access_group_member.c
        names = [(caller.kind, caller.unique_subject)]
        names += [("oidc-group", f"{caller.issuer} {one}") for one in caller.claimed_groups]
        found = connection.execute(
            select(member.group_id)
            .where(
                tuple_(member.kind, member.subject).in_(names),
                or_(member.expires_at.is_(None), member.expires_at > utcnow()),
            )
            .order_by(member.group_id)
        ).scalars()
        groups = dict.fromkeys([EVERYONE, *found])
    return Visibility(caller.identity_id, tuple(groups), state.unmatched == "everyone")


def check_may_name(engine: Engine, study_instance_uids: Collection[str]) -> None:
    """Raises NotPermitted where a request names a study of other groups than the caller's."""
    if not all_seen(engine, current_visibility(), study_instance_uids):
        raise NotPermitted(
            "The request names a study that you may not use.",
            remedy="Check its Study Instance UID, or ask an administrator for access to it.",
        )


def all_seen(
    engine: Engine, visibility: Visibility | None, study_instance_uids: Collection[str]
) -> bool:
    """Whether no study belongs, or belonged until it went, to groups of others alone."""
    return not unseen(engine, visibility, study_instance_uids)


def unseen(
    engine: Engine, visibility: Visibility | None, study_instance_uids: Collection[str]
) -> frozenset[str]:
    """Studies that belong, or belonged until they went, to groups of others alone.

    One that belongs to none yet is nobody's.
    """
    if visibility is None or not study_instance_uids:
        return frozenset()
    with as_node(), reading(engine) as connection:
        groups = _groups_of(connection, t.study_group, study_instance_uids)
        # What a study belonged to before others got it says nothing of who sees it now.
        gone = set(study_instance_uids).difference(groups)
        groups |= _groups_of(connection, t.former_study_group, gone)
    return frozenset(
        uid for uid, of_study in groups.items() if of_study.isdisjoint(visibility.group_ids)
    )


def _groups_of(
    connection: Connection, table: Table, study_instance_uids: Collection[str]
) -> dict[str, set[int]]:
    groups: dict[str, set[int]] = {}
    for portion in in_portions(study_instance_uids):
        query = select(table.c.study_instance_uid, table.c.group_id).where(
            table.c.study_instance_uid.in_(portion)
        )
        if table is t.study_group:
            query = query.where(counts(table))
        for row in connection.execute(query):
            groups.setdefault(row.study_instance_uid, set()).add(row.group_id)
    return groups
