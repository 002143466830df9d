"""Which studies wait for the rules, and what the rules gave.

The first instance that arrived decides. One that comes later cannot carry a study into
a group of its sender; nor can one that comes earlier than the images, from somebody who sees the
studies of some groups alone and knows the study's UID: what others send decides before it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, ScalarSelect, delete, exists, func, select, update

from storage import tables as t
from storage.access_groups.entities import ADMINISTRATORS, Origin
from storage.access_groups.former_groups import note_departure
from storage.access_groups.orders import own_groups
from storage.access_groups.visibility import read_state
from storage.core.callers.visibility import EVERYONE
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.sources import LIMITED
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.study_memberships import ORDERED, counts
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_instances
from storage.prior_inputs.queue import mark_studies

_GROUPS = t.study_group.c
_BY_RULE: tuple[Origin, ...] = ("rule", "unmatched")


@dataclass(frozen=True)
class OrderedStudy:
    """A study that is scheduled and not here yet, by the oldest order that names it.

    Orders of those who see everything come first: somebody of some groups may know the UID, too.
    `attributes` are keywords and values of the modality worklist, or DICOM JSON of a workitem.
    `own_groups`: of who ordered it; None: of somebody who sees everything.
    """

    study_instance_uid: str
    attributes: dict[str, Any]
    is_workitem: bool
    own_groups: tuple[int, ...] | None


@dataclass(frozen=True)
class Decision:
    """What the rules of a version gave a study; no groups: it matched none of them.

    It stays in groups whose rule could not be applied (`undecided`). Where nothing else has it,
    administrators alone see it: one of those rules might have matched. `is_ordered`: it counts
    while no image of the study is here, since somebody of some groups ordered it.
    """

    rules_version: int
    groups: tuple[int, ...]
    undecided: frozenset[int] = frozenset()
    is_ordered: bool = False


class AccessDecisions:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rules_version(self) -> int:
        with reading(self._engine) as connection:
            return read_state(connection).rules_version

    def waiting(self, limit: int) -> dict[str, str]:
        """Studies that wait, each with the source of one of its first series; the newest first.

        Of more than `limit` half are the oldest, so that none waits for ever behind others. Those
        on which no rules have decided yet come before those that are looked at again.
        """
        with reading(self._engine) as connection:
            version = read_state(connection).rules_version
            query = select(t.study.c.study_instance_uid, _source()).where(
                t.study.c.access_rules_version < version
            )
            rules, number = t.study.c.access_rules_version, t.study.c.id
            newest = connection.execute(query.order_by(rules, number.desc()).limit(limit)).all()
            if len(newest) < limit:
                return {uid: source or "" for uid, source in newest}
            half = limit // 2
            oldest = connection.execute(query.order_by(rules, number).limit(half)).all()
        chosen = (*newest[: limit - half], *reversed(oldest))
        return {uid: source or "" for uid, source in chosen}

    def first_instance(self, study_instance_uid: str) -> Instance | None:
        """The one that arrived first, by which the rules decide."""
        with reading(self._engine) as connection:
            return _first_instance(connection, study_instance_uid)

    def waiting_orders(self, limit: int) -> list[OrderedStudy]:
        """Scheduled studies that wait."""
        with reading(self._engine) as connection:
            version = read_state(connection).rules_version
            waiting: dict[str, None] = {}
            for table in (t.worklist_item, t.work_item):
                uid = table.c.study_instance_uid
                decided = exists().where(
                    _GROUPS.study_instance_uid == uid,
                    _GROUPS.rules_version == version,
                    _GROUPS.decided_at >= table.c.updated_at,
                )
                uids = select(uid).where(uid != "", ~decided).order_by(table.c.created_at)
                waiting |= dict.fromkeys(connection.scalars(uids.limit(limit)))
            found = (_deciding_order(connection, uid) for uid in waiting)
            return [one for one in found if one is not None]

    def decide(self, study_instance_uid: str, decision: Decision) -> None:
        study = t.study.c.study_instance_uid == study_instance_uid
        with writing(self._engine) as connection:
            _decide(connection, study_instance_uid, decision)
            connection.execute(
                update(t.study).where(study).values(access_rules_version=decision.rules_version)
            )

    def decide_on_order(self, study_instance_uid: str, decision: Decision) -> None:
        """Of a scheduled study. One that has arrived by now goes by itself alone."""
        study = select(t.study.c.id).where(t.study.c.study_instance_uid == study_instance_uid)
        with writing(self._engine) as connection:
            if connection.execute(study).first() is None:
                _decide(connection, study_instance_uid, decision)
            else:
                _note_decided(connection, study_instance_uid, decision.rules_version)


def _decide(connection: Connection, study_instance_uid: str, decision: Decision) -> None:
    of_study = _GROUPS.study_instance_uid == study_instance_uid
    before = _groups_of(connection, study_instance_uid)
    goes = _GROUPS.origin.in_((*_BY_RULE, ORDERED)) & _GROUPS.group_id.not_in(decision.undecided)
    if not decision.is_ordered:
        goes |= _GROUPS.origin == ORDERED
    connection.execute(delete(t.study_group).where(of_study, goes))
    for group_id in decision.groups:
        add_to_group(
            connection, study_instance_uid, group_id, ORDERED if decision.is_ordered else "rule"
        )
    lasting = exists().where(of_study, _GROUPS.origin.in_(("rule", "assigned", ORDERED)))
    if not connection.execute(select(lasting)).scalar_one():
        is_open = not decision.undecided and read_state(connection).unmatched == "everyone"
        group_id = EVERYONE if is_open else ADMINISTRATORS
        add_to_group(
            connection,
            study_instance_uid,
            group_id,
            ORDERED if decision.is_ordered else "unmatched",
        )
    _note_decided(connection, study_instance_uid, decision.rules_version)
    after = _groups_of(connection, study_instance_uid)
    if after != before:
        announce_change(connection, study_instance_uid, left=before - after)
        mark_studies(connection, [study_instance_uid], utcnow())


def _note_decided(connection: Connection, study_instance_uid: str, rules_version: int) -> None:
    connection.execute(
        update(t.study_group)
        .where(_GROUPS.study_instance_uid == study_instance_uid)
        .values(rules_version=rules_version, decided_at=utcnow())
    )


def add_to_group(
    connection: Connection, study_instance_uid: str, group_id: int, origin: Origin
) -> None:
    """A person's word stands against the rules', and either against an emergency."""
    key = {"study_instance_uid": study_instance_uid, "group_id": group_id}
    row = {**key, "origin": origin, "decided_at": utcnow()}
    is_new = insert_or_ignore(connection, t.study_group, row)
    if not is_new and origin == "assigned":
        connection.execute(
            update(t.study_group)
            .where(_GROUPS.study_instance_uid == study_instance_uid, _GROUPS.group_id == group_id)
            .values(origin=origin)
        )


def decide_again(connection: Connection, study_instance_uid: str) -> None:
    """Let the rules look at the study again."""
    connection.execute(
        update(t.study)
        .where(t.study.c.study_instance_uid == study_instance_uid)
        .values(access_rules_version=0)
    )


def hide_unmatched(connection: Connection, study_instance_uid: str) -> None:
    """A study that was given to a group is no longer one that belongs to none."""
    gone = connection.execute(
        delete(t.study_group)
        .where(_GROUPS.study_instance_uid == study_instance_uid, _GROUPS.origin == "unmatched")
        .returning(_GROUPS.group_id)
    )
    announce_change(connection, study_instance_uid, left=gone.scalars().all())


def announce_change(
    connection: Connection, study_instance_uid: str, *, left: Collection[int] = ()
) -> None:
    """Those who show studies look again, those of the groups that it left too."""
    now = utcnow()
    add_event(
        connection, now, "study", study_instance_uid, payload=StudyEvent(change="access_changed")
    )
    note_departure(connection, study_instance_uid, left)


def waiting_count(connection: Connection, rules_version: int) -> int:
    return connection.execute(
        select(func.count())
        .select_from(t.study)
        .where(t.study.c.access_rules_version < rules_version)
    ).scalar_one()


def _deciding_order(connection: Connection, study_instance_uid: str) -> OrderedStudy | None:
    orders = []
    for table in (t.worklist_item, t.work_item):
        columns = table.c
        row = connection.execute(
            select(columns.attributes, columns.orderer_groups, columns.created_at)
            .where(columns.study_instance_uid == study_instance_uid)
            .order_by(columns.orderer_groups.is_not(None), columns.created_at)
            .limit(1)
        ).first()
        if row is not None:
            is_limited = row.orderer_groups is not None
            orders.append((is_limited, row.created_at, table is t.work_item, row))
    if not orders:
        return None
    is_limited, _, is_workitem, row = min(orders, key=lambda one: one[:3])
    groups = own_groups(connection, row.orderer_groups) if is_limited else None
    return OrderedStudy(study_instance_uid, row.attributes, is_workitem, groups)


def _groups_of(connection: Connection, study_instance_uid: str) -> set[int]:
    rows = connection.execute(
        select(_GROUPS.group_id).where(
            _GROUPS.study_instance_uid == study_instance_uid, counts(t.study_group)
        )
    )
    return set(rows.scalars())


def _source() -> ScalarSelect[str]:
    """Of any instance of a study's first series: by an index, however many there are."""
    first = (
        select(func.min(t.series.c.id))
        .where(t.series.c.study_fk == t.study.c.id, t.series.c.origin == "received")
        .correlate(t.study)
        .scalar_subquery()
    )
    return (
        select(t.instance.c.source)
        .where(t.instance.c.series_fk == first)
        .limit(1)
        .correlate(t.study)
        .scalar_subquery()
    )


def _first_instance(connection: Connection, study_instance_uid: str) -> Instance | None:
    query = (
        select_instances(t.study.c.study_instance_uid == study_instance_uid)
        .where(t.series.c.origin == "received")
        .order_by(None)
        .order_by(t.instance.c.id)
        .limit(1)
    )
    first = connection.execute(query).mappings().first()
    if first is not None and first["source"].startswith(LIMITED):
        of_others = query.where(~t.instance.c.source.startswith(LIMITED))
        first = connection.execute(of_others).mappings().first() or first
    return None if first is None else to_instance(first)
