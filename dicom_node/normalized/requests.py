"""What the services of DIMSE-N share: checking a request, answering it, its statuses.

Statuses are those of PS3.7 annex C; the services add none of their own but MPPS's
Error ID for a step that has ended (PS3.4 F.7.2.2.2).
"""

from dataclasses import dataclass

import structlog
from pydicom.dataset import Dataset

from dicom_node.association.base import NodeAssociation
from dicom_node.network.command_set import CommandSet, encode_response
from dicom_node.network.data_sets import decode_data_set, encode_data_set
from dicom_node.network.long_messages import long_message
from storage.core.errors import (
    InvalidInstance,
    InvalidRequest,
    LimitExceeded,
    MediViewError,
    NotFound,
    NotPermitted,
    StorageFull,
    StorageUnavailable,
    UidConflict,
)
from storage.dicom.dataset_reader import MAX_MESSAGE_ELEMENTS
from storage.mpps.repository import StepEnded
from storage.mpps.senders import Sender

log = structlog.get_logger(__name__)

SUCCESS = 0x0000
ATTRIBUTE_VALUE_INVALID = 0x0106
# A warning: some attributes were left as they are (PS3.7 10.1.2.1.9).
ATTRIBUTE_LIST_ERROR = 0x0107
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
NO_SUCH_SOP_INSTANCE = 0x0112
NO_SUCH_EVENT_TYPE = 0x0113
CLASS_INSTANCE_CONFLICT = 0x0119
MISSING_ATTRIBUTE = 0x0120
MISSING_ATTRIBUTE_VALUE = 0x0121
SOP_CLASS_NOT_SUPPORTED = 0x0122
NO_SUCH_ACTION = 0x0123
NOT_AUTHORIZED = 0x0124
UNRECOGNIZED_OPERATION = 0x0211
RESOURCE_LIMITATION = 0x0213
# PS3.4 F.7.2.2.2: Error ID of a Failure 0x0110 on a step that has ended.
STEP_MAY_NOT_BE_UPDATED = 0xA710

_CODES: dict[type[MediViewError], int] = {
    StepEnded: PROCESSING_FAILURE,
    InvalidRequest: ATTRIBUTE_VALUE_INVALID,
    InvalidInstance: ATTRIBUTE_VALUE_INVALID,
    NotFound: NO_SUCH_SOP_INSTANCE,
    UidConflict: DUPLICATE_SOP_INSTANCE,
    NotPermitted: NOT_AUTHORIZED,
    LimitExceeded: RESOURCE_LIMITATION,
    StorageFull: RESOURCE_LIMITATION,
    StorageUnavailable: RESOURCE_LIMITATION,
}


class Refused(MediViewError):
    """A request that the standard has a status for."""

    code = "dimse_request_refused"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What was done: with `status` a warning, with `dataset` what was asked for."""

    sop_instance_uid: str
    status: int = SUCCESS
    comment: str = ""
    dataset: Dataset | None = None


@dataclass(frozen=True)
class NormalizedRequest:
    """One N-CREATE, N-SET, N-GET, N-ACTION or N-EVENT-REPORT, decoded."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    context_id: int
    dataset: Dataset


class NormalizedScp:
    """Answers the requests of one kind on one association; `perform` does what they ask.

    `perform` returns the SOP Instance UID to answer with. What is answered with more has `answer`.
    """

    sop_classes: frozenset[str]
    max_elements = MAX_MESSAGE_ELEMENTS
    """Of a data set with its items; more is refused before it is decoded."""

    def __init__(self, association: NodeAssociation) -> None:
        self.association = association

    def perform(self, request: NormalizedRequest, command: CommandSet) -> str:
        raise NotImplementedError

    def answer(self, request: NormalizedRequest, command: CommandSet) -> Answer:
        return Answer(self.perform(request, command))

    def status_of(self, error: MediViewError) -> int:
        """The status of an error that is not Refused."""
        return _status(error)

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        command = _by_affected_uids(command)
        status, comment, error_id, encoded = SUCCESS, "", None, None
        try:
            answer, encoded = self._answer(context_id, command, data)
            command = command._replace(affected_sop_instance_uid=answer.sop_instance_uid)
            status, comment = answer.status, answer.comment
        except MediViewError as error:
            status = error.status if isinstance(error, Refused) else self.status_of(error)
            comment = error.message if isinstance(error, Refused) else ""
            error_id = STEP_MAY_NOT_BE_UPDATED if isinstance(error, StepEnded) else None
            log.warning(
                "request_refused",
                command=f"{command.command_field:#06x}",
                status=f"{status:#06x}",
                code=error.code,
                peer=self.association.peer_ae_title,
            )
        except OSError:
            raise
        except Exception:
            # The edge of a request: the peer gets an answer whatever happens.
            log.error("request_failed", peer=self.association.peer_ae_title, exc_info=True)
            status = PROCESSING_FAILURE
        self.association.answered(status)
        if self.association.is_open:
            response = encode_response(
                command, status, comment, error_id=error_id, has_data_set=encoded is not None
            )
            content = None if encoded is None else memoryview(encoded)
            self.association.send_data(context_id, response, content)
        if status == SUCCESS:
            self.after_success()

    def _answer(
        self, context_id: int, command: CommandSet, data: bytes | None
    ) -> tuple[Answer, bytes | None]:
        """With its data set, encoded. What was decoded is let go before it is sent."""
        _, transfer_syntax_uid = self.association.context(context_id) or ("", "")
        with long_message(data, transfer_syntax_uid):
            request = self.read(context_id, command, data)
            answer = self.answer(request, command)
            if answer.dataset is None:
                return answer, None
            return answer, encode_data_set(answer.dataset, request.transfer_syntax_uid)

    def after_success(self) -> None:
        """What follows once the peer has its answer."""

    def read(self, context_id: int, command: CommandSet, data: bytes | None) -> NormalizedRequest:
        context = self.association.context(context_id)
        sop_class_uid = command.affected_sop_class_uid
        if context is None or context[0] != sop_class_uid:
            raise Refused(SOP_CLASS_NOT_SUPPORTED, "The SOP class is not that of the context.")
        if sop_class_uid not in self.sop_classes:
            raise Refused(UNRECOGNIZED_OPERATION, "This SOP class has no such operation here.")
        dataset = decode_data_set(data, context[1], self.max_elements)
        return NormalizedRequest(
            sop_class_uid, command.affected_sop_instance_uid, context[1], context_id, dataset
        )


class Dispatch:
    """Requests of one kind go to the service whose SOP class their context has."""

    def __init__(self, services: "tuple[NormalizedScp, ...]") -> None:
        self._by_class = {uid: service for service in services for uid in service.sop_classes}
        self._any = services[0]

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        context = self._any.association.context(context_id)
        service = self._by_class.get(context[0] if context else "", self._any)
        service.serve(context_id, command, data)


def sender_of(association: NodeAssociation) -> Sender:
    """The peer of an association, as it is recognised now."""
    return Sender(association.caller().identity_id, association.peer_ae_title)


def _by_affected_uids(command: CommandSet) -> CommandSet:
    """Responses name as affected what N-SET and N-ACTION name as requested (PS3.7 10.1)."""
    if not command.requested_sop_class_uid:
        return command
    return command._replace(
        affected_sop_class_uid=command.requested_sop_class_uid,
        affected_sop_instance_uid=command.requested_sop_instance_uid,
    )


def _status(error: MediViewError) -> int:
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return PROCESSING_FAILURE
