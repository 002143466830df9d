"""Stored instances that cannot be decoded: left out of answers, and shown to administrators."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, func, insert, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.db.engine import reading, writing


@dataclass(frozen=True)
class UnreadableInstance:
    sop_instance_uid: str
    study_instance_uid: str
    reason: str
    """A kind of error, never a value."""
    noticed_at: datetime


_STANDING = t.instance.c.sop_instance_uid == t.unreadable_instance.c.sop_instance_uid


class UnreadableInstances:
    """Those that are still stored with the content that could not be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, instance: Instance, reason: str) -> None:
        """Remember that this instance was left out of an answer."""
        noted = t.unreadable_instance
        with writing(self._engine) as connection:
            connection.execute(
                delete(noted).where(noted.c.sop_instance_uid == instance.sop_instance_uid)
            )
            connection.execute(
                insert(noted).values(
                    sop_instance_uid=instance.sop_instance_uid,
                    study_instance_uid=instance.study_instance_uid,
                    digest=instance.digest,
                    reason=reason,
                    noticed_at=utcnow(),
                )
            )

    def count(self) -> int:
        noted = t.unreadable_instance
        query = select(func.count()).select_from(noted.join(t.instance, _STANDING))
        with reading(self._engine) as connection:
            return connection.execute(
                query.where(t.instance.c.digest == noted.c.digest)
            ).scalar_one()

    def newest(self, limit: int = 20) -> list[UnreadableInstance]:
        noted = t.unreadable_instance
        query = (
            select(
                noted.c.sop_instance_uid,
                noted.c.study_instance_uid,
                noted.c.reason,
                noted.c.noticed_at,
            )
            .join(t.instance, _STANDING)
            .where(t.instance.c.digest == noted.c.digest)
            .order_by(noted.c.noticed_at.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [UnreadableInstance(**row) for row in connection.execute(query).mappings()]
