"""What the node has acknowledged, kept apart from it: a line of JSON each, synced to its own file.

Nothing of the node is asked for it. `harmed` is what the controller itself has damaged on disk.
"""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.pushing import Sent


@dataclass
class Ledger:
    path: Path
    instances: dict[str, Sent] = field(default_factory=dict)
    studies: dict[str, str] = field(default_factory=dict)
    """SOP Instance UID to Study and Series Instance UID, with a space between."""
    peers: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    """Answered with 2xx."""
    unsure: set[str] = field(default_factory=set)
    """Whose deletion was asked for and never answered: either is right."""
    unanswered: set[str] = field(default_factory=set)
    """All that was ever sent: it may be stored although its answer never came."""
    harmed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stored(self, one: Sent, study: str, series: str, by: str) -> None:
        self.write("stored", uid=one.sop_instance_uid, digest=one.digest, by=by)
        with self._lock:
            self.instances[one.sop_instance_uid] = one
            self.studies[one.sop_instance_uid] = f"{study} {series}"

    def peer_added(self, name: str) -> None:
        self.write("peer", name=name)
        with self._lock:
            self.peers.add(name)

    def deletion(self, uid: str, *, is_answered: bool) -> None:
        self.write("deleted" if is_answered else "deletion_unanswered", uid=uid)
        with self._lock:
            (self.deleted if is_answered else self.unsure).add(uid)

    def wanted(self) -> list[str]:
        """Instances that must be there, whole or named as damaged."""
        with self._lock:
            return [uid for uid in self.instances if uid not in self.deleted | self.unsure]

    def address(self, uid: str) -> str:
        study, series = self.studies[uid].split()
        return f"/dicom-web/studies/{study}/series/{series}/instances/{uid}"

    def write(self, what: str, **values: Any) -> None:
        line = json.dumps({"what": what, **values}) + "\n"
        with self._lock:
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(fd, line.encode())
                os.fsync(fd)
            finally:
                os.close(fd)

    def lines(self) -> Iterator[dict[str, Any]]:
        for line in self.path.read_text().splitlines():
            yield json.loads(line)
