"""What is in a node, so that a restored one can be compared with it."""

from typing import Any

from sqlalchemy import select

from storage import tables as t
from storage.backup.snapshot import LEFT_OUT_TABLES
from storage.container import Storage
from storage.db.engine import reading

# The audit trail goes on, the disk is looked at, and volumes are looked over when a node opens.
_GOES_ON = LEFT_OUT_TABLES | {"audit_event", "audit_chain", "audit_subject", "volume", "scrub"}


def rows(storage: Storage) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables that a backup has, as Python's values."""
    with reading(storage.engine) as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in t.metadata.sorted_tables
            if table.name not in _GOES_ON
        }


def instances(storage: Storage) -> dict[str, bytes]:
    """Every instance by its UID, read as anybody reads it, its digest compared."""
    with reading(storage.engine) as connection:
        uids = connection.execute(select(t.instance.c.sop_instance_uid)).scalars().all()
    return {uid: storage.instances.read(storage.index.instance(uid)) for uid in uids}
