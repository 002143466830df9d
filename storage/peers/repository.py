"""Known peers, in the settings and in the database.

Some are named in MEDIVIEW_DESTINATIONS, the others in a table that REST and the
command line change. Every process reads both, so that a change needs no restart.
"""

import threading
import time
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, delete, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound, UidConflict
from storage.crypto.secret_box import Sealer
from storage.db.engine import insert_or_ignore, reading, writing
from storage.peers.entities import KnownPeer
from storage.settings import Destination, Settings

_FRESH_S = 1.0


class Peers:
    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._sealer = Sealer(settings.data_dir)
        self._of_settings = {one.name: _of(one) for one in settings.destinations}
        self._lock = threading.Lock()
        self._kept: tuple[KnownPeer, ...] | None = None
        self._fresh_until_s = 0.0
        self.last_read: tuple[KnownPeer, ...] = ()
        """What `recent` gave last, however old; for who cannot wait for the database."""

    def all(self) -> list[KnownPeer]:
        """All of them by name. A name of the settings hides one of the table."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(t.peer)).mappings()
            known = {row["name"]: self._read(dict(row)) for row in rows}
        known.update(self._of_settings)
        return [known[name] for name in sorted(known)]

    def recent(self) -> tuple[KnownPeer, ...]:
        """The list as it was within the last second, for every association to ask.

        It is the same object as long as nothing in it changes. Where the database does not
        answer, the last list that was read stands.
        Raises StorageUnavailable where none was.
        """
        with self._lock:
            kept = self._kept
            if kept is None or not self.is_fresh:
                try:
                    listed = tuple(self.all())
                    if listed != kept:
                        self._kept = self.last_read = kept = listed
                except Exception:
                    if kept is None:
                        raise
                self._fresh_until_s = time.monotonic() + _FRESH_S
            return kept

    @property
    def is_fresh(self) -> bool:
        """Whether `recent` would give its list without reading it again. Not locked."""
        return self._kept is not None and time.monotonic() <= self._fresh_until_s

    def is_still(self, listed: tuple[KnownPeer, ...] | None) -> bool:
        """Whether `recent` would give this very list without reading it again. Not locked."""
        return listed is self._kept is not None and time.monotonic() <= self._fresh_until_s

    def get(self, name: str) -> KnownPeer:
        """Raises NotFound."""
        found = self.find(name)
        if found is None:
            raise _not_known(name)
        return found

    def find(self, name: str) -> KnownPeer | None:
        if name in self._of_settings:
            return self._of_settings[name]
        with reading(self._engine) as connection:
            row = connection.execute(select(t.peer).where(t.peer.c.name == name)).mappings().first()
        return None if row is None else self._read(dict(row))

    def destinations(self) -> list[KnownPeer]:
        """Those that get results."""
        return [peer for peer in self.all() if peer.is_destination]

    def archives(self) -> list[KnownPeer]:
        """Those that may be asked for earlier studies."""
        return [peer for peer in self.all() if peer.is_archive]

    def by_ae_title(self, ae_title: str) -> list[KnownPeer]:
        """Peers of this AE title; where the table names any, the settings' ones do not count."""
        found = [peer for peer in self.recent() if peer.ae_title and peer.ae_title == ae_title]
        return [peer for peer in found if not peer.from_settings] or found

    def add(self, peer: KnownPeer) -> None:
        """Raises UidConflict where the name is taken."""
        now = utcnow()
        with writing(self._engine) as connection:
            if peer.name in self._of_settings or not insert_or_ignore(
                connection, t.peer, {**self._row(peer), "created_at": now, "updated_at": now}
            ):
                raise UidConflict(
                    f"A peer is named '{peer.name}' already.",
                    remedy="Change it, or take another name.",
                )
        self._forget()

    def replace(self, peer: KnownPeer) -> None:
        """Put `peer` in the place of the one of its name. Raises NotFound, UidConflict."""
        self._refuse_those_of_settings(peer.name)
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(t.peer)
                .where(t.peer.c.name == peer.name)
                .values(**self._row(peer), updated_at=utcnow())
                .returning(t.peer.c.name)
            ).first()
            if changed is None:
                raise _not_known(peer.name)
        self._forget()

    def remove(self, name: str) -> None:
        """Raises NotFound, UidConflict. Deliveries to it wait until it is there again.

        It leaves its access groups, and nothing waits to be notified: another peer may get the
        name later.
        """
        self._refuse_those_of_settings(name)
        with writing(self._engine) as connection:
            gone = connection.execute(
                delete(t.peer).where(t.peer.c.name == name).returning(t.peer.c.name)
            ).first()
            if gone is None:
                raise _not_known(name)
            member = t.access_group_member.c
            connection.execute(
                delete(t.access_group_member).where(member.kind == "peer", member.subject == name)
            )
            connection.execute(
                delete(t.peer_notification).where(t.peer_notification.c.peer_name == name)
            )
        self._forget()

    def _refuse_those_of_settings(self, name: str) -> None:
        if name in self._of_settings:
            raise UidConflict(
                f"'{name}' is named in MEDIVIEW_DESTINATIONS.",
                remedy="Change that setting and restart, or take it out and add the peer here.",
            )

    def _row(self, peer: KnownPeer) -> dict[str, Any]:
        return {**_to_row(peer), "token": self._sealer.seal(peer.token, f"peer:{peer.name}")}

    def _read(self, row: dict[str, Any]) -> KnownPeer:
        return _from_row({**row, "token": self._sealer.open(row["token"], f"peer:{row['name']}")})

    def _forget(self) -> None:
        with self._lock:
            self._kept = None


def _not_known(name: str) -> NotFound:
    return NotFound(
        f"No peer is named '{name}'.", remedy="`mediview peers list` names all of them."
    )


def _of(destination: Destination) -> KnownPeer:
    return KnownPeer(
        name=destination.name,
        ae_title=destination.ae_title,
        host=destination.host,
        port=destination.port,
        is_destination=True,
        from_settings=True,
    )


_COLLECTIONS = ("sources", "may", "object_kinds", "notifications", "tls_certificates")


def _to_row(peer: KnownPeer) -> dict[str, Any]:
    row = {name: getattr(peer, name) for name in KnownPeer.__dataclass_fields__}
    del row["from_settings"]
    return {name: sorted(value) if name in _COLLECTIONS else value for name, value in row.items()}


def _from_row(row: dict[str, Any]) -> KnownPeer:
    values = {name: row[name] for name in KnownPeer.__dataclass_fields__ if name in row}
    return replace(
        KnownPeer(**values),
        sources=tuple(row["sources"]),
        tls_certificates=tuple(row["tls_certificates"]),
        may=frozenset(row["may"]),
        object_kinds=frozenset(row["object_kinds"]),
        notifications=frozenset(row["notifications"]),
    )
