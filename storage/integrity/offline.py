"""Instances that no running host has: they lie on the disk of one that is away, and nowhere else.

PS3.3 C.4.23.1.1 calls them OFFLINE, for somebody has to start that host, or to take its disk to
another. Once the host is removed they are lost (`Hosts.remove`), and UNAVAILABLE.
"""

from sqlalchemy import ColumnElement, Engine, and_, or_, select

from storage import tables as t
from storage.db.engine import reading
from storage.hosts.entities import is_on
from storage.hosts.repository import Hosts

_MOST = 200_000
"""Instances of which it is known one by one; their series and studies are known beside them."""


def offline_uids(engine: Engine, hosts: Hosts) -> frozenset[str]:
    """Their UIDs, and those of the series and studies that hold them.

    Raises StorageUnavailable, StorageFull.
    """
    offline = _is_offline(hosts)
    if offline is None:
        return frozenset()
    i, series, study = t.instance.c, t.series.c, t.study.c
    instances = select(i.sop_instance_uid).where(offline).limit(_MOST)
    above = (
        select(series.series_instance_uid, study.study_instance_uid)
        .distinct()
        .select_from(
            t.instance.join(t.series, i.series_fk == series.id).join(
                t.study, series.study_fk == study.id
            )
        )
        .where(offline)
    )
    with reading(engine) as connection:
        found = set(connection.execute(instances).scalars())
        for both in connection.execute(above):
            found.update(both)
    return frozenset(found)


def offline_in_study(engine: Engine, hosts: Hosts, study_instance_uid: str) -> set[str]:
    """SOP Instance UIDs of those in a study. Raises StorageUnavailable, StorageFull."""
    offline = _is_offline(hosts)
    if offline is None:
        return set()
    i, series, study = t.instance.c, t.series.c, t.study.c
    query = (
        select(i.sop_instance_uid)
        .select_from(
            t.instance.join(t.series, i.series_fk == series.id).join(
                t.study, series.study_fk == study.id
            )
        )
        .where(offline, study.study_instance_uid == study_instance_uid)
    )
    with reading(engine) as connection:
        return set(connection.execute(query).scalars())


def _is_offline(hosts: Hosts) -> ColumnElement[bool] | None:
    """None where no host is away."""
    if not hosts.own_disks:
        return None
    away = [one for one in hosts.others() if not one.is_alive]
    if not away:
        return None
    return and_(t.NOT_UPLOADED, or_(*(is_on(one, t.instance.c.volume) for one in away)))
