"""What the SCP accepts, and how errors become statuses."""

import time

import pytest
from pydicom.uid import AllTransferSyntaxes, ExplicitVRLittleEndian
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context, negotiate_as_acceptor
from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS

from dicom_node.association.contexts import (
    STORAGE_TRANSFER_SYNTAXES,
    supported_contexts,
)
from dicom_node.status import _QUERY, _STORE, DimseStatus, describe, is_stored, store_status
from storage.core.errors import InvalidInstance, MediViewError, StorageFull
from storage.dicom.storage_classes import is_storage_class


def test_every_storage_class_of_pynetdicom_is_accepted() -> None:
    assert [
        c for c in AllStoragePresentationContexts if not is_storage_class(c.abstract_syntax)
    ] == []


def test_every_transfer_syntax_of_pydicom_is_accepted() -> None:
    left_out = set(map(str, AllTransferSyntaxes)) - STORAGE_TRANSFER_SYNTAXES
    # SMPTE ST 2110: streams beside DICOM, not data sets.
    assert all(uid.startswith("1.2.840.10008.1.2.7.") for uid in left_out)


@pytest.mark.parametrize(
    ("uid", "accepted"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", True),
        ("1.2.840.10008.5.1.4.1.1.66.7", True),  # Label Map Segmentation
        ("1.2.840.10008.5.1.4.1.1.99999", True),  # of a later standard
        ("1.2.840.10008.5.1.4.34.7", True),  # RT Beams Delivery Instruction
        ("1.3.12.2.1107.5.9.1", True),  # Siemens CSA Non-Image
        ("1.2.840.10008.1.1", False),  # Verification
        ("1.2.840.10008.1.20.1", False),  # Storage Commitment
        ("1.2.840.10008.1.3.10", False),  # Media Storage Directory
        ("1.2.840.10008.5.1.4.1.1.200.1", True),  # CT Defined Procedure Protocol
        ("1.2.840.10008.5.1.4.1.1.201.2", False),  # Inventory - FIND
        ("1.2.840.10008.5.1.4.1.2.2.1", False),  # Study Root FIND
        ("1.2.840.10008.3.1.2.3.3", False),  # MPPS
        ("1.2.840.10008.5.1.4.31", False),  # Modality Worklist FIND
        ("1.2.840.10008.1.2.1", False),  # a transfer syntax
        ("1.2.840.10008.99", False),
        ("", False),
    ],
)
def test_what_counts_as_a_storage_class(uid: str, accepted: bool) -> None:
    assert is_storage_class(uid) is accepted


def test_the_peer_s_order_of_syntaxes_is_kept() -> None:
    proposed = _numbered(
        [
            build_context(
                "1.2.840.10008.5.1.4.1.1.2", ["1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.1"]
            )
        ]
    )
    result, _ = negotiate_as_acceptor(proposed, supported_contexts(proposed))
    assert [str(c.transfer_syntax[0]) for c in result] == ["1.2.840.10008.1.2.4.80"]


def test_an_unknown_transfer_syntax_alone_is_rejected() -> None:
    proposed = _numbered([build_context("1.2.840.10008.5.1.4.1.1.2", ["1.2.3.4"])])
    result, _ = negotiate_as_acceptor(proposed, supported_contexts(proposed))
    assert [c.result for c in result] == [0x03]


def test_negotiating_128_contexts_is_cheap() -> None:
    """Every context times every syntax registered cost 51 ms; 20 associations a second."""
    proposed = _numbered(AllStoragePresentationContexts[:128])
    supported_contexts(proposed)
    started = time.process_time()
    for _ in range(20):
        negotiate_as_acceptor(proposed, supported_contexts(proposed))
    assert (time.process_time() - started) / 20 < 0.02


def test_comments_fit_and_statuses_are_those_of_the_storage_service() -> None:
    for status in [*_STORE.values(), *_QUERY.values()]:
        assert 0 < len(status.comment) <= 64
    for status in _STORE.values():
        assert status.code in STORAGE_SERVICE_CLASS_STATUS
    with pytest.raises(ValueError, match="64"):
        DimseStatus(0xC000, "x" * 65)


def test_an_error_finds_its_status_and_a_strange_one_is_a_processing_failure() -> None:
    assert store_status(StorageFull("Full.")).code == 0xA700
    assert store_status(InvalidInstance("Bad.")).code == 0xC000
    assert store_status(MediViewError("Else.")).code == 0x0110


@pytest.mark.parametrize(
    ("code", "stored", "words"),
    [
        (0x0000, True, "success"),
        (0xB000, True, "coerced"),
        (0xA701, False, "out of resources"),
        (0xA9FF, False, "does not match"),
        (0xC123, False, "cannot understand"),
        (0x0122, False, "not supported"),
        (0x1234, False, "unknown"),
    ],
)
def test_a_peer_s_status_in_words(code: int, stored: bool, words: str) -> None:
    assert is_stored(code) is stored
    assert words in describe(code)


def _numbered(contexts: list[PresentationContext]) -> list[PresentationContext]:
    numbered = []
    for index, context in enumerate(contexts):
        copy = build_context(
            context.abstract_syntax, list(context.transfer_syntax or [ExplicitVRLittleEndian])
        )
        copy.context_id = 2 * index + 1
        numbered.append(copy)
    return numbered
