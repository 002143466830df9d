"""The document within an instance of an encapsulated one (PS3.3 C.24.2), and nothing else of it."""

from typing import TYPE_CHECKING

from storage.core.entities import Instance
from storage.core.errors import LimitExceeded
from storage.dicom.long_values import unread
from storage.integrity.instance_reader import InstanceReader

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_DOCUMENT_BYTES = 256 << 20
"""Held in memory by who shows or reads it."""
_DEFLATED = "1.2.840.10008.1.2.1.99"


def encapsulated_document(
    reader: InstanceReader, instance: Instance
) -> "tuple[Dataset, bytes | None]":
    """The header, without long values, and the document; None where there is none.

    Raises LimitExceeded where it has more than MAX_DOCUMENT_BYTES, and as `InstanceReader.dataset`.
    """
    # What a deflated one inflates to is bounded, and has no addresses in the file.
    is_deflated = instance.transfer_syntax_uid == _DEFLATED
    header = reader.dataset(
        instance, stop_before_pixels=True, long_values="read" if is_deflated else "noted"
    )
    element = header.get_item("EncapsulatedDocument")
    if element is None:
        return header, None
    place = unread(element)
    if place is None:
        document = header.get("EncapsulatedDocument")
        document = bytes(document) if document else None
    elif place.length > MAX_DOCUMENT_BYTES:
        raise LimitExceeded(
            f"The document of the instance {instance.sop_instance_uid} has {place.length >> 20}"
            f" MiB, of at most {MAX_DOCUMENT_BYTES >> 20}.",
            remedy="Retrieve the instance as DICOM, or its bulk data by address.",
        )
    else:
        document = reader.read(instance, place.offset, place.length)
    return header, document and unpadded(header, document)


def unpadded(header: "Dataset", document: bytes) -> bytes:
    """As long as EncapsulatedDocumentLength says (PS3.3 C.24.2), whole where that is no length."""
    length = header.get("EncapsulatedDocumentLength")
    return document[:length] if isinstance(length, int) and length > 0 else document
