"""Instances that hosts receive, and what is known of them and of the hosts."""

from datetime import timedelta

from sqlalchemy import func, select, update

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.db.engine import reading, writing
from tests.storage.hosts.conftest import Host
from tests.storage.instances import part10 as instance_of

STUDY = derive_uid("test", "study")
UID = derive_uid("test", "study", "series", "0")
TwoHosts = tuple[Host, Host]


def part10(study: str = "study", instance: str = "0", **attributes: object) -> bytes:
    return instance_of(study, instance=instance, **attributes)


def damaged(storage: Storage) -> int:
    with reading(storage.engine) as connection:
        query = select(func.count()).select_from(t.damaged_instance)
        return connection.execute(query).scalar_one()


def away(storage: Storage, host: str) -> None:
    """As if it had given no sign of life for an hour."""
    with writing(storage.engine) as connection:
        long_ago = utcnow() - timedelta(hours=1)
        connection.execute(update(t.host).where(t.host.c.id == host).values(seen_at=long_ago))
    storage.hosts._known_until_s = 0.0
