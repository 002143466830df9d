"""What the rules gave for each study, and which studies may leave, in order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, and_, delete, func, insert, or_, select, update

from storage import tables as t
from storage.db.engine import insert_or_update, reading, writing
from storage.db.portions import in_portions
from storage.index.study_list import total
from storage.retention.round import RetentionRound
from storage.retention.uses import read_state, write_state

UNREADABLE = "unreadable"
"""In place of the digest of the rules, for a study whose headers could not be read."""

_ROW = t.study_retention.c


@dataclass(frozen=True)
class RuleDecision:
    """What the rules with that digest gave for a study as it was when `study_updated_at`."""

    study_instance_uid: str
    rules_digest: str
    study_updated_at: datetime
    rule: str
    """Empty: none holds, and the study stays."""
    position: int
    """Of the rule in the file."""
    may_evict: bool
    size_bytes: int
    leaves_at: datetime | None
    last_needed_at: datetime
    look_again_at: datetime


@dataclass(frozen=True)
class Confirmation:
    """What a peer answered about the received instances of a study."""

    study_instance_uid: str
    peer: str
    study_updated_at: datetime
    """As the study was then: one that has grown is asked about again."""
    is_complete: bool
    detail: str
    asked_at: datetime
    ask_again_at: datetime


class StudyRetention:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def undecided(self, rules_digest: str, now: datetime, limit: int) -> list[str]:
        """Studies that are new, have changed, or were decided by other rules; the oldest first."""
        decided = and_(
            _ROW.study_instance_uid == t.study.c.study_instance_uid,
            _ROW.study_updated_at == t.study.c.updated_at,
            or_(
                _ROW.rules_digest == rules_digest,
                and_(_ROW.rules_digest == UNREADABLE, _ROW.look_again_at > now),
            ),
        )
        query = (
            select(t.study.c.study_instance_uid)
            .outerjoin(t.study_retention, decided)
            .where(_ROW.study_instance_uid.is_(None))
            .order_by(t.study.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def decide(self, decisions: Sequence[RuleDecision]) -> None:
        """In place of what was decided on these studies before."""
        if not decisions:
            return
        rows = [
            {name: getattr(one, name) for name in RuleDecision.__dataclass_fields__}
            for one in decisions
        ]
        with writing(self._engine) as connection:
            uids = [one.study_instance_uid for one in decisions]
            connection.execute(delete(t.study_retention).where(_ROW.study_instance_uid.in_(uids)))
            insert_or_update(connection, t.study_retention, rows, ["study_instance_uid"])

    def due(self, rules_digest: str, now: datetime, limit: int) -> list[str]:
        """Studies whose time is over, the longest ago first, unless they had to stay just now."""
        query = (
            select(_ROW.study_instance_uid)
            .where(
                _ROW.rules_digest == rules_digest,
                _ROW.leaves_at <= now,
                _ROW.look_again_at <= now,
            )
            .order_by(_ROW.leaves_at, _ROW.study_instance_uid)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def evictable(
        self,
        rules_digest: str,
        limit: int,
        after: RuleDecision | None = None,
        position: int | None = None,
    ) -> list[RuleDecision]:
        """Studies that may leave before their time: by rule, then by last use, the oldest first.

        `position`: of one rule alone.
        """
        of_rule = () if position is None else (_ROW.position == position,)
        query = (
            select(t.study_retention)
            .where(_ROW.rules_digest == rules_digest, _ROW.may_evict, *of_rule)
            .order_by(_ROW.position, _ROW.last_needed_at, _ROW.study_instance_uid)
            .limit(limit)
        )
        if after is not None:
            query = query.where(
                or_(
                    _ROW.position > after.position,
                    and_(
                        _ROW.position == after.position,
                        or_(
                            _ROW.last_needed_at > after.last_needed_at,
                            and_(
                                _ROW.last_needed_at == after.last_needed_at,
                                _ROW.study_instance_uid > after.study_instance_uid,
                            ),
                        ),
                    ),
                )
            )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings()
            return [
                RuleDecision(**{name: row[name] for name in RuleDecision.__dataclass_fields__})
                for row in rows
            ]

    def usage(self, rules_digest: str, position: int) -> tuple[int, int]:
        """How many studies of a rule are here, and their bytes."""
        query = (
            select(func.count(), total(_ROW.size_bytes))
            .join_from(
                t.study_retention,
                t.study,
                t.study.c.study_instance_uid == _ROW.study_instance_uid,
            )
            .where(_ROW.rules_digest == rules_digest, _ROW.position == position)
        )
        with reading(self._engine) as connection:
            studies, size_bytes = connection.execute(query).one()
        return studies, size_bytes

    def look_again(self, study_instance_uids: Collection[str], at: datetime) -> None:
        with writing(self._engine) as connection:
            for portion in in_portions(study_instance_uids):
                connection.execute(
                    update(t.study_retention)
                    .where(_ROW.study_instance_uid.in_(portion))
                    .values(look_again_at=at)
                )

    def forget(self, study_instance_uids: Collection[str]) -> None:
        """What was decided on studies that are gone."""
        with writing(self._engine) as connection:
            for portion in in_portions(study_instance_uids):
                connection.execute(
                    delete(t.study_retention).where(_ROW.study_instance_uid.in_(portion))
                )

    def page(self, limit: int, offset: int) -> tuple[list[str], int]:
        """UIDs of all studies, the longest here first, and how many there are."""
        with reading(self._engine) as connection:
            count = connection.execute(select(func.count()).select_from(t.study)).scalar_one()
            uids = connection.execute(
                select(t.study.c.study_instance_uid)
                .order_by(t.study.c.received_at, t.study.c.id)
                .limit(limit)
                .offset(offset)
            ).scalars()
            return list(uids), count

    def arrived_bytes(self, since: datetime) -> int:
        """Of instances of series that are being received, since then."""
        query = (
            select(total(t.instance.c.size_bytes))
            .join_from(t.instance, t.series, t.instance.c.series_fk == t.series.c.id)
            .where(
                t.series.c.state == "RECEIVING",
                t.series.c.last_instance_at >= since,
                t.instance.c.received_at >= since,
            )
        )
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def evictable_bytes(self) -> int:
        """Of all studies that may leave before their time, whatever still keeps them now."""
        query = select(total(_ROW.size_bytes)).where(_ROW.may_evict)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def confirmations(self, study_instance_uids: Sequence[str]) -> list[Confirmation]:
        query = select(t.study_confirmation).where(
            t.study_confirmation.c.study_instance_uid.in_(study_instance_uids)
        )
        with reading(self._engine) as connection:
            return [Confirmation(**row) for row in connection.execute(query).mappings()]

    def note_confirmation(self, confirmation: Confirmation) -> None:
        """In place of what the peer answered before."""
        values = {name: getattr(confirmation, name) for name in Confirmation.__dataclass_fields__}
        row = t.study_confirmation.c
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.study_confirmation).where(
                    row.study_instance_uid == confirmation.study_instance_uid,
                    row.peer == confirmation.peer,
                )
            )
            connection.execute(insert(t.study_confirmation).values(**values))

    def last_round(self) -> RetentionRound:
        """What the last round noted; empty before the first."""
        with reading(self._engine) as connection:
            state = read_state(connection)
            noted: RetentionRound = state["round"] if state else {}
            return noted

    def note_round(self, now: datetime, found: RetentionRound) -> None:
        with writing(self._engine) as connection:
            write_state(connection, now, {"round": found})
