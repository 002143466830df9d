"""What the node makes itself: under UIDs that nobody else can compute, and never mixed up with what
others send under one of them.

A UID says nothing about who made an instance: reports and results leave the node, and their UIDs
with them. Its source does (`storage.core.sources.is_own`). What comes back after its row was
deleted has the source of before if its content is what the node made, no matter who sends it
(`storage.ingest.storing`); a changed copy has not.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import structlog
from sqlalchemy import Engine, select

from storage import tables as t
from storage.audit import MINOR_FAILURE, NODE, Audit, AuditEvent, Code, Type
from storage.audit.query import AuditFilter, all_events
from storage.core.callers.visibility import as_node
from storage.core.entities import Instance
from storage.core.errors import NotFound, UidOccupied
from storage.core.sources import is_own, named_sender
from storage.core.uids import FORMER_UIDS, UidScheme
from storage.crypto.secret_files import load_secret
from storage.db.engine import reading
from storage.db.portions import in_portions
from storage.index.generated_instances import generated_under
from storage.index.insert_instance import Outcome
from storage.index.repository import Index
from storage.ingest.service import Ingest

log = structlog.get_logger(__name__)

OCCUPIED = "uid_occupied"
"""Under `alert` in the audit trail: others sent something under a UID of the node's."""
_REMEMBERED = 10_000


class _Arrival(NamedTuple):
    source: str
    at: datetime


class GeneratedInstances:
    """Stores and finds what the node itself made. Safe for threads."""

    def __init__(self, engine: Engine, ingest: Ingest, audit: Audit, data_dir: Path) -> None:
        """`data_dir` holds `uid.key`, which is made at first use."""
        self._engine = engine
        self._index = Index(engine)
        self._ingest = ingest
        self._audit = audit
        self._key_path = data_dir / "uid.key"
        self._key = b""
        self._noted: set[tuple[str, datetime]] = set()
        self._noting = threading.Lock()

    def scheme(self, uids_of: Callable[[UidScheme], Iterable[str]]) -> UidScheme:
        """The first scheme by which nothing of others bears any of the UIDs.

        That of earlier releases where the node stored some of the instances by it. Asked again,
        and by every process, it is the same. Raises StorageUnavailable, StorageFull.
        """
        former = self._arrivals(uids_of(FORMER_UIDS)).values()
        if former and all(is_own(one.source) for one in former):
            return FORMER_UIDS
        scheme = UidScheme(self._secret())
        while self.occupied(uids_of(scheme)):
            scheme = scheme.next()
        return scheme

    def after(self, scheme: UidScheme) -> UidScheme:
        """What is tried where something of others bears a UID by `scheme`."""
        return scheme.next() if scheme.key else UidScheme(self._secret())

    def occupied(self, sop_instance_uids: Iterable[str]) -> dict[str, str]:
        """The sources of those that others sent, by UID.

        Each is noted once in the audit trail, and again once it was deleted and sent again.
        """
        found = {
            uid: arrival
            for uid, arrival in self._arrivals(sop_instance_uids).items()
            if not is_own(arrival.source)
        }
        self._note(found)
        return {uid: arrival.source for uid, arrival in found.items()}

    def store(self, part10: bytes, sop_instance_uid: str, source: str) -> tuple[Instance, Outcome]:
        """The instance under the UID: this one, or the one that the node made before.

        `conflict`: the one before, which differs. Raises UidOccupied where others sent it, and
        what `Ingest.accept` raises.
        """
        outcome = self._ingest.accept(part10, source, origin="generated").outcome
        if outcome != "stored" and self.occupied([sop_instance_uid]):
            raise UidOccupied(
                f"Under the UID {sop_instance_uid}, which the node was to use, lies what another"
                " system has sent.",
                remedy="Nothing of it is taken for the node's own. Try again: another UID is used.",
            )
        return self._index.instance(sop_instance_uid), outcome

    def differs(self, sop_instance_uid: str, part10: Callable[[], bytes]) -> bool:
        """Whether the node made something else under the UID before, also where that was deleted.

        `part10` encodes the file, which is done only where there is something to compare it with.
        """
        known = self._arrivals([sop_instance_uid]) or generated_under(
            self._engine, sop_instance_uid
        )
        return bool(known) and self._ingest.differs(part10())

    def instance(self, sop_instance_uid: str) -> Instance:
        """Of the node's own. Raises NotFound, also where others sent what bears the UID now."""
        instance = self._index.instance(sop_instance_uid)
        if not is_own(instance.source):
            self._note({sop_instance_uid: _Arrival(instance.source, instance.received_at)})
            raise NotFound(
                f"The node's own instance {sop_instance_uid} is gone: another system has sent what"
                " bears the UID now.",
                remedy="Delete that instance, and have the result made again.",
            )
        return instance

    def _arrivals(self, sop_instance_uids: Iterable[str]) -> dict[str, _Arrival]:
        """Of those that are stored: hidden ones too, and those that the caller may not see."""
        found: dict[str, _Arrival] = {}
        uid, source, at = (
            t.instance.c.sop_instance_uid,
            t.instance.c.source,
            t.instance.c.received_at,
        )
        with as_node(), reading(self._engine) as connection:
            for part in in_portions(sop_instance_uids):
                rows = connection.execute(select(uid, source, at).where(uid.in_(part)))
                found.update((one, _Arrival(*rest)) for one, *rest in rows)
        return found

    def _secret(self) -> bytes:
        if not self._key:
            self._key = load_secret(self._key_path)
        return self._key

    def _note(self, occupied: Mapping[str, _Arrival]) -> None:
        for uid, (source, at) in occupied.items():
            with self._noting:
                if (uid, at) in self._noted:
                    continue
                if len(self._noted) >= _REMEMBERED:
                    self._noted.clear()
                self._noted.add((uid, at))
            if self._is_in_trail(uid, at):
                continue
            made = generated_under(self._engine, uid)
            is_withdrawn = bool(made) and all(one.is_withdrawn for one in made)
            content = "withdrawn" if is_withdrawn else "changed copy"
            content = content if made else "unknown here"
            log.warning("uid_occupied", sop_instance_uid=uid, source=source, content=content)
            self._audit.record(
                AuditEvent(
                    Code.SECURITY_ALERT,
                    "E",
                    NODE,
                    outcome=MINOR_FAILURE,
                    type=Type.SECURITY_CONFIGURATION,
                    detail={
                        "alert": OCCUPIED,
                        "sop_instance_uid": uid,
                        "source": named_sender(source),
                        "content": content,
                    },
                )
            )

    def _is_in_trail(self, sop_instance_uid: str, since: datetime) -> bool:
        """Whether another process, or this one before its restart, has noted it."""
        wanted = AuditFilter(since=since, code=Code.SECURITY_ALERT, text=sop_instance_uid)
        return any(
            one.detail.get("alert") == OCCUPIED
            and one.detail.get("sop_instance_uid") == sop_instance_uid
            for one in all_events(self._engine, wanted)
        )
