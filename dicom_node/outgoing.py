"""What to propose to a peer, and a stored instance as the peer takes it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, Generic, Protocol, TypeVar

from pydicom import dcmread
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.dsutils import encode
from pynetdicom.presentation import PresentationContext, build_context

from dicom_node.requestor import MAX_CONTEXTS
from storage.part10 import read_file_meta

# What pydicom can write from one another without touching a pixel.
_LITTLE_ENDIAN_UNCOMPRESSED = (
    str(ExplicitVRLittleEndian),
    str(ImplicitVRLittleEndian),
    str(DeflatedExplicitVRLittleEndian),
)


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


@dataclass(slots=True)
class Batch(Generic[Item]):
    """Items that share an association, numbered as they were given."""

    contexts: list[PresentationContext] = field(default_factory=list)
    items: list[tuple[int, Item]] = field(default_factory=list)


def plan_contexts(items: Iterable[tuple[int, Item]]) -> Iterator[Batch[Item]]:
    """Divide items so that no association needs more than 128 contexts.

    Each pair of SOP class and stored syntax is a context of its own: a peer
    that may choose among syntaxes in one context would choose one for all.
    Uncompressed instances add contexts in the two plain syntaxes.
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


def read_data_set(
    file: BinaryIO, item: Sendable, accepted: Mapping[tuple[str, str], int]
) -> tuple[int, memoryview]:
    """The context to use and the encoded data set of a part-10 file.

    `accepted` maps (SOP class, transfer syntax) to context ids. Raises
    CannotConvert where the peer takes neither the stored syntax nor one that
    the instance can be re-encoded in.
    """
    context_id = accepted.get((item.sop_class_uid, item.transfer_syntax_uid))
    content = file.read()
    if context_id is not None:
        return context_id, memoryview(content)[read_file_meta(content).dataset_offset :]
    for syntax in _acceptable(item.transfer_syntax_uid)[1:]:
        context_id = accepted.get((item.sop_class_uid, syntax))
        if context_id is not None:
            return context_id, memoryview(_encoded_as(content, UID(syntax)))
    stored = UID(item.transfer_syntax_uid).name
    raise CannotConvert(
        f"does not accept {UID(item.sop_class_uid).name} in {stored},"
        " nor in a syntax that the node can convert it to."
    )


def _acceptable(transfer_syntax_uid: str) -> list[str]:
    """The stored syntax, then those it can be re-encoded in."""
    if transfer_syntax_uid not in _LITTLE_ENDIAN_UNCOMPRESSED:
        return [transfer_syntax_uid]
    plain = _LITTLE_ENDIAN_UNCOMPRESSED[:2]
    return [transfer_syntax_uid, *(syntax for syntax in plain if syntax != transfer_syntax_uid)]


def _encoded_as(content: bytes, transfer_syntax_uid: UID) -> bytes:
    dataset = dcmread(BytesIO(content))
    encoded = encode(
        dataset,
        transfer_syntax_uid.is_implicit_VR,
        transfer_syntax_uid.is_little_endian,
        transfer_syntax_uid.is_deflated,
    )
    if encoded is None:
        raise ValueError("The data set cannot be encoded in another transfer syntax.")
    return bytes(encoded)
