"""Bytes that almost are a DICOM conversation, for Hypothesis.

Parts of a valid one are kept, dropped, repeated, cut, and changed in single
bytes, so that every layer is reached: PDU, PDV, command set, data set.
"""

from hypothesis import strategies as st
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.faults.pushing import Batch
from tests.faults.raw_peer import (
    ABORT,
    ASSOCIATE_RQ,
    DATA,
    RELEASE_RQ,
    VERIFICATION,
    associate_request,
    context,
    fragments,
    pdu,
    store_message,
)

_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
_STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_CONTEXTS = [
    *(context(2 * n + 1, CTImageStorage, [syntax]) for n, syntax in enumerate(_SYNTAXES)),
    context(9, VERIFICATION, [ImplicitVRLittleEndian]),
    context(11, _STUDY_ROOT_FIND, [ImplicitVRLittleEndian]),
]
_REQUEST = pdu(ASSOCIATE_RQ, associate_request(_CONTEXTS))
_ONE = Batch(1009, side=4).make()


def _store(context_id: int, data_set: bytes) -> bytes:
    return store_message(context_id, CTImageStorage, _ONE.sop_instance_uid, data_set)


@st.composite
def _damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A few bytes changed, inserted or taken away."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        piece = draw(st.binary(max_size=8))
        taken = draw(st.integers(0, 8))
        data[at : at + taken] = piece
    return bytes(data)


def _parts() -> st.SearchStrategy[bytes]:
    contexts = st.sampled_from([1, 3, 5, 7, 9, 11, 2, 255])
    data_sets = st.one_of(st.just(_ONE.data_set), _damaged(_ONE.data_set), st.binary(max_size=300))
    stores = st.builds(_store, contexts, data_sets)
    commands = st.builds(
        lambda context_id, command: fragments(context_id, command, is_command=True),
        contexts,
        st.one_of(st.binary(max_size=120), _damaged(_store(1, b"")[12:-12])),
    )
    return st.one_of(
        stores,
        stores.flatmap(_damaged),
        commands,
        st.builds(pdu, st.sampled_from([*range(9), DATA, DATA]), st.binary(max_size=200)),
        st.binary(max_size=64),
        st.sampled_from([pdu(RELEASE_RQ, bytes(4)), pdu(ABORT, bytes(4)), _REQUEST]),
    )


def conversations() -> st.SearchStrategy[list[bytes]]:
    """What one peer sends over the life of a connection, in pieces."""
    opening = st.one_of(st.just(_REQUEST), st.just(_REQUEST), _damaged(_REQUEST))
    return st.builds(lambda first, rest: [first, *rest], opening, st.lists(_parts(), max_size=6))
