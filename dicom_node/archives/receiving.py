"""Instances of another archive on their way into the storage, and what became of each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from dicom_node.network.throttle import PIECE_BYTES
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidInstance, LimitExceeded, MediViewError, UidConflict
from storage.dicom.part10 import Header
from storage.ingest.accepted import Accepted
from storage.ingest.instance_stream import InstanceStream
from storage.ingest.service import Ingest

# What follows of an instance that was refused is read and forgotten; nothing that is one is longer.
_MOST_FORGOTTEN_BYTES = 16 << 30
# A source whose instances are refused so often has none, and each refusal takes memory.
_MOST_REFUSED = 10_000


@dataclass
class Counts:
    """Of a study, a part of an import, or all of it. `refused`: name and reason of each."""

    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    worth_another_try: int = 0
    """Of those refused: what another setting or another right on the file would let in."""

    def add(self, other: "Counts") -> None:
        self.stored += other.stored
        self.duplicate += other.duplicate
        self.conflict += other.conflict
        self.refused += other.refused
        self.worth_another_try += other.worth_another_try

    @property
    def total(self) -> int:
        return self.stored + self.duplicate + self.conflict + len(self.refused)


class Receiving:
    """Takes instances one after the other. Not safe for threads.

    Its methods raise StorageFull and StorageUnavailable, and PeerFailed for what has no end; what
    is wrong with an instance is noted.
    `check` sees each header, and raises InvalidInstance for what is not wanted.
    """

    def __init__(
        self,
        ingest: Ingest,
        source: str,
        check: Callable[[Header], None] = lambda _header: None,
    ) -> None:
        self.counts = Counts()
        self._ingest = ingest
        self._source = source
        self._check_given = check
        self._study_instance_uid = ""
        self._has_header = False
        self._arrived: set[str] = set()
        self._without_header = 0
        self._name = ""
        self._stream: InstanceStream[Accepted] | None = None
        self._forgotten_bytes = 0

    def expect_study(self, study_instance_uid: str) -> None:
        """Refuse what comes of another study from here on."""
        self._study_instance_uid = study_instance_uid

    @property
    def arrived(self) -> int:
        """How many instances of the expected study came, each once, whatever became of them."""
        return len(self._arrived) + self._without_header

    def _check(self, header: Header) -> None:
        self._has_header = True
        expected = self._study_instance_uid
        if expected and header.study_instance_uid != expected:
            raise InvalidInstance(
                f"It is of the study {header.study_instance_uid}, and {expected} was asked for.",
                remedy="Check the archive: it answers other studies than it is asked for.",
            )
        self._arrived.add(header.sop_instance_uid)
        self._check_given(header)

    def begin(self, name: str) -> None:
        self._name = name
        self._has_header = False
        self._forgotten_bytes = 0
        self._stream = self._ingest.open_stream(self._source, check=self._check)

    def write(self, piece: bytes) -> None:
        if self._stream is None:
            self._forgotten_bytes += len(piece)
            if self._forgotten_bytes > _MOST_FORGOTTEN_BYTES:
                raise PeerFailed(f"What was sent as {self._name} has no end.")
            return
        try:
            self._stream.write(piece)
        except (InvalidInstance, LimitExceeded) as error:
            self._refuse(error)

    def finish(self) -> None:
        if self._stream is None:
            return
        try:
            outcome = self._stream.finish().outcome
        except (InvalidInstance, LimitExceeded, UidConflict) as error:
            self._refuse(error)
            return
        finally:
            self.drop()
        if outcome == "stored":
            self.counts.stored += 1
        elif outcome == "duplicate":
            self.counts.duplicate += 1
        else:
            self.counts.conflict += 1

    def drop(self) -> None:
        """Forget what was begun; harmless where nothing was."""
        if self._stream is not None:
            self._stream.discard()
            self._stream = None

    def whole(self, name: str, file: BinaryIO) -> None:
        self.begin(name)
        try:
            # Of what is refused, the rest need not be read: /dev/zero has no end.
            while self._stream is not None and (piece := file.read(PIECE_BYTES)):
                self.write(piece)
            self.finish()
        finally:
            self.drop()

    def refused(self, name: str, reason: str) -> None:
        """What could not even be read."""
        self._without_header += 1
        self.counts.refused.append((name, reason))
        self.counts.worth_another_try += 1

    def _refuse(self, error: MediViewError) -> None:
        self.drop()
        self._without_header += not self._has_header
        self.counts.refused.append((self._name, f"{error.message} {error.remedy}".strip()))
        self.counts.worth_another_try += isinstance(error, LimitExceeded)
        if len(self.counts.refused) > _MOST_REFUSED:
            raise PeerFailed(
                f"More than {_MOST_REFUSED} instances were refused, the last for this reason:"
                f" {error.message}"
            )
