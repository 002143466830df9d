"""What every C-FIND service shares: matches out in portions, C-CANCEL received between them.

A service says what it finds; checking the context, answering, ending on a cancel and
turning errors into statuses (PS3.4 Table C.4-1) happens here.
"""

from collections.abc import Iterator, Sequence

import structlog

from dicom_node.association.base import NodeAssociation
from dicom_node.network.command_set import CommandSet, encode_response
from dicom_node.status import (
    CANCEL,
    NOT_FIND,
    PENDING,
    PENDING_OPTIONAL_KEYS_UNSUPPORTED,
    SUCCESS,
    UNEXPECTED,
    DimseStatus,
    query_status,
)
from storage.core.errors import MediViewError

log = structlog.get_logger(__name__)

# Responses that leave in one go.
_RESPONSES_AT_ONCE = 32
# Candidates, with those that did not fit, after which a C-CANCEL is looked for.
_CANDIDATES_AT_ONCE = 32
_BYTES_AT_ONCE = 1024 * 1024


class FindService:
    """Answers the C-FIND requests of one association for some SOP classes."""

    sop_classes: frozenset[str]

    def __init__(self, association: NodeAssociation) -> None:
        self.association = association

    def matches(
        self, sop_class_uid: str, transfer_syntax_uid: str, data: bytes | None
    ) -> tuple[bool, Iterator[bytes]]:
        """Whether all keys are supported, and each match as an encoded identifier.

        Empty where a candidate did not fit: nobody may wait for the next that does any more.
        Raises MediViewError, also while matches are taken.
        """
        raise NotImplementedError

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        status = self._answer(context_id, command, data)
        self.association.answered(status.code)
        if self.association.is_open:
            response = encode_response(
                command, status.code, status.comment, offending_tag=status.offending_tag
            )
            self.association.send_data(context_id, response)

    def _answer(self, context_id: int, command: CommandSet, data: bytes | None) -> DimseStatus:
        """Send every match; the status of the last response."""
        context = self.association.context(context_id)
        if context is None or context[0] not in self.sop_classes:
            return NOT_FIND
        try:
            all_supported, found = self.matches(*context, data)
            if self.association.auditing is not None:
                self.association.auditing.queried(context, data)
            return self._send(context_id, command, all_supported, found)
        except MediViewError as error:
            status = query_status(error)
            if self.association.auditing is not None:
                self.association.auditing.query_refused(context, data)
            log.warning(
                "query_refused",
                code=error.code,
                status=f"{status.code:#06x}",
                sop_class_uid=context[0],
                peer=self.association.peer_ae_title,
            )
            return status
        except OSError:
            raise
        except Exception:
            # The edge of a request: the peer gets an answer whatever happens.
            log.error("query_failed", peer=self.association.peer_ae_title, exc_info=True)
            return UNEXPECTED

    def _send(
        self, context_id: int, command: CommandSet, all_supported: bool, found: Iterator[bytes]
    ) -> DimseStatus:
        code = PENDING if all_supported else PENDING_OPTIONAL_KEYS_UNSUPPORTED
        pending = encode_response(command, code, has_data_set=True)
        waiting: list[tuple[bytes, bytes]] = []
        waiting_bytes = 0
        for number, match in enumerate(found, start=1):
            if match:
                waiting.append((pending, match))
                waiting_bytes += len(match)
            if len(waiting) >= _RESPONSES_AT_ONCE or waiting_bytes > _BYTES_AT_ONCE:
                self.association.send_messages(context_id, waiting)
                waiting.clear()
                waiting_bytes = 0
            if not number % _CANDIDATES_AT_ONCE and self.association.is_cancelled(
                command.message_id
            ):
                return DimseStatus(CANCEL)
        self.association.send_messages(context_id, waiting)
        return DimseStatus(SUCCESS)


class FindDispatch:
    """C-FIND goes to the service of the SOP class of its context."""

    def __init__(self, services: Sequence[FindService]) -> None:
        self._any = services[0]
        self._by_class = {uid: service for service in services for uid in service.sop_classes}

    def serve(self, context_id: int, command: CommandSet, data: bytes | None) -> None:
        context = self._any.association.context(context_id)
        service = self._by_class.get(context[0] if context else "", self._any)
        service.serve(context_id, command, data)
