"""Storing one instance: durable in a volume, then a row in the index; known bytes are not kept
twice, and what differs is kept aside as a conflict."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Engine

from storage.access_groups.senders import StudySenders
from storage.core.callers.request_context import tell_stored
from storage.core.callers.shares import current_caller
from storage.core.callers.visibility import Visibility, as_node, current_visibility
from storage.core.entities import NO_ASSOCIATION, Origin, StoreAssociation
from storage.core.errors import InstanceDamaged, NotFound, StorageUnavailable
from storage.core.sources import is_own
from storage.core.uids import UUID_ROOT
from storage.db.engine import reading
from storage.deletion.renewal import Renewal
from storage.deletion.service import discard_content
from storage.dicom.digests import digest_of, proves
from storage.dicom.part10 import Header
from storage.dicom.storage_classes import check_storage_class
from storage.index.generated_instances import generated_under
from storage.index.indexer import Indexer
from storage.index.insert_instance import NewInstance, find_known, received_aside_at
from storage.index.tombstones import Discarded
from storage.ingest.accepted import Accepted
from storage.ingest.bucket_confirmation import BucketConfirmation
from storage.ingest.conflict_room import conflict_room
from storage.ingest.content_digest import content_digest
from storage.ingest.group_commit import GroupCommit
from storage.ingest.returned_content import ReturnedContent
from storage.ingest.same_content import COMPARED_MAX_BYTES, is_same_content
from storage.integrity.repository import DamagedInstances
from storage.processes.turn_taking import turn
from storage.volumes.files import translated_os_errors
from storage.volumes.large_instance import LargeVolume
from storage.volumes.records import Appended
from storage.volumes.writer import StagedRecord, VolumeWriter

log = structlog.get_logger(__name__)

# CT, MR and PET, enhanced ones too (PS3.4 B.5): most of what arrives, and no result has such a
# class. Nothing is asked of the index for them; what is not named here is asked about.
_IMAGE_CLASSES = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{ending}" for ending in ("2", "2.1", "4", "4.1", "128", "130")
)


class InstanceStore:
    def __init__(
        self,
        engine: Engine,
        volumes: VolumeWriter,
        indexer: Indexer,
        read_stored: Callable[[str, int], bytes | None],
        damaged: DamagedInstances | None,
        turns: Path | None,
        confirmation: BucketConfirmation | None,
    ) -> None:
        """`read_stored` gives the part 10 file of a UID, None where it is larger or not there.

        `turns`: the folder of that name of `storage.ingest.conflicts`.
        """
        self._confirmation = confirmation
        self._turns = turns
        self._returned_content = ReturnedContent()
        self._engine = engine
        self._senders = StudySenders(engine)
        self._conflict_room = conflict_room(engine)
        self._read_stored = read_stored
        self._indexer = indexer
        self._volumes = volumes
        self._damaged = damaged
        self._renewal = Renewal(engine, volumes.folder, volumes.generation)
        self._group_commit = GroupCommit(volumes, indexer, self._renewal)

    def pieces(
        self,
        meta: bytes | memoryview,
        dataset: bytes | memoryview,
        header: Header,
        source: str,
        origin: Origin,
        association: StoreAssociation,
    ) -> Accepted:
        check_storage_class(header.sop_class_uid)
        header.check_indexed()
        if self._confirmation is None and current_visibility() is None:
            accepted = self._store_pieces(meta, dataset, header, source, origin, association)
            tell_stored(accepted)
            return accepted
        store = partial(self._store_pieces, meta, dataset, header, source, origin, association)
        return self._acknowledge(header, origin, store)

    def large(self, header: Header, large: LargeVolume) -> Accepted:
        check_storage_class(header.sop_class_uid)
        header.check_indexed()
        return self._acknowledge(header, large.origin, partial(self._store_large, header, large))

    def check_acknowledged(self, origin: Origin) -> None:
        """Before a long instance is taken. Raises StorageUnavailable."""
        if self._confirmation is not None and origin == "received":
            self._confirmation.check()

    def _acknowledge(
        self, header: Header, origin: Origin, store: Callable[[], Accepted]
    ) -> Accepted:
        self.check_acknowledged(origin)
        visibility = current_visibility()
        accepted = store() if visibility is None else self._for_caller(visibility, header, store)
        # What the node made it makes again, and a conflict is copied behind its acknowledgement.
        if self._confirmation and origin == "received" and accepted.outcome != "conflict":
            self._confirmation.wait_for(accepted)
        tell_stored(accepted)
        return accepted

    def _for_caller(
        self, visibility: Visibility, header: Header, store: Callable[[], Accepted]
    ) -> Accepted:
        """Raises NotPermitted for a study that the caller may not add to."""
        # What is stored under a UID already must be known, no matter who sends it again.
        with as_node():
            begins = self._senders.check(visibility, header.study_instance_uid)
            accepted = store()
            if begins and accepted.outcome == "stored":
                self._senders.note(visibility, header.study_instance_uid)
            return accepted

    def differs(self, header: Header, pieces: Sequence[bytes | memoryview]) -> bool:
        """Whether what is stored under the UID, or what the node made under it before that was
        deleted, is something else than this file in any encoding."""
        uid = header.sop_instance_uid
        with as_node(), reading(self._engine) as connection:
            known = find_known(connection, uid)
        dataset = pieces[-1]
        digest = digest_of(dataset).hex()
        if known:
            return not (
                known == digest or proves(known, dataset) or self._is_stored_content(uid, pieces)
            )
        made = generated_under(self._engine, uid)
        if not made or any(one.digest == digest for one in made):
            return False
        if sum(map(len, pieces)) > COMPARED_MAX_BYTES:
            return True
        content = content_digest(b"".join(pieces))
        return not content or all(one.content_digest != content for one in made)

    def _needs_bytes(self, header: Header) -> bool:
        """Whether what is stored of an instance that arrived again needs its bytes.

        Where they are right they outlast the index from now on, too.
        """
        folder = self._volumes.folder
        if self._damaged is not None:
            with translated_os_errors(folder):
                if self._damaged.needs_bytes(header.sop_instance_uid, folder):
                    return True
        return not self._renewal.renew_known(header)

    def _replace(self, header: Header, digest: str, appended: Appended) -> None:
        if self._damaged is not None:
            self._damaged.replace(
                header.sop_instance_uid, digest, header.transfer_syntax_uid, appended.location
            )
            # It was acknowledged once: the row stays, whatever fails.
            new = NewInstance.of_note(header, appended.location, digest, appended.note)
            self._renewal.renew(new, "stored")

    def _store_pieces(
        self,
        meta: bytes | memoryview,
        dataset: bytes | memoryview,
        header: Header,
        source: str,
        origin: Origin,
        association: StoreAssociation,
    ) -> Accepted:
        digest = digest_of(dataset)
        known = self._indexer.known_digest(header)
        if known and (known == digest.hex() or proves(known, dataset)):
            if self._needs_bytes(header):
                staged = self._volumes.stage(
                    (meta, dataset),
                    digest=bytes.fromhex(known),
                    source=source,
                    origin=origin,
                    association=association,
                )
                self._replace(header, known, self._volumes.wait_for(staged))
            return Accepted.of("duplicate", header)
        pieces = (meta, dataset)
        if known and (same := self._same_as_stored(header, digest, pieces)):
            return same
        if known and not self._takes_aside(header, digest, len(meta) + len(dataset)):
            return Accepted.of("conflict", header)
        # `_returned` looks at the class, too; most instances are spared the call.
        if header.sop_class_uid not in _IMAGE_CLASSES and (
            own := self._returned(header, digest, pieces, source)
        ):
            source, origin, association = own, "generated", NO_ASSOCIATION
        staged = self._volumes.stage(
            pieces,
            digest=digest,
            source=source,
            origin=origin,
            is_aside=bool(known),
            association=association,
        )
        return self._index(header, digest, staged.appended, staged, () if known else pieces)

    def _store_large(self, header: Header, large: LargeVolume) -> Accepted:
        known = self._indexer.known_digest(header)
        if known and large.is_proved_by(known):
            # A digest of another kind would make a conflict of it, were the index rebuilt.
            if self._needs_bytes(header) and known == large.digest().hex():
                self._replace(header, known, large.finish())
            return Accepted.of("duplicate", header)
        digest = large.digest()
        with large.part10() as part10:
            if known and (same := self._same_as_stored(header, digest, (part10,))):
                return same
            if known and not self._takes_aside(header, digest, len(part10)):
                return Accepted.of("conflict", header)
            own = self._returned(header, digest, (part10,), large.source)
            if own and not large.attribute_to(own, "generated"):
                # Its header on disk was made before its content was known.
                log.warning(
                    "own_instance_stays_foreign",
                    sop_instance_uid=header.sop_instance_uid,
                    cause="the header of its record has no room for its source",
                )
            # The mapping outlasts the descriptor, which `finish` closes.
            appended = large.finish(is_aside=bool(known))
            return self._index(header, digest, appended, None, () if known else (part10,))

    def _takes_aside(self, header: Header, digest: bytes, size_bytes: int) -> bool:
        """Whether other content under a known UID is to be kept; not once more what waits already.

        Raises NoRoom.
        """
        if received_aside_at(self._engine, header.sop_instance_uid, digest.hex()) is not None:
            return False
        self._conflict_room.take(current_caller(), size_bytes)
        return True

    def _returned(
        self,
        header: Header,
        digest: bytes,
        pieces: Sequence[bytes | memoryview],
        source: str,
    ) -> str:
        """The source of what the node made once and others send back, as it was made; else empty.

        Its UID is known to everybody who has read it, so the content has to be the same.
        """
        uid = header.sop_instance_uid
        if (
            not uid.startswith(UUID_ROOT)
            or header.sop_class_uid in _IMAGE_CLASSES
            or is_own(source)
        ):
            return ""
        made = generated_under(self._engine, uid)
        return self._returned_content.source_of(uid, digest.hex(), made, pieces, source)

    def _same_as_stored(
        self, header: Header, digest: bytes, pieces: Sequence[bytes | memoryview]
    ) -> Accepted | None:
        """A duplicate, where the file is the stored one in another encoding, and no conflict."""
        uid = header.sop_instance_uid
        if not self._is_stored_content(uid, pieces):
            return None
        self._renewal.renew_known(header)
        log.info("instance_sent_again_in_another_encoding", sop_instance_uid=uid)
        # Its own, or one that a crash left.
        if received_aside_at(self._engine, uid, digest.hex()) is not None:
            self._discard(uid, digest.hex())
        return Accepted.of("duplicate", header)

    def _is_stored_content(self, uid: str, pieces: Sequence[bytes | memoryview]) -> bool:
        if sum(map(len, pieces)) > COMPARED_MAX_BYTES:
            return False
        try:
            stored = self._read_stored(uid, COMPARED_MAX_BYTES)
        except (InstanceDamaged, NotFound, StorageUnavailable):
            return False
        return stored is not None and is_same_content(stored, b"".join(pieces))

    def _discard(self, sop_instance_uid: str, digest: str) -> None:
        """Not while somebody accepts it: the tombstone would cover the copy that is stored then.

        A conflict that stays is discarded by the next resend, or by a person.
        """
        turns = self._turns
        alone = turn(self._engine, turns, "conflicts", 1, 0) if turns else nullcontext(True)
        with alone as is_alone:
            received_at = received_aside_at(self._engine, sop_instance_uid, digest)
            if is_alone and received_at is not None:
                content = Discarded(sop_instance_uid, digest, received_at)
                discard_content(self._engine, self._volumes, content)

    def _index(
        self,
        header: Header,
        digest: bytes,
        appended: Appended,
        staged: StagedRecord | None,
        uncompared: Sequence[bytes | memoryview],
    ) -> Accepted:
        """`uncompared`: the file in pieces, where it was not compared with what is stored."""
        new = NewInstance.of_note(
            header, appended.location, digest.hex(), appended.note, current_caller()
        )
        outcome = self._group_commit.commit(new, staged)
        # What another process has stored may be known by its row alone.
        if outcome == "duplicate" and self._needs_bytes(header):
            self._replace(header, new.digest, appended)
        if outcome == "conflict":
            if uncompared and (same := self._same_as_stored(header, digest, uncompared)):
                return same
            log.warning(
                "instance_conflict", sop_instance_uid=header.sop_instance_uid, source=new.source
            )
        return Accepted.of(outcome, header)
