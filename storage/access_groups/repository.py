"""Groups, their members and the studies that people gave to them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage import tables as t
from storage.access_groups.decisions import (
    add_to_group,
    announce_change,
    decide_again,
    hide_unmatched,
    waiting_count,
)
from storage.access_groups.entities import (
    BUILT_IN,
    AccessGroup,
    AccessState,
    Member,
    Progress,
    Unmatched,
    check_member,
    read_member,
)
from storage.access_groups.visibility import read_state
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, UidConflict
from storage.db.engine import insert_or_ignore, reading, writing
from storage.prior_inputs.queue import mark_all_later_studies, mark_studies

_GROUP = t.access_group.c


class AccessGroups:
    """Changes of a rule take effect study by study (`Progress`), all others at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def state(self) -> AccessState:
        with reading(self._engine) as connection:
            return read_state(connection)

    def is_used(self) -> bool:
        """Whether a group was made, so that there is something to decide."""
        with reading(self._engine) as connection:
            found = connection.execute(
                select(_GROUP.group_id)
                .where(_GROUP.group_id.not_in(BUILT_IN), ~_GROUP.is_emergency)
                .limit(1)
            )
            return found.first() is not None

    def progress(self) -> Progress:
        with reading(self._engine) as connection:
            studies = connection.execute(select(func.count()).select_from(t.study)).scalar_one()
            version = read_state(connection).rules_version
            return Progress(studies, waiting_count(connection, version))

    def enforce(self, wanted: bool) -> AccessState:
        """Let the groups decide from now on, or no more.

        Raises InvalidRequest while there is no group, or while studies wait for the rules:
        until then nobody but administrators would see them.
        """
        if wanted and not self.is_used():
            raise InvalidRequest(
                "There is no access group yet.", remedy="Add a group and its members first."
            )
        waiting = self.progress().waiting if wanted else 0
        if waiting:
            raise InvalidRequest(
                f"{waiting} studies wait for the rules of the access groups.",
                remedy="Wait until the worker has applied them, then try again.",
            )
        was_enforced = self.state().is_enforced
        with writing(self._engine) as connection:
            _set_state(connection, is_enforced=wanted)
            if was_enforced != wanted:
                mark_all_later_studies(connection, utcnow())
        return self.state()

    def give_unmatched_to(self, group: Unmatched) -> AccessState:
        """Who sees the studies that match no rule. The rules are applied again."""
        # Together: a study that is decided in between would stay with the former group.
        with writing(self._engine) as connection:
            _apply_rules_again(connection)
            _set_state(connection, unmatched=group)
        return self.state()

    def all(self) -> list[AccessGroup]:
        """By name, but for the groups of emergencies."""
        members = (
            select(func.count())
            .where(t.access_group_member.c.group_id == _GROUP.group_id)
            .scalar_subquery()
        )
        studies = (
            select(func.count())
            .where(t.study_group.c.group_id == _GROUP.group_id)
            .scalar_subquery()
        )
        query = (
            select(
                _GROUP.group_id,
                _GROUP.name,
                _GROUP.description,
                _GROUP.rule,
                members.label("member_count"),
                studies.label("study_count"),
            )
            .where(~_GROUP.is_emergency)
            .order_by(_GROUP.name)
        )
        with reading(self._engine) as connection:
            return [AccessGroup(**row) for row in connection.execute(query).mappings()]

    def get(self, name: str) -> AccessGroup:
        """Raises NotFound."""
        found = next((group for group in self.all() if group.name == name), None)
        if found is None:
            raise _no_group(name)
        return found

    def rules(self) -> Mapping[int, Mapping[str, Any]]:
        """The rule of each group that has one."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(_GROUP.group_id, _GROUP.rule).where(~_GROUP.is_emergency)
            )
            return {row.group_id: row.rule for row in rows if row.rule is not None}

    def add(
        self, name: str, description: str = "", rule: Mapping[str, Any] | None = None
    ) -> AccessGroup:
        """Raises UidConflict where the name is taken."""
        now = utcnow()
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    insert(t.access_group).values(
                        name=name,
                        description=description,
                        rule=rule,
                        created_at=now,
                        updated_at=now,
                    )
                )
                _apply_rules_again(connection)
        except IntegrityError as error:
            raise UidConflict(
                f"There is an access group '{name}' already.", remedy="Choose another name."
            ) from error
        return self.get(name)

    def change(self, name: str, *, description: str, rule: Mapping[str, Any] | None) -> AccessGroup:
        """Raises NotFound, InvalidRequest for the groups that are always there."""
        before = self._own(name)
        with writing(self._engine) as connection:
            connection.execute(
                update(t.access_group)
                .where(_GROUP.group_id == before.group_id)
                .values(description=description, rule=rule, updated_at=utcnow())
            )
            if rule != before.rule:
                _apply_rules_again(connection)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Its members see its studies no more; where no other group has them, others may.

        Raises NotFound, InvalidRequest.
        """
        group = self._own(name)
        its = t.study_group.c
        with writing(self._engine) as connection:
            studies = connection.execute(
                select(its.study_instance_uid).where(its.group_id == group.group_id)
            )
            # Those of another group, too: who sees them may now be fewer than who sees a prior.
            mark_studies(connection, studies.scalars().all(), utcnow())
            connection.execute(delete(t.access_group).where(_GROUP.group_id == group.group_id))
            _apply_rules_again(connection)

    def members(self, name: str) -> list[Member]:
        """Raises NotFound."""
        group = self.get(name)
        member = t.access_group_member.c
        query = (
            select(member.kind, member.subject, member.expires_at)
            .where(member.group_id == group.group_id)
            .order_by(member.kind, member.subject)
        )
        with reading(self._engine) as connection:
            return [read_member(*row) for row in connection.execute(query)]

    def add_member(self, name: str, member: Member) -> None:
        """Raises NotFound, InvalidRequest. Again changes how long it belongs to the group."""
        group = self._own(name)
        check_member(member)
        row = {
            "group_id": group.group_id,
            "kind": member.kind,
            "subject": member.unique_subject,
            "expires_at": member.expires_at,
        }
        with writing(self._engine) as connection:
            if not insert_or_ignore(connection, t.access_group_member, row):
                connection.execute(
                    update(t.access_group_member)
                    .where(*_is(group, member))
                    .values(expires_at=member.expires_at)
                )

    def remove_member(self, name: str, member: Member) -> None:
        """Raises NotFound."""
        group = self.get(name)
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.access_group_member)
                .where(*_is(group, member))
                .returning(t.access_group_member.c.group_id)
            ).first()
            if gone is None:
                raise NotFound(
                    f"The access group '{name}' has no such member.",
                    remedy=f"`mediview access-groups show {name}` lists its members.",
                )

    def assign(self, name: str, study_instance_uid: str) -> None:
        """Give a study to a group, whatever the rules say. Raises NotFound, InvalidRequest."""
        group = self._own(name)
        with writing(self._engine) as connection:
            _check_study(connection, study_instance_uid)
            add_to_group(connection, study_instance_uid, group.group_id, "assigned")
            hide_unmatched(connection, study_instance_uid)
            mark_studies(connection, [study_instance_uid], utcnow())

    def unassign(self, name: str, study_instance_uid: str) -> None:
        """The rules decide again. Raises NotFound where it was not given to the group."""
        group = self.get(name)
        columns = t.study_group.c
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.study_group)
                .where(
                    columns.study_instance_uid == study_instance_uid,
                    columns.group_id == group.group_id,
                    columns.origin == "assigned",
                )
                .returning(columns.group_id)
            ).first()
            if gone is None:
                raise NotFound(
                    f"The study was not assigned to the access group '{name}'.",
                    remedy="The rules give other studies to it; change its rule.",
                )
            announce_change(connection, study_instance_uid, left=[group.group_id])
            mark_studies(connection, [study_instance_uid], utcnow())
            decide_again(connection, study_instance_uid)

    def of_study(self, study_instance_uid: str) -> dict[str, str]:
        """The groups of a study by name, and how each came: rule, unmatched, assigned."""
        query = (
            select(_GROUP.name, t.study_group.c.origin)
            .join_from(t.study_group, t.access_group)
            .where(t.study_group.c.study_instance_uid == study_instance_uid, ~_GROUP.is_emergency)
            .order_by(_GROUP.name)
        )
        with reading(self._engine) as connection:
            return {row.name: row.origin for row in connection.execute(query)}

    def _own(self, name: str) -> AccessGroup:
        group = self.get(name)
        if group.is_built_in:
            raise InvalidRequest(
                f"The access group '{name}' is always there and cannot be changed.",
                remedy="Add a group of your own.",
            )
        return group


def _set_state(connection: Connection, **values: object) -> None:
    connection.execute(update(t.access_state).values(**values, updated_at=utcnow()))


def _is(group: AccessGroup, member: Member) -> tuple[ColumnElement[bool], ...]:
    columns = t.access_group_member.c
    return (
        columns.group_id == group.group_id,
        columns.kind == member.kind,
        columns.subject == member.unique_subject,
    )


def _apply_rules_again(connection: Connection) -> None:
    state = t.access_state
    connection.execute(
        update(state).values(rules_version=state.c.rules_version + 1, updated_at=utcnow())
    )


def _check_study(connection: Connection, study_instance_uid: str) -> None:
    study = select(t.study.c.id).where(t.study.c.study_instance_uid == study_instance_uid)
    if connection.execute(study).first() is None:
        raise NotFound(f"The node holds no study {study_instance_uid}.", remedy="Check the UID.")


def _no_group(name: str) -> NotFound:
    return NotFound(
        f"There is no access group '{name}'.",
        remedy="`mediview access-groups list` names all of them.",
    )
