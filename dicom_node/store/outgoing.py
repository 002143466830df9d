"""What to propose to a peer, and a stored instance as the peer takes it."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import BinaryIO, Generic, Protocol, TypeVar

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)
from pynetdicom.dsutils import encode
from pynetdicom.presentation import PresentationContext, build_context

from dicom_node.association.contexts import PLAIN_TRANSFER_SYNTAXES, is_decodable
from dicom_node.association.requestor import MAX_CONTEXTS
from storage.core.errors import LimitExceeded
from storage.dicom.dataset_reader import read_part10
from storage.dicom.file_meta import read_file_meta
from storage.pixels.decoding import decompress

_UNCOMPRESSED = (
    *PLAIN_TRANSFER_SYNTAXES,
    str(DeflatedExplicitVRLittleEndian),
    str(ExplicitVRBigEndian),
)
_PIECE_BYTES = 4 * 1024 * 1024
_MAX_DECODED_BYTES = 2 * 1024 * 1024 * 1024


class Sendable(Protocol):
    """What is looked at here of a `scu.SendItem`."""

    @property
    def sop_class_uid(self) -> str: ...

    @property
    def transfer_syntax_uid(self) -> str: ...


Item = TypeVar("Item", bound=Sendable)


class CannotConvert(Exception):
    """The peer takes none of the syntaxes in which the instance can be sent.

    The message continues a sentence that begins with the peer's name.
    """


class Unreadable(Exception):
    """The stored instance cannot be read or decoded; the message is the kind of error."""


@dataclass(slots=True)
class Batch(Generic[Item]):
    """Items that share an association, numbered as they were given."""

    contexts: list[PresentationContext] = field(default_factory=list)
    items: list[tuple[int, Item]] = field(default_factory=list)


def plan_contexts(items: Iterable[tuple[int, Item]]) -> Iterator[Batch[Item]]:
    """Divide items so that no association needs more than 128 contexts.

    Each pair of SOP class and stored syntax is a context of its own: a peer
    that may choose among syntaxes in one context would choose one for all.
    Instances that can be re-encoded add contexts in the two plain syntaxes.
    """
    batch: Batch[Item] = Batch()
    pairs: dict[tuple[str, str], None] = {}
    for number, item in items:
        wanted = [(item.sop_class_uid, syntax) for syntax in _acceptable(item.transfer_syntax_uid)]
        missing = [pair for pair in wanted if pair not in pairs]
        if len(pairs) + len(missing) > MAX_CONTEXTS:
            yield batch
            batch, pairs, missing = Batch(), {}, wanted
        pairs.update(dict.fromkeys(missing))
        batch.contexts += [build_context(sop_class, [syntax]) for sop_class, syntax in missing]
        batch.items.append((number, item))
    if batch.items:
        yield batch


def encoded_pieces(
    file: BinaryIO, item: Sendable, accepted: Mapping[tuple[str, str], int]
) -> tuple[int, Iterator[memoryview]]:
    """The context to use, and the encoded data set of a part-10 file piece by piece.

    `accepted` maps (SOP class, transfer syntax) to context ids. A data set in
    its stored syntax is never held as a whole. Raises CannotConvert where the
    peer takes neither the stored syntax nor one that the instance can be
    re-encoded in, and Unreadable, also while pieces are taken.
    """
    for syntax in _acceptable(item.transfer_syntax_uid):
        context_id = accepted.get((item.sop_class_uid, syntax))
        if context_id is None:
            continue
        if syntax == item.transfer_syntax_uid:
            return context_id, _as_stored(file)
        return context_id, iter([memoryview(_converted(file, item.transfer_syntax_uid, syntax))])
    stored = UID(item.transfer_syntax_uid).name
    raise CannotConvert(
        f"does not accept {UID(item.sop_class_uid).name} in {stored},"
        " nor in a syntax that the node can convert it to."
    )


@lru_cache(maxsize=256)
def _acceptable(transfer_syntax_uid: str) -> tuple[str, ...]:
    """The stored syntax, then those it can be re-encoded in."""
    if transfer_syntax_uid in _UNCOMPRESSED or is_decodable(transfer_syntax_uid):
        others = (syntax for syntax in PLAIN_TRANSFER_SYNTAXES if syntax != transfer_syntax_uid)
        return (transfer_syntax_uid, *others)
    return (transfer_syntax_uid,)


def _as_stored(file: BinaryIO) -> Iterator[memoryview]:
    with _reading():
        piece = file.read(_PIECE_BYTES)
        piece = piece[read_file_meta(piece).dataset_offset :]
    while piece:
        yield memoryview(piece)
        with _reading():
            piece = file.read(_PIECE_BYTES)


def _converted(file: BinaryIO, stored_syntax_uid: str, transfer_syntax_uid: str) -> bytes:
    with _reading(), warnings.catch_warnings():
        # Odd values are the sender's, and go on as they came.
        warnings.simplefilter("ignore")
        dataset = read_part10(file)
        if UID(stored_syntax_uid).is_encapsulated:
            size = get_expected_length(dataset) if "PixelData" in dataset else 0
            if size > _MAX_DECODED_BYTES:
                raise CannotConvert(f"needs it uncompressed, and that would be {size >> 20} MiB.")
            if "PixelData" in dataset:
                try:
                    decompress(dataset, _MAX_DECODED_BYTES)
                except LimitExceeded as error:
                    raise CannotConvert(f"needs it uncompressed. {error.message}") from error
        if not UID(stored_syntax_uid).is_little_endian:
            _swap_bulk_bytes(dataset)
        target = UID(transfer_syntax_uid)
        encoded = encode(dataset, target.is_implicit_VR, target.is_little_endian)
        if encoded is None:
            raise ValueError("The data set cannot be encoded in another transfer syntax.")
        return bytes(encoded)


# Values that pydicom keeps as the bytes that came, by the size of what is in them.
_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def _swap_bulk_bytes(dataset: Dataset) -> None:
    """Turn the words of a big-endian data set round, in sequences too (PS3.5 7.3).

    pydicom swaps what it decodes, and leaves bulk data to its user. PixelData of 8 bits in
    OW is words as well: its bytes stand in pairs (PS3.5 annex D, figure D-3 of old editions).
    """

    def swap(_: Dataset, element: DataElement) -> None:
        size = _WORD_BYTES.get(element.VR)
        if size and isinstance(element.value, bytes):
            whole = len(element.value) - len(element.value) % size
            words = np.frombuffer(element.value[:whole], f">u{size}")
            element.value = words.astype(f"<u{size}").tobytes() + element.value[whole:]

    dataset.walk(swap)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except CannotConvert:
        raise
    except Exception as error:
        # Whatever pydicom, a codec or the storage meets in the stored bytes. The
        # error's own text may quote them, so only its kind is reported.
        raise Unreadable(type(error).__name__) from error
