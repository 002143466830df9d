"""C-STORE as SCP (PS3.4 annex B): durable and indexed before Success."""

from collections.abc import Callable
from functools import partial
from typing import TypedDict

import structlog

from dicom_node.association.base import NodeAssociation
from dicom_node.network.command_set import CommandSet, encode_response
from dicom_node.status import (
    NO_DATA_SET,
    NOT_STORAGE,
    SET_ASIDE,
    STORED,
    TOO_LARGE,
    UNEXPECTED,
    DimseStatus,
    store_status,
)
from storage.core.entities import NO_ASSOCIATION, StoreAssociation
from storage.core.errors import InvalidRequest, MediViewError
from storage.ingest.accepted import Accepted
from storage.ingest.instance_stream import InstanceStream
from storage.ingest.service import Ingest

log = structlog.get_logger(__name__)


class StoreScp:
    """Answers the C-STORE requests of one association."""

    def __init__(
        self, ingest: Ingest, association: NodeAssociation, max_instance_bytes: int
    ) -> None:
        self.max_instance_bytes = max_instance_bytes
        self._ingest = ingest
        self._association = association
        # Context id -> (SOP class, transfer syntax) as negotiated, of those that are used.
        self._contexts: dict[int, tuple[str, str] | None] = {}
        self._calling_ae_title = ""
        self._store_association = NO_ASSOCIATION

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        self._association.busy = True
        if data is None:
            status = NO_DATA_SET
        else:
            status = self.attempt(lambda: self._accept(context_id, command, data))
        self.respond(context_id, command, status)
        self._association.busy = False

    def _accept(self, context_id: int, command: CommandSet, data: memoryview) -> Accepted:
        return self._ingest.accept_dimse(data, **self._request(context_id, command))

    def store_large(self, context_id: int, command: CommandSet) -> "LargeInstance":
        return LargeInstance(self, context_id, command)

    def too_large(self, context_id: int, command: CommandSet) -> None:
        log.warning("instance_too_large", limit_bytes=self.max_instance_bytes)
        self.respond(context_id, command, TOO_LARGE)

    def open_stream(self, context_id: int, command: CommandSet) -> InstanceStream[Accepted]:
        """Begin an instance piece by piece. Raises InvalidRequest where none is expected."""
        return self._ingest.open_dimse_stream(**self._request(context_id, command))

    def attempt(self, accept: Callable[[], Accepted]) -> DimseStatus:
        """The status that `accept` deserves, with failures in the log."""
        try:
            accepted = accept()
        except _WrongContext:
            return NOT_STORAGE
        except MediViewError as error:
            status = store_status(error)
            self._count_refusal()
            log.warning(
                "instance_refused",
                code=error.code,
                status=f"{status.code:#06x}",
                detail=error.message,
                peer=self._association.peer_ae_title,
            )
            return status
        except Exception:
            # The edge of a request: whatever happens, the sender gets an answer
            # and knows that the instance is not ours.
            log.error("instance_failed", peer=self._association.peer_ae_title, exc_info=True)
            self._count_refusal()
            return UNEXPECTED
        return SET_ASIDE if accepted.outcome == "conflict" else STORED

    def respond(self, context_id: int, command: CommandSet, status: DimseStatus) -> None:
        response = encode_response(
            command, status.code, status.comment, offending_tag=status.offending_tag
        )
        self._association.send_data(context_id, response)

    def _request(self, context_id: int, command: CommandSet) -> "_StoreRequest":
        negotiated = self._negotiated(context_id)
        if negotiated is None or negotiated[0] != command.affected_sop_class_uid:
            raise _WrongContext("The request's SOP class is not that of its context.")
        return {
            "sop_class_uid": command.affected_sop_class_uid,
            "sop_instance_uid": command.affected_sop_instance_uid,
            "transfer_syntax_uid": negotiated[1],
            "calling_ae_title": self._calling_ae_title,
            "association": self._store_association,
            "is_known": self._association.is_known,
        }

    def _count_refusal(self) -> None:
        if self._association.auditing is not None:
            self._association.auditing.instance_refused()

    def _negotiated(self, context_id: int) -> tuple[str, str] | None:
        if not self._contexts:
            self._calling_ae_title = self._association.peer_ae_title
            self._store_association = self._association.called
        if context_id not in self._contexts:
            self._contexts[context_id] = self._association.context(context_id)
        return self._contexts[context_id]


class LargeInstance:
    """An instance that streams into the storage as it comes, in constant memory."""

    def __init__(self, scp: StoreScp, context_id: int, command: CommandSet) -> None:
        self._scp = scp
        self._context_id = context_id
        self._command = command
        self._stream: InstanceStream[Accepted] | None = None
        self._failure: DimseStatus | None = None

    def write(self, piece: memoryview) -> None:
        if self._failure is not None:
            return
        try:
            if self._stream is None:
                self._stream = self._scp.open_stream(self._context_id, self._command)
                self._stream.gather_nothing()
            self._stream.write(piece)
        except Exception as error:  # noqa: BLE001 - distinguished, and logged, by attempt
            self._failure = self._scp.attempt(partial(_raise, error))
            self.discard()

    def finish(self) -> None:
        stream = self._stream
        if self._failure is None and stream is not None:
            self._failure = self._scp.attempt(stream.finish)
        self.discard()
        self._scp.respond(self._context_id, self._command, self._failure or UNEXPECTED)

    def discard(self) -> None:
        if self._stream is not None:
            self._stream.discard()
            self._stream = None


class _StoreRequest(TypedDict):
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae_title: str
    association: StoreAssociation
    is_known: bool


class _WrongContext(InvalidRequest):
    """A C-STORE on a presentation context of another SOP class."""


def _raise(error: Exception) -> Accepted:
    raise error
