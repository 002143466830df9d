"""The hosts that store in a data folder of their own while they share database, Redis and bucket.

A volume lies on the host that its name tells (`storage.volumes.host_id`), and what is in it is in
the bucket soon. Until then no other host can read it, which is no loss; nor has another to look for
it, copy it, or rewrite it.
"""

import socket
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    and_,
    delete,
    func,
    select,
    text,
    true,
    update,
)

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StateConflict
from storage.db.engine import insert_or_update, reading, writing
from storage.hosts.clock import now_of_database
from storage.hosts.contents import HostContents
from storage.hosts.copies import BEAT_EVERY_S, check_is_no_copy, folder_identity
from storage.hosts.entities import ALIVE_WITHIN, Host, is_on, room_of_disk
from storage.hosts.keys import check_keys
from storage.volumes.durable_names import make_folder
from storage.volumes.files import SUFFIX, translated_os_errors
from storage.volumes.host_id import host_id, host_of_volume

log = structlog.get_logger(__name__)

_KNOWN_FOR_S = 5.0
_LOOKED_EVERY_S = 1.0
_JOIN_LOCK = 0x6D76686F


class Hosts(HostContents):
    """Those beside this one, which is the data folder of this process. Safe for threads.

    With SQLite there is one.
    """

    def __init__(
        self, engine: Engine, data_dir: Path, *, own_disks: bool, free_disk_mark_bytes: int
    ) -> None:
        super().__init__(engine)
        self._data_dir = data_dir
        self._folder = data_dir / "volumes"
        self.own_disks = own_disks
        """Whether others are meant to be; then what they hold is theirs though they be away."""
        self._free_disk_mark_bytes = free_disk_mark_bytes
        self._is_possible = engine.dialect.name == "postgresql"
        self._known: list[Host] = []
        self._known_until_s = 0.0
        self._looked_at_s = 0.0
        self._beat_next_s = 0.0

    def own_id(self) -> str:
        """Of this host's volumes folder, empty where there is none (yet).

        Raises StorageUnavailable, StorageFull.
        """
        with translated_os_errors(self._folder):
            return host_id(self._folder) if self._folder.is_dir() else ""

    def join(self) -> None:
        """Note this host among the others, a new one as left until one of its roles beats.

        Raises StateConflict where its keys are not those of the others, or its folder is a copy of
        another's, StorageUnavailable, StorageFull.
        """
        if not self._is_possible:
            return
        with translated_os_errors(self._folder):
            make_folder(self._folder)
        own, folder = self.own_id(), folder_identity(self._folder)
        room = room_of_disk(self._folder, self._free_disk_mark_bytes)
        if self.own_disks:
            check_is_no_copy(self._engine, self._data_dir, own, folder)
        with writing(self._engine) as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _JOIN_LOCK})
            first = connection.execute(select(t.host).where(t.host.c.is_first)).mappings().first()
            is_first = first is None or first["id"] == own
            if not is_first and self._has_unnamed():
                # A new host was started before this one, which has the volumes of earlier versions.
                is_first = True
                connection.execute(update(t.host).values(is_first=False))
            if self.own_disks:
                another = "" if is_first or first is None else first["name"]
                check_keys(connection, self._data_dir, another)
            row = {
                **self._left_if_new(connection, own),
                "id": own,
                "name": socket.gethostname()[:255],
                "is_first": is_first,
                "folder": folder,
                **_sign_of_life(connection),
                **room,
            }
            insert_or_update(connection, t.host, [row], ["id"])
        log.info("host_joined", host=own, is_first=is_first)

    @staticmethod
    def _left_if_new(connection: Connection, own: str) -> dict[str, Any]:
        """A command, as a backup with a folder of its own, makes no host that is missed later."""
        known = connection.execute(select(t.host.c.id).where(t.host.c.id == own)).first()
        return {} if known else {"left_at": now_of_database(connection)}

    def _has_unnamed(self) -> bool:
        return any(not host_of_volume(path.name) for path in self._folder.glob(f"*{SUFFIX}"))

    def beat(self) -> None:
        """Say now and then that this host is there. Raises StorageUnavailable."""
        if not self._is_possible or time.monotonic() < self._beat_next_s:
            return
        own = self.own_id()
        if not own:
            return
        room = room_of_disk(self._folder, self._free_disk_mark_bytes)
        with writing(self._engine) as connection:
            stated = {**_sign_of_life(connection), **room, "left_at": None}
            known = connection.execute(
                t.host.update().where(t.host.c.id == own).values(stated)
            ).rowcount
        self._beat_next_s = time.monotonic() + BEAT_EVERY_S
        if not known:
            self.join()
            self._beat_next_s = 0.0
        others = [one for one in self.others() if one.is_alive]
        if others and not self.own_disks:
            log.error(
                "another_data_folder",
                hosts=[str(one) for one in others],
                remedy="Let all processes use one data folder, or set MEDIVIEW_OWN_DISKS=true.",
            )

    def leave(self) -> None:
        """Note that a role of this host ended in order; another one's next beat says otherwise.

        Raises StorageUnavailable.
        """
        own = self.own_id() if self._is_possible else ""
        if own:
            with writing(self._engine) as connection:
                left = {"left_at": now_of_database(connection)}
                connection.execute(t.host.update().where(t.host.c.id == own).values(left))

    def all(self) -> list[Host]:
        """The first first. Raises StorageUnavailable."""
        c = t.host.c
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.host).order_by(c.is_first.desc(), c.id)).all()
            now = now_of_database(connection) if rows else None
        return [
            Host(
                one.id,
                one.name,
                one.is_first,
                one.seen_at,
                now - one.seen_at if now else timedelta(),
                one.clock_ahead_s,
                one.free_bytes,
                one.free_disk_mark_bytes,
                one.left_at,
            )
            for one in rows
        ]

    def others(self) -> list[Host]:
        """As of the last seconds. Raises StorageUnavailable, StorageFull."""
        if not self._is_possible:
            return []
        if time.monotonic() >= self._known_until_s:
            own = self.own_id()
            self._known = [one for one in self.all() if one.host_id != own]
            self._looked_at_s = time.monotonic()
            self._known_until_s = self._looked_at_s + _KNOWN_FOR_S
        return self._known

    def holder(self, volume: str) -> Host | None:
        """The other host on which a volume is. Raises StorageUnavailable, StorageFull.

        Without disks of their own that is one that is there just now, or the volume is lost.
        """
        if not volume or not self._is_possible:
            return None
        of = host_of_volume(volume)
        found = self._find(of)
        if found is None and of and of != self.own_id():
            # It may have joined just now; one that was removed is asked for by each instance.
            self._known_until_s = min(self._known_until_s, self._looked_at_s + _LOOKED_EVERY_S)
            found = self._find(of)
        return found if found and (self.own_disks or found.is_alive) else None

    def _find(self, of: str) -> Host | None:
        for one in self.others():
            if one.host_id == of or (not of and one.is_first):
                return one
        return None

    def is_elsewhere(self, volume: str) -> bool:
        return self.holder(volume) is not None

    def holds(self, volume: Column[str]) -> ColumnElement[bool]:
        """Whether a volume is not that of another host, as a part of a statement."""
        elsewhere = [is_on(one, volume) for one in self.others() if self.own_disks or one.is_alive]
        return and_(true(), *(~on_another for on_another in elsewhere))

    def uncopied_of_study(self, study_instance_uid: str) -> dict[Host | None, int]:
        """How many instances of a study lie on one host alone; None: this one.

        Raises StorageUnavailable, StorageFull.
        """
        if not self.own_disks:
            return {}
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.instance.c.volume, func.count())
                .join(t.series, t.series.c.id == t.instance.c.series_fk)
                .join(t.study, t.study.c.id == t.series.c.study_fk)
                .where(t.NOT_UPLOADED, t.study.c.study_instance_uid == study_instance_uid)
                .group_by(t.instance.c.volume)
            ).all()
        counts: Counter[Host | None] = Counter()
        for volume, count in rows:
            counts[self.holder(volume)] += count
        return dict(counts)

    def remove(self, host: str) -> None:
        """Forget a host whose disk is lost: what it alone had counts as missing from now on.

        Raises NotFound, StateConflict where it gave a sign of life just now.
        """
        with writing(self._engine) as connection:
            row = connection.execute(
                select(t.host.c.name, t.host.c.seen_at).where(t.host.c.id == host)
            ).first()
            if row is None:
                raise NotFound(f"No host has the id {host}.", remedy="See mediview hosts list.")
            if abs(now_of_database(connection) - row.seen_at) < ALIVE_WITHIN:
                raise StateConflict(
                    f"The host {host} ({row.name}) gave a sign of life in the last two minutes.",
                    remedy="Stop its processes, and wait for two minutes.",
                )
            connection.execute(delete(t.host).where(t.host.c.id == host))
        self._known_until_s = 0.0
        log.warning("host_removed", host=host)


def _sign_of_life(connection: Connection) -> dict[str, Any]:
    """Clocks of hosts differ, so it is the database's that counts."""
    now = now_of_database(connection)
    return {"seen_at": now, "clock_ahead_s": (utcnow() - now).total_seconds()}
