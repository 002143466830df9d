"""C-GET and C-MOVE as SCU (PS3.4 C.4.2, C.4.3): have a peer send a whole study."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom.presentation import PresentationContext, StoragePresentationContexts, build_context
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import MAX_CONTEXTS, end, open_association
from dicom_node.network.messages import StoreReceiver
from dicom_node.peers import Peer, PeerDidNotAnswer, PeerFailed, PeerLacksService
from dicom_node.status import (
    CANNOT_UNDERSTAND,
    MOVE_DESTINATION_UNKNOWN,
    OUT_OF_RESOURCES,
    PENDING,
    REFUSED_NOT_AUTHORIZED,
    SOP_CLASS_MISMATCH,
    SOP_CLASS_NOT_SUPPORTED,
    SUB_OPERATIONS_FAILED,
    SUB_OPERATIONS_WARNING,
    SUCCESS,
)

# In each context the peer chooses one for all its instances of the class.
_SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)
_LACKS_SERVICE = frozenset({SOP_CLASS_NOT_SUPPORTED, REFUSED_NOT_AUTHORIZED, SOP_CLASS_MISMATCH})


@dataclass(frozen=True)
class Retrieved:
    """What became of the sub-operations by the peer's own word. Warnings count as completed."""

    completed: int
    failed: int


# What lies on tape comes late, but a peer that says "pending" for ever would keep who waits.
_STALLED_S = 3600.0


def get(
    peer: Peer,
    calling_ae_title: str,
    study_instance_uid: str,
    receiver: Callable[[NodeAssociation], StoreReceiver],
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    timeouts: Timeouts | None = None,
) -> Retrieved:
    """C-GET: the study comes over the same association, to `receiver`.

    `on_progress` hears of instances done and of all, as far as the peer says. Raises
    PeerLacksService where the peer offers no C-GET, PeerFailed where it does not do it now, and
    what the receiver raises.
    """
    model = StudyRootQueryRetrieveInformationModelGet
    storage = list(_storage_contexts())
    association = open_association(
        peer,
        calling_ae_title,
        [_message_context(model), *storage],
        timeouts,
        scp_of=[str(one.abstract_syntax) for one in storage],
    )
    if not _is_accepted(association, model):
        end(association)
        raise PeerLacksService(f"{peer} offers no C-GET to this node.")
    association.store_receiver = receiver(association)
    return _retrieve(
        association,
        association.send_c_get(_study(study_instance_uid), model),
        "C-GET",
        on_progress,
    )


def move(
    peer: Peer,
    calling_ae_title: str,
    study_instance_uid: str,
    destination: str,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    timeouts: Timeouts | None = None,
) -> Retrieved:
    """C-MOVE: the peer sends the study to the AE title `destination`, as it knows that.

    Raises PeerLacksService where the peer offers no C-MOVE, PeerFailed where it does not do it
    now, as when it does not know the destination.
    """
    model = StudyRootQueryRetrieveInformationModelMove
    association = open_association(peer, calling_ae_title, [_message_context(model)], timeouts)
    return _retrieve(
        association,
        association.send_c_move(_study(study_instance_uid), destination, model),
        f"C-MOVE to {destination}",
        on_progress,
    )


def _retrieve(
    association: NodeAssociation,
    responses: Iterable[tuple[Dataset, Dataset | None]],
    what: str,
    on_progress: Callable[[int, int], None],
) -> Retrieved:
    status, last = None, Dataset()
    before, got_on_at = (0, 0, 0), time.monotonic()
    try:
        for last, _ in responses:
            status = int(last.Status) if "Status" in last else None
            if status == PENDING:
                counts = _counts(last)
                left = _number(last, "NumberOfRemainingSuboperations")
                on_progress(counts.completed, counts.completed + counts.failed + left)
                if before != (before := (counts.completed, counts.failed, left)):
                    got_on_at = time.monotonic()
                elif time.monotonic() - got_on_at > _STALLED_S:
                    raise PeerDidNotAnswer(
                        f"{association.peer} did not get on with {what} for {_STALLED_S:g} s."
                    )
    except BaseException:
        # The peer is in the middle of it: a release would not be answered.
        association.abort()
        raise
    finally:
        end(association)
    counts = _counts(last)
    if status in (SUCCESS, SUB_OPERATIONS_WARNING):
        return counts
    if status == SUB_OPERATIONS_FAILED and counts.failed:
        return counts
    raise _failure(str(association.peer), what, status)


def _failure(peer: str, what: str, status: int | None) -> PeerFailed:
    if status is None:
        return PeerDidNotAnswer(f"{peer} broke off or did not answer in time during {what}.")
    if status == MOVE_DESTINATION_UNKNOWN:
        return PeerFailed(
            f"{peer} does not know the destination of a {what}.",
            remedy="Make this node known to the peer under its AE title, address and port.",
        )
    sentence = f"{peer} answered status {status:#06x} to {what}."
    if status in _LACKS_SERVICE or status & 0xF000 == CANNOT_UNDERSTAND:
        return PeerLacksService(sentence, remedy="Check what the peer allows this node to ask.")
    if status & 0xFF00 == OUT_OF_RESOURCES:
        return PeerFailed(sentence, remedy="The peer lacks resources; it is asked again later.")
    return PeerFailed(sentence)


def _study(study_instance_uid: str) -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "STUDY"
    wanted.StudyInstanceUID = study_instance_uid
    return wanted


def _counts(response: Dataset) -> Retrieved:
    completed = _number(response, "NumberOfCompletedSuboperations")
    with_warning = _number(response, "NumberOfWarningSuboperations")
    return Retrieved(completed + with_warning, _number(response, "NumberOfFailedSuboperations"))


def _number(response: Dataset, keyword: str) -> int:
    return int(response.get(keyword) or 0)


def _is_accepted(association: NodeAssociation, model: str) -> bool:
    return any(one.abstract_syntax == model for one in association.accepted_contexts)


def _message_context(model: str) -> PresentationContext:
    return build_context(model, list(MESSAGE_TRANSFER_SYNTAXES[:2]))


@lru_cache(maxsize=1)
def _storage_contexts() -> tuple[PresentationContext, ...]:
    """The storage classes that pynetdicom proposes; one context is left for C-GET itself."""
    classes = [one.abstract_syntax for one in StoragePresentationContexts][: MAX_CONTEXTS - 1]
    return tuple(build_context(one, list(_SYNTAXES)) for one in classes)
