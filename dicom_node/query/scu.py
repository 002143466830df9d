"""C-FIND as SCU (PS3.4 C.4.1), with a bound on the answers and on the time."""

import time
from collections.abc import Set
from dataclasses import dataclass

import structlog
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.association.base import NodeAssociation
from dicom_node.association.contexts import MESSAGE_TRANSFER_SYNTAXES
from dicom_node.association.pynetdicom_adapter import Timeouts
from dicom_node.association.requestor import end, open_association
from dicom_node.peers import Peer, PeerDidNotAnswer, PeerLacksService
from dicom_node.status import (
    CANCEL,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    SUCCESS,
)
from storage.core.errors import LimitExceeded
from storage.dicom.messages.values import check_message, values_beyond_first

log = structlog.get_logger(__name__)

_MODEL = StudyRootQueryRetrieveInformationModelFind
_MESSAGE_ID = 1
_MOST_S = 300.0
# Of all answers in memory: 200,000 studies take less. Who asks for few has less room.
_MOST_BYTES = 1024**3
_LEAST_ROOM_BYTES, _ROOM_FOR_EACH_BYTES = 8 << 20, 16 << 10
# What Python takes for an element beside its value, and for each more of its values.
_ELEMENT_BYTES, _VALUE_BYTES = 300, 300
# Of one answer: some thirty keys are asked for.
_MOST_ANSWER_BYTES = 1 << 20
_MOST_ANSWER_ELEMENTS = 10_000
_MOST_ANSWER_VALUES = 1_000
_LESS_AT_ONCE = (
    "Ask for less at once; an import takes --match, such as --match StudyDate=20240101-20241231."
)
# That a peer may still have on the way when it is asked to stop.
_AFTER_CANCEL = 1000


@dataclass(frozen=True)
class Answers:
    """What a peer answered to a query. `is_complete`: it had no more than was asked for."""

    identifiers: list[Dataset]
    is_complete: bool


def find(
    peer: Peer,
    calling_ae_title: str,
    query: Dataset,
    at_most: int,
    timeouts: Timeouts | None = None,
) -> Answers:
    """Ask by Study Root. A peer that has more than `at_most` answers is asked to stop (C-CANCEL).

    Answers have what `query` asks for and no more, and are read in the character set that each of
    them names. Raises PeerLacksService when the peer offers no C-FIND that answers this,
    PeerDidNotAnswer when it breaks off or does not answer in full, in time or within bounds,
    PeerFailed when it cannot be asked just now.
    """
    association = open_association(
        peer,
        calling_ae_title,
        [build_context(_MODEL, list(MESSAGE_TRANSFER_SYNTAXES[:2]))],
        timeouts,
    )
    check = association.check_data = AnswerCheck()
    try:
        identifiers, status, is_complete = _read(association, query, at_most)
    finally:
        end(association)
    if check.refusal:
        raise _too_much(peer, check.refusal)
    if status == SUCCESS or (not is_complete and status == CANCEL):
        return Answers(identifiers, is_complete)
    if not is_complete:
        # It went on instead of stopping, and was cut off.
        return Answers(identifiers, False)
    what = "did not answer in full" if status is None else f"answered status {status:#06x}"
    passing = status in (None, OUT_OF_RESOURCES)
    raise (PeerDidNotAnswer if passing else PeerLacksService)(
        f"{peer} {what} when asked what it holds.",
        remedy="Check that the peer offers Study Root C-FIND to this node's AE title.",
    )


class AnswerCheck:
    """Looks at each answer before it is decoded; `refusal` says why one was not."""

    refusal = ""

    def __call__(self, transfer_syntax_uid: str, data: bytes) -> None:
        try:
            if len(data) > _MOST_ANSWER_BYTES:
                raise LimitExceeded(f"One answer has {len(data)} bytes.")
            check_message(data, transfer_syntax_uid, _MOST_ANSWER_ELEMENTS)
        except LimitExceeded as error:
            self.refusal = error.message
            raise


def _too_much(peer: Peer | None, what: str) -> PeerDidNotAnswer:
    return PeerDidNotAnswer(
        f"{peer} answered a query with too much: {what}",
        remedy="Check the archive; answers have the few attributes that are asked for.",
    )


def _read(
    association: NodeAssociation, query: Dataset, at_most: int
) -> tuple[list[Dataset], int | None, bool]:
    """Answers, the last status, and whether there were no more."""
    identifiers: list[Dataset] = []
    asked_for = {*query.keys(), tag_for_keyword("SpecificCharacterSet")}
    status: int | None = None
    too_many = size_bytes = 0
    room_bytes = min(_MOST_BYTES, max(_LEAST_ROOM_BYTES, at_most * _ROOM_FOR_EACH_BYTES))
    deadline = time.monotonic() + _MOST_S
    for answer, identifier in association.send_c_find(query, _MODEL, msg_id=_MESSAGE_ID):
        status = int(answer.Status) if "Status" in answer else None
        if status not in (PENDING, PENDING_OPTIONAL_KEYS_UNSUPPORTED):
            continue
        if time.monotonic() > deadline:
            association.abort()
            raise PeerDidNotAnswer(
                f"{association.peer} was still answering a query after {_MOST_S:g} s.",
                remedy=_LESS_AT_ONCE,
            )
        if identifier is None:
            log.warning("answer_not_decoded", peer=association.peer_ae_title)
        elif len(identifiers) < at_most:
            try:
                size_bytes += _reduce(identifier, asked_for)
            except LimitExceeded as error:
                association.abort()
                raise _too_much(association.peer, error.message) from error
            if size_bytes > room_bytes:
                association.abort()
                raise PeerDidNotAnswer(
                    f"{association.peer} answered a query with more than {room_bytes} bytes.",
                    remedy=_LESS_AT_ONCE,
                )
            identifiers.append(identifier)
        else:
            too_many += 1
            if too_many == 1:
                association.send_c_cancel(_MESSAGE_ID, query_model=_MODEL)
            elif too_many > _AFTER_CANCEL:
                association.abort()
                break
    return identifiers, status, not too_many


def _reduce(identifier: Dataset, tags: Set[int | None]) -> int:
    """Leave out what was not asked for; how many bytes of memory the rest takes, about.

    Sequences of undefined length, whose size is not known, are left out too. Raises LimitExceeded
    where there are too many values.
    """
    size_bytes = values = 0
    for tag in list(identifier.keys()):
        element = identifier.get_item(tag)
        if tag in tags and isinstance(element, RawDataElement):
            more = values_beyond_first(identifier, element)
            values += more
            size_bytes += _ELEMENT_BYTES + len(element.value or b"") + more * _VALUE_BYTES
        else:
            del identifier[tag]
    if values > _MOST_ANSWER_VALUES:
        raise LimitExceeded(f"One answer has more than {_MOST_ANSWER_VALUES} values.")
    return size_bytes
