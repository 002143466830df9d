"""Which request or association last brought instances of a series: what its jobs come of."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from storage import tables as t


def note_series(connection: Connection, request_of: Mapping[str, str], at: datetime) -> None:
    """Keep the latest request of each series."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # Sorted, so that two processes do not wait for each other.
    for series_instance_uid, request_id in sorted(request_of.items()):
        new = dialect.insert(t.series_request).values(
            series_instance_uid=series_instance_uid, request_id=request_id, at=at
        )
        connection.execute(
            new.on_conflict_do_update(
                index_elements=[t.series_request.c.series_instance_uid],
                set_={"request_id": new.excluded.request_id, "at": new.excluded.at},
            )
        )


def request_of(connection: Connection, series_instance_uid: str) -> str:
    """The latest request of a series, empty where none is known."""
    found = connection.execute(
        select(t.series_request.c.request_id).where(
            t.series_request.c.series_instance_uid == series_instance_uid
        )
    ).scalar()
    return str(found or "")
