"""How instances enter: C-STORE, STOW-RS, uploads and the node's own results all pass here.

`docs/receiving.md` describes the path from the socket to the acknowledgement.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Engine

from storage.access_groups.senders import StudySenders
from storage.core.entities import Origin
from storage.core.errors import (
    InstanceDamaged,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    StorageUnavailable,
)
from storage.core.request_context import tell_stored
from storage.core.sources import KEY_OBJECT_SELECTION
from storage.core.visibility import as_node, current_visibility
from storage.dicom.digests import digest_of, proves
from storage.dicom.file_meta import make_file_meta
from storage.dicom.part10 import Header, read_dataset_header, read_header
from storage.index.indexer import Indexer
from storage.index.insert_instance import NewInstance, Outcome, forget_conflict
from storage.ingest.group_commit import GroupCommit
from storage.ingest.instance_stream import SPILL_BYTES, InstanceStream
from storage.ingest.same_content import COMPARED_MAX_BYTES, is_same_content
from storage.integrity.repository import DamagedInstances
from storage.reconciliation.crash_recovery import CrashRecovery
from storage.volumes.files import translated_os_errors
from storage.volumes.large_instance import LargeVolume
from storage.volumes.records import Appended
from storage.volumes.writer import StagedRecord, VolumeWriter

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Accepted:
    outcome: Outcome
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str


class Ingest:
    """Header read, record durable in a volume, row in the index; then it returns."""

    def __init__(
        self,
        engine: Engine,
        volumes: VolumeWriter,
        max_instance_bytes: int,
        recovery: CrashRecovery | None = None,
        read_stored: Callable[[str, int], bytes | None] = lambda _uid, _max_bytes: None,
        damaged: DamagedInstances | None = None,
    ) -> None:
        """`read_stored` gives the part 10 file of a UID, None where it is larger or not there."""
        self._engine = engine
        self._senders = StudySenders(engine)
        self._read_stored = read_stored
        self._indexer = Indexer(engine, recovery.run_if_due) if recovery else Indexer(engine)
        self._volumes = volumes
        self._damaged = damaged
        self._group_commit = GroupCommit(volumes, self._indexer)
        self._max_instance_bytes = max_instance_bytes

    def close(self) -> None:
        """Close the connection that the receiving path keeps."""
        self._indexer.close()

    def accept(
        self,
        part10: bytes | memoryview,
        source: str,
        origin: Origin = "received",
        note_source: str = "",
    ) -> Accepted:
        """Store one part 10 file.

        `source` says by which way it came: `dimse:CALLINGAE`, `stow`,
        `upload:<id>`, `result:<job id>`. `note_source` stands in its place for a Key Object
        Selection, which may be a rejection note. On return the instance is durable and
        can be queried. Raises InvalidInstance, LimitExceeded, NotPermitted, StorageFull,
        StorageUnavailable; then nothing of it is visible.
        """
        if len(part10) > self._max_instance_bytes:
            raise LimitExceeded(
                f"The instance has {len(part10)} bytes; the limit is {self._max_instance_bytes}.",
                remedy="Raise MEDIVIEW_MAX_INSTANCE_BYTES if instances of this size are wanted.",
            )
        header = read_header(part10)
        return self._accept_whole(part10, header, _source(header, source, note_source), origin)

    def accept_dimse(
        self,
        dataset_bytes: bytes | memoryview,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        calling_ae_title: str,
    ) -> Accepted:
        """Store one data set of a C-STORE, byte for byte, under a part 10 header of ours.

        Raises InvalidRequest when command and data set name different
        instances (PS3.4 B.2.3, status A900), and what `accept` raises.
        """
        meta = make_file_meta(sop_class_uid, sop_instance_uid, transfer_syntax_uid)
        header = read_dataset_header(meta, transfer_syntax_uid, dataset_bytes)
        _check_same_instance(header, sop_class_uid, sop_instance_uid)
        return self._accept_pieces(
            meta, dataset_bytes, header, f"dimse:{calling_ae_title}", "received"
        )

    def open_stream(
        self,
        source: str,
        origin: Origin = "received",
        check: Callable[[Header], None] = lambda _header: None,
        note_source: str = "",
    ) -> InstanceStream[Accepted]:
        """Take one part 10 file piece by piece, in constant memory.

        `check` sees the header before anything is kept, and raises to refuse it. `note_source` as
        for `accept`, but that a Key Object Selection too large for memory keeps `source`.
        """
        return self._open_stream(b"", source, origin, check, note_source)

    def open_dimse_stream(
        self,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        calling_ae_title: str,
    ) -> InstanceStream[Accepted]:
        """Take the data set of one C-STORE piece by piece, in constant memory."""
        return self._open_stream(
            make_file_meta(sop_class_uid, sop_instance_uid, transfer_syntax_uid),
            f"dimse:{calling_ae_title}",
            "received",
            lambda header: _check_same_instance(header, sop_class_uid, sop_instance_uid),
        )

    def _open_stream(
        self,
        prefix: bytes,
        source: str,
        origin: Origin,
        check: Callable[[Header], None],
        note_source: str = "",
    ) -> InstanceStream[Accepted]:
        def open_large(dataset_offset: int) -> LargeVolume:
            self._volumes.check_free_disk(SPILL_BYTES)
            folder = self._volumes.folder
            with translated_os_errors(folder):
                generation = self._volumes.generation.current()
            return LargeVolume(
                folder,
                source=source,
                origin=origin,
                dataset_offset=dataset_offset,
                generation=generation,
                admit=self._volumes.check_free_disk,
            )

        def accept_small(part10: bytes) -> Accepted:
            header = read_header(part10)
            check(header)
            return self._accept_whole(part10, header, _source(header, source, note_source), origin)

        def accept_large(header: Header, large: LargeVolume) -> Accepted:
            check(header)
            return self._for_caller(header, partial(store_large, header, large))

        def store_large(header: Header, large: LargeVolume) -> Accepted:
            known = self._indexer.known_digest(header)
            if known and large.is_proved_by(known):
                # A digest of another kind would make a conflict of it, were the index rebuilt.
                if known == large.digest().hex() and self._is_damaged(header):
                    self._replace(header, known, large.finish())
                return _accepted("duplicate", header)
            digest = large.digest()
            with large.part10() as part10:
                if known and (same := self._same_as_stored(header, digest, (part10,))):
                    return same
                # The mapping outlasts the descriptor, which `finish` closes.
                return self._index(
                    header, digest, large.finish(), None, source, origin, () if known else (part10,)
                )

        return InstanceStream(
            prefix=prefix,
            max_bytes=self._max_instance_bytes,
            open_large=open_large,
            accept_small=accept_small,
            accept_large=accept_large,
        )

    def _is_damaged(self, header: Header) -> bool:
        """Whether what is stored of an instance that arrived again needs its bytes."""
        return self._damaged is not None and self._damaged.is_noted(header.sop_instance_uid)

    def _replace(self, header: Header, digest: str, appended: Appended) -> None:
        if self._damaged is not None:
            self._damaged.replace(
                header.sop_instance_uid, digest, header.transfer_syntax_uid, appended.location
            )

    def _accept_whole(
        self, part10: bytes | memoryview, header: Header, source: str, origin: Origin
    ) -> Accepted:
        whole = memoryview(part10)
        meta, dataset = whole[: header.dataset_offset], whole[header.dataset_offset :]
        return self._accept_pieces(meta, dataset, header, source, origin)

    def _for_caller(self, header: Header, store: Callable[[], Accepted]) -> Accepted:
        """Raises NotPermitted for a study that the caller may not add to."""
        visibility = current_visibility()
        if visibility is None:
            return store()
        # What is stored under a UID already must be known, no matter who sends it again.
        with as_node():
            begins = self._senders.check(visibility, header.study_instance_uid)
            accepted = store()
            if begins and accepted.outcome == "stored":
                self._senders.note(visibility, header.study_instance_uid)
            return accepted

    def _accept_pieces(
        self,
        meta: bytes | memoryview,
        dataset: bytes | memoryview,
        header: Header,
        source: str,
        origin: Origin,
    ) -> Accepted:
        return self._for_caller(
            header, partial(self._store_pieces, meta, dataset, header, source, origin)
        )

    def _store_pieces(
        self,
        meta: bytes | memoryview,
        dataset: bytes | memoryview,
        header: Header,
        source: str,
        origin: Origin,
    ) -> Accepted:
        digest = digest_of(dataset)
        known = self._indexer.known_digest(header)
        if known and (known == digest.hex() or proves(known, dataset)):
            if self._is_damaged(header):
                staged = self._volumes.stage(
                    (meta, dataset), digest=bytes.fromhex(known), source=source, origin=origin
                )
                self._replace(header, known, self._volumes.wait_for(staged))
            return _accepted("duplicate", header)
        pieces = (meta, dataset)
        if known and (same := self._same_as_stored(header, digest, pieces)):
            return same
        staged = self._volumes.stage(pieces, digest=digest, source=source, origin=origin)
        return self._index(
            header, digest, staged.appended, staged, source, origin, () if known else pieces
        )

    def _same_as_stored(
        self, header: Header, digest: bytes, pieces: Sequence[bytes | memoryview]
    ) -> Accepted | None:
        """A duplicate, where the file is the stored one in another encoding, and no conflict."""
        uid = header.sop_instance_uid
        if sum(map(len, pieces)) > COMPARED_MAX_BYTES:
            return None
        try:
            stored = self._read_stored(uid, COMPARED_MAX_BYTES)
        except (InstanceDamaged, NotFound, StorageUnavailable):
            return None
        if stored is None or not is_same_content(stored, b"".join(pieces)):
            return None
        log.info("instance_sent_again_in_another_encoding", sop_instance_uid=uid)
        # Its own, or one that a crash left.
        forget_conflict(self._engine, uid, digest.hex())
        return _accepted("duplicate", header)

    def _index(
        self,
        header: Header,
        digest: bytes,
        appended: Appended,
        staged: StagedRecord | None,
        source: str,
        origin: Origin,
        uncompared: Sequence[bytes | memoryview],
    ) -> Accepted:
        """`uncompared`: the file in pieces, where it was not compared with what is stored."""
        location, note = appended.location, appended.note
        new = NewInstance(
            header, location, digest.hex(), source, origin, note.received_at, note.generation
        )
        outcome = self._group_commit.commit(new, staged)
        # What another process has stored may be known by its row alone.
        if outcome == "duplicate" and self._is_damaged(header):
            self._replace(header, new.digest, appended)
        if outcome == "conflict":
            if uncompared and (same := self._same_as_stored(header, digest, uncompared)):
                return same
            log.warning(
                "instance_conflict", sop_instance_uid=header.sop_instance_uid, source=source
            )
        return _accepted(outcome, header)


def _source(header: Header, source: str, note_source: str) -> str:
    return note_source if note_source and header.sop_class_uid == KEY_OBJECT_SELECTION else source


def _check_same_instance(header: Header, sop_class_uid: str, sop_instance_uid: str) -> None:
    for keyword, stated, found in (
        ("SOPInstanceUID", sop_instance_uid, header.sop_instance_uid),
        ("SOPClassUID", sop_class_uid, header.sop_class_uid),
    ):
        if stated != found:
            raise InvalidRequest(
                f"The C-STORE request and its data set name different {keyword}s.",
                remedy="Check the sending system.",
            )


def _accepted(outcome: Outcome, header: Header) -> Accepted:
    accepted = Accepted(
        outcome,
        header.study_instance_uid,
        header.series_instance_uid,
        header.sop_instance_uid,
        header.sop_class_uid,
    )
    tell_stored(accepted)
    return accepted
