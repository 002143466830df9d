"""Give damaged instances their bytes back from a destination that proved that it holds them.

What comes back is taken for nothing but the very data set that arrived: its digest is compared
before it is stored, and receiving it again repairs it (decision 0044).
"""

import random
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Protocol

import structlog

from dicom_node.network.throttle import PIECE_BYTES
from dicom_node.peers import PeerFailed
from inference.deliveries.destinations import DestinationStorage, open_destination
from storage.container.has import HasDamaged, HasIngest, HasVolumes
from storage.core.entities import Instance
from storage.core.errors import InvalidInstance, InvalidRequest, NotFound
from storage.dicom.digests import proves_pieces
from storage.dicom.file_meta import read_file_meta

log = structlog.get_logger(__name__)

_AT_ONCE = 20
_LOOKED_AT = 2000
_IN_MEMORY_BYTES = 64 << 20
_HEAD_BYTES = 64 << 10


class HealingStorage(DestinationStorage, HasDamaged, HasIngest, HasVolumes, Protocol):
    """What of the storage layer damaged instances are replaced with."""


def heal_from_destinations(
    storage: HealingStorage, stopping: Callable[[], bool] = lambda: False
) -> int:
    """How many instances are whole again. Raises StorageFull, StorageUnavailable."""
    healed = 0
    noted_ones = storage.damaged.to_repair(_LOOKED_AT, has_copy=False)
    # Those that nobody gives back must not hide the others for ever.
    random.shuffle(noted_ones)
    asked = 0
    for noted in noted_ones:
        if stopping() or asked >= _AT_ONCE:
            break
        try:
            instance = storage.index.instance(noted.sop_instance_uid)
        except NotFound:
            continue
        destinations = storage.deliveries.confirmed_by(instance.sop_instance_uid)
        asked += bool(destinations)
        healed += any(_heal(storage, instance, name) for name in destinations)
    return healed


def _heal(storage: HealingStorage, instance: Instance, destination: str) -> bool:
    peer = storage.peers.find(destination)
    if peer is None:
        return False
    folder = storage.settings.data_dir
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(folder)) as file:
        received = 0

        def write(piece: bytes) -> None:
            nonlocal received
            received += len(piece)
            # The file meta of another archive may be longer than ours.
            if received > instance.size_bytes + _HEAD_BYTES:
                raise PeerFailed(f"{destination} answers more than the instance has.")
            file.write(piece)

        try:
            open_destination(storage, peer).fetch(instance, write)
            is_it = _is_data_set_of(instance, file)
        except (PeerFailed, InvalidRequest, InvalidInstance) as error:
            log.info("not_healed", destination=destination, error=error.code)
            return False
        if not is_it:
            log.warning(
                "destination_holds_other_bytes",
                destination=destination,
                sop_instance_uid=instance.sop_instance_uid,
            )
            return False
        file.seek(0)
        stream = storage.ingest.open_stream(instance.source)
        try:
            for piece in _pieces(file):
                stream.write(piece)
            stream.finish()
        finally:
            stream.discard()
    healed = not storage.damaged.needs_bytes(instance.sop_instance_uid, storage.volumes.folder)
    if healed:
        log.info(
            "instance_healed",
            destination=destination,
            sop_instance_uid=instance.sop_instance_uid,
        )
    return healed


def _is_data_set_of(instance: Instance, file: IO[bytes]) -> bool:
    file.seek(0)
    meta = read_file_meta(file.read(_HEAD_BYTES))

    def data_set() -> Iterator[bytes]:
        file.seek(meta.dataset_offset)
        return _pieces(file)

    same_syntax = meta.transfer_syntax_uid == instance.transfer_syntax_uid
    return same_syntax and proves_pieces(instance.digest, data_set)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
