"""A document is read without what stands beside it."""

import tracemalloc
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.container import Storage
from storage.core.entities import Instance
from storage.core.errors import LimitExceeded
from storage.integrity import documents
from storage.integrity.documents import encapsulated_document
from tests.storage.instances import part10

pytestmark = pytest.mark.parametrize("storage_settings", ["sqlite+filesystem"], indirect=True)
MIB = 1 << 20
DOCUMENT = b"%PDF-1.7" + bytes(3 * MIB) + b"odd"
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]


def stored(storage: Storage, syntax: UID, beside_bytes: int, document: bytes) -> Instance:
    dataset = dcmread(BytesIO(part10()))
    del dataset.PixelData
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.private_block(0x0009, "X", create=True).add_new(0x01, "OB", bytes(beside_bytes))
    dataset.EncapsulatedDocument = document + bytes(len(document) % 2)
    dataset.EncapsulatedDocumentLength = len(document)
    written = BytesIO()
    dataset.save_as(written, enforce_file_format=True)
    storage.ingest.accept(written.getvalue(), "dimse:STRANGER")
    return storage.index.instance(str(dataset.SOPInstanceUID))


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("document", [DOCUMENT, b"%PDF-1.7 short"])
def test_it_is_that_of_the_instance(storage: Storage, syntax: UID, document: bytes) -> None:
    instance = stored(storage, syntax, 2 * MIB, document)
    header, found = encapsulated_document(storage.instances, instance)
    assert found == document
    assert header.PatientID == "P1"


def test_a_private_value_beside_it_takes_no_memory(storage: Storage) -> None:
    """One of 300 MB took 600 MiB at each request for the document."""
    instance = stored(storage, ExplicitVRLittleEndian, 48 * MIB, DOCUMENT)
    tracemalloc.start()
    try:
        _, found = encapsulated_document(storage.instances, instance)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == DOCUMENT
    assert peak_bytes < 16 * MIB


def test_a_very_long_one_is_refused(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_DOCUMENT_BYTES", 2 * MIB)
    instance = stored(storage, ExplicitVRLittleEndian, 0, DOCUMENT)
    with pytest.raises(LimitExceeded, match="has 3 MiB, of at most 2"):
        encapsulated_document(storage.instances, instance)
