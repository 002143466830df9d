"""What complete series are for a reader: looked at once, and again when one of them changes."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, bindparam, func, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.events.payloads import StudyEvent
from storage.events.repository import add_event

# Nobody has had a study open for longer and waits for its layout.
_AWAITED = timedelta(hours=1)


def studies_without_roles(engine: Engine, limit: int, but_not: Collection[str]) -> list[str]:
    """Those with a complete series that was not looked at, newest first."""
    newest = func.max(t.series.c.last_instance_at)
    query = (
        select(t.study.c.study_instance_uid)
        .join(t.series, t.series.c.study_fk == t.study.c.id)
        .where(
            t.ROLES_UNKNOWN,
            ~t.series.c.is_rejected,
            t.study.c.study_instance_uid.not_in(but_not),
        )
        .group_by(t.study.c.study_instance_uid)
        .order_by(newest.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def put_series_roles(
    engine: Engine,
    study_instance_uid: str,
    roles: Mapping[tuple[str, str], Collection[str]],
) -> None:
    """By Series Instance UID and fingerprint: one that changed meanwhile is looked at again.

    Who has the study open learns of it by an event.
    """
    if not roles:
        return
    study = (
        select(t.study.c.id)
        .where(t.study.c.study_instance_uid == study_instance_uid)
        .scalar_subquery()
    )
    statement = (
        update(t.series)
        .where(
            t.series.c.study_fk == study,
            t.series.c.series_instance_uid == bindparam("of_series"),
            t.series.c.fingerprint == bindparam("of_fingerprint"),
            t.series.c.state == "COMPLETE",
        )
        .values(roles=bindparam("found"))
    )
    with writing(engine) as connection:
        connection.execute(
            statement,
            [
                {"of_series": uid, "of_fingerprint": fingerprint, "found": " ".join(found)}
                for (uid, fingerprint), found in roles.items()
            ],
        )
        now = utcnow()
        if any(roles.values()) and _is_awaited(connection, study_instance_uid, now):
            add_event(
                connection,
                now,
                "study",
                study_instance_uid,
                payload=StudyEvent(change="roles_known"),
            )


def _is_awaited(connection: Connection, study_instance_uid: str, now: datetime) -> bool:
    newest = (
        select(func.max(t.series.c.completed_at))
        .join(t.study, t.series.c.study_fk == t.study.c.id)
        .where(t.study.c.study_instance_uid == study_instance_uid)
    )
    completed: datetime | None = connection.execute(newest).scalar()
    return completed is not None and completed > now - _AWAITED
