"""Uploaded pictures and documents: compared with what arrived each time that they are read."""

import hashlib
from typing import BinaryIO

import structlog

from storage.core.errors import InstanceDamaged, NotFound
from storage.objects.store import ObjectStore

log = structlog.get_logger(__name__)

_PIECE_BYTES = 1 << 20


def digest_of_file(file: BinaryIO) -> str:
    """SHA-256 of all that it holds, in hexadecimal; leaves it at its start."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def read_upload(objects: ObjectStore, object_key: str, digest: str) -> bytes:
    """What was uploaded under that key.

    Raises InstanceDamaged where the bytes are no longer those that arrived, NotFound where they
    are gone, StorageUnavailable. What earlier versions took has no digest to compare with.
    """
    content = objects.get(object_key)
    if digest and hashlib.sha256(content).hexdigest() != digest:
        log.error("upload_damaged", object_key=object_key)
        raise InstanceDamaged(
            f"The uploaded file {object_key} is damaged: its bytes are no longer those that"
            " arrived.",
            remedy="Upload it again, and check the disk that holds it.",
        )
    return content


def is_intact(objects: ObjectStore, object_key: str, digest: str) -> bool:
    """Whether that object is there and has the digest. Raises StorageUnavailable."""
    try:
        with objects.open(object_key) as file:
            return digest_of_file(file) == digest
    except NotFound:
        return False
