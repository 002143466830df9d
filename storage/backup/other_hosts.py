"""What hosts with disks of their own hold that a backup, taken on another, has no bytes of."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import Connection, case, func, select

from storage import tables as t
from storage.container.has import HasEngine, HasHosts, HasSettings
from storage.db.engine import reading
from storage.hosts.entities import Host
from storage.hosts.repository import Hosts

log = structlog.get_logger(__name__)

_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Newest:
    """The last rows that were there before the backup."""

    instance: int
    conflict: int


@dataclass(frozen=True)
class NotBackedUp:
    """How many instances, or conflicts, lie on another host alone, of before the backup and of
    meanwhile."""

    host: str
    is_alive: bool
    what: str
    earlier: int
    later: int


class GroupStorage(HasSettings, HasEngine, HasHosts, Protocol):
    """What of the storage layer tells of other hosts."""


def wait_for_others(storage: GroupStorage) -> Newest:
    """Until the bucket has what other hosts had received by now; the newest rows then.

    A minute at most, and not for hosts that give no sign of life. What they hold by then
    `not_backed_up` names. Raises StorageUnavailable.
    """
    with reading(storage.engine) as connection:
        newest = Newest(
            *(
                connection.execute(select(func.max(table.c.id))).scalar_one() or 0
                for table in (t.instance, t.conflict)
            )
        )
    if not storage.settings.own_disks:
        return newest
    until_s = time.monotonic() + _WITHIN_S
    while any(
        storage.hosts.uncopied_count(one, up_to=newest.instance)
        or storage.hosts.uncopied_conflicts(one, up_to=newest.conflict)
        for one in storage.hosts.others()
        if one.is_alive
    ):
        if time.monotonic() > until_s:
            log.warning("backup_goes_on_without_others", waited_s=_WITHIN_S)
            break
        time.sleep(_LOOK_EVERY_S)
    return newest


def volumes_of_others(
    connection: Connection, hosts: Hosts, newest: Newest
) -> Iterator[NotBackedUp]:
    """What lies on each of them alone, as of the connection's view."""
    for table, is_alone, last, what in (
        (t.instance, t.NOT_UPLOADED, newest.instance, "instances"),
        (t.conflict, t.conflict.c.object_key == "", newest.conflict, "conflicts"),
    ):
        before = func.sum(case((table.c.id <= last, 1), else_=0))
        rows = connection.execute(
            select(table.c.volume, func.count(), before)
            .where(is_alone, table.c.volume != "")
            .group_by(table.c.volume)
        )
        counts: dict[Host, list[int]] = defaultdict(lambda: [0, 0])
        for volume, count, count_before in rows:
            host = hosts.holder(volume)
            if host is not None:
                counts[host][0] += int(count_before)
                counts[host][1] += count - int(count_before)
        for host, (earlier, later) in counts.items():
            yield NotBackedUp(str(host), host.is_alive, what, earlier, later)


def missing_of_others(found: Iterable[NotBackedUp]) -> Iterator[str]:
    """A sentence for each host that holds what was acknowledged before the backup began."""
    for one in found:
        if one.earlier:
            why = (
                "'mediview hosts list' and its /health say what it waits for."
                if one.is_alive
                else "It gives no sign of life: once it runs again the next backup has them."
            )
            yield (
                f"{one.earlier} {one.what} lie on the disk of the host {one.host} alone; the bucket"
                f" has not got them. {why}"
            )


def awaited_of_others(found: Iterable[NotBackedUp]) -> Iterator[str]:
    """A sentence for each host that received something while the backup was taken."""
    for one in found:
        if one.later:
            yield (
                f"{one.later} {one.what} that the host {one.host} received while this backup was"
                " taken are in the next one."
            )
