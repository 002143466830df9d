"""How instances enter: C-STORE, STOW-RS, uploads and the node's own results all pass here.

`docs/receiving.md` describes the path from the socket to the acknowledgement.
"""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from storage.core.callers.visibility import current_visibility
from storage.core.entities import NO_ASSOCIATION, Origin, StoreAssociation
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.sources import KEY_OBJECT_SELECTION, of_limited_caller
from storage.dicom.file_meta import make_file_meta
from storage.dicom.part10 import Header, read_dataset_header, read_header
from storage.index.indexer import Indexer
from storage.ingest.accepted import Accepted
from storage.ingest.bucket_confirmation import BucketConfirmation
from storage.ingest.instance_stream import SPILL_BYTES, InstanceStream
from storage.ingest.storing import InstanceStore
from storage.ingest.strangers import Strangers
from storage.integrity.repository import DamagedInstances
from storage.reconciliation.crash_recovery import CrashRecovery
from storage.volumes.large_instance import LargeVolume
from storage.volumes.writer import VolumeWriter


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
        turns: Path | None = None,
        *,
        own_disks: bool = False,
        confirmation: BucketConfirmation | None = None,
        strangers: Strangers | None = None,
    ) -> None:
        """As `InstanceStore`; without `turns` nobody else decides conflicts, without `strangers`
        unknown peers add to any series.

        `own_disks`: no other host could index again what a crash of the database took.
        """
        recover = recovery.run_if_due if recovery and recovery.watches else None
        self._indexer = Indexer(engine, recover, waits=own_disks)
        self._store = InstanceStore(
            engine, volumes, self._indexer, read_stored, damaged, turns, confirmation
        )
        self._strangers = strangers
        self._volumes = volumes
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
        StorageUnavailable; then nothing of it is visible, but after StorageUnavailable it may
        become so once the database is back, as `docs/receiving.md` says.
        """
        if len(part10) > self._max_instance_bytes:
            raise LimitExceeded(
                f"The instance has {len(part10)} bytes; the limit is {self._max_instance_bytes}.",
                remedy="Raise MEDIVIEW_MAX_INSTANCE_BYTES if instances of this size are wanted.",
            )
        header = read_header(part10)
        named = _of_caller(_source(header, source, note_source), origin)
        return self._accept_whole(part10, header, named, origin)

    def differs(self, part10: bytes) -> bool:
        """Whether something else is stored under the UID, or was once made under it by the node."""
        header = read_header(part10)
        whole = memoryview(part10)
        pieces = whole[: header.dataset_offset], whole[header.dataset_offset :]
        return self._store.differs(header, pieces)

    def accept_dimse(
        self,
        dataset_bytes: bytes | memoryview,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        calling_ae_title: str,
        association: StoreAssociation = NO_ASSOCIATION,
        is_known: bool = True,
    ) -> Accepted:
        """Store one data set of a C-STORE, byte for byte, under a part 10 header of ours.

        `is_known`: whether a known peer calls by that AE title. Raises NotPermitted for what no
        other may add to (`storage.ingest.strangers`), InvalidRequest when command and data set
        name different instances (PS3.4 B.2.3, status A900), and what `accept` raises.
        """
        meta = make_file_meta(sop_class_uid, sop_instance_uid, transfer_syntax_uid)
        header = read_dataset_header(meta, transfer_syntax_uid, dataset_bytes)
        _check_same_instance(header, sop_class_uid, sop_instance_uid)
        if not is_known and self._strangers is not None:
            self._strangers.check(header, calling_ae_title)
        return self._store.pieces(
            meta, dataset_bytes, header, f"dimse:{calling_ae_title}", "received", association
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
        named, of_note = _of_caller(source, origin), note_source and _of_caller(note_source, origin)
        return self._open_stream(b"", named, origin, check, of_note)

    def open_dimse_stream(
        self,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        calling_ae_title: str,
        association: StoreAssociation = NO_ASSOCIATION,
        is_known: bool = True,
    ) -> InstanceStream[Accepted]:
        """Take the data set of one C-STORE piece by piece, in constant memory."""

        def check(header: Header) -> None:
            _check_same_instance(header, sop_class_uid, sop_instance_uid)
            if not is_known and self._strangers is not None:
                self._strangers.check(header, calling_ae_title)

        return self._open_stream(
            make_file_meta(sop_class_uid, sop_instance_uid, transfer_syntax_uid),
            f"dimse:{calling_ae_title}",
            "received",
            check,
            association=association,
        )

    def _open_stream(
        self,
        prefix: bytes,
        source: str,
        origin: Origin,
        check: Callable[[Header], None],
        note_source: str = "",
        association: StoreAssociation = NO_ASSOCIATION,
    ) -> InstanceStream[Accepted]:
        def open_large(dataset_offset: int) -> LargeVolume:
            self._store.check_acknowledged(origin)
            self._volumes.check_folder()
            self._volumes.check_free_disk(SPILL_BYTES)
            return LargeVolume(
                self._volumes.folder,
                source=source,
                origin=origin,
                dataset_offset=dataset_offset,
                association=association,
                generation=self._volumes.generation.current,
                admit=self._volumes.check_free_disk,
                check_folder=self._volumes.check_folder,
            )

        def accept_small(part10: bytes) -> Accepted:
            header = read_header(part10)
            check(header)
            named = _source(header, source, note_source)
            return self._accept_whole(part10, header, named, origin, association)

        def accept_large(header: Header, large: LargeVolume) -> Accepted:
            check(header)
            return self._store.large(header, large)

        return InstanceStream(
            prefix=prefix,
            max_bytes=self._max_instance_bytes,
            open_large=open_large,
            accept_small=accept_small,
            accept_large=accept_large,
        )

    def _accept_whole(
        self,
        part10: bytes | memoryview,
        header: Header,
        source: str,
        origin: Origin,
        association: StoreAssociation = NO_ASSOCIATION,
    ) -> Accepted:
        whole = memoryview(part10)
        meta, dataset = whole[: header.dataset_offset], whole[header.dataset_offset :]
        return self._store.pieces(meta, dataset, header, source, origin, association)


def _of_caller(source: str, origin: Origin) -> str:
    is_limited = origin == "received" and current_visibility() is not None
    return of_limited_caller(source) if is_limited else source


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
