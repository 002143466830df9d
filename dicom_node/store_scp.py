"""C-STORE as SCP (PS3.4 annex B): durable and indexed before Success."""

import structlog

from dicom_node.association import NodeAssociation
from dicom_node.command_set import CommandSet, encode_response
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
from storage.errors import MediViewError
from storage.ingest import Ingest

log = structlog.get_logger(__name__)


class StoreScp:
    """Answers the C-STORE requests of one association through the one door of the house."""

    def __init__(
        self, ingest: Ingest, association: NodeAssociation, max_instance_bytes: int
    ) -> None:
        self.max_instance_bytes = max_instance_bytes
        self._ingest = ingest
        self._association = association
        # Context id -> (SOP class, transfer syntax) as negotiated.
        self._contexts: dict[int, tuple[str, str]] | None = None

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        self._association.busy = True
        self._respond(context_id, command, self._keep(context_id, command, data))
        self._association.busy = False

    def too_large(self, context_id: int, command: CommandSet) -> None:
        log.warning("instance_too_large", limit_bytes=self.max_instance_bytes)
        self._respond(context_id, command, TOO_LARGE)

    def _keep(self, context_id: int, command: CommandSet, data: memoryview | None) -> DimseStatus:
        negotiated = self._negotiated().get(context_id)
        if negotiated is None or negotiated[0] != command.affected_sop_class_uid:
            return NOT_STORAGE
        if data is None:
            return NO_DATA_SET
        try:
            accepted = self._ingest.accept_dimse(
                data,
                sop_class_uid=command.affected_sop_class_uid,
                sop_instance_uid=command.affected_sop_instance_uid,
                transfer_syntax_uid=negotiated[1],
                calling_ae_title=self._association.peer_ae_title,
            )
        except MediViewError as error:
            status = store_status(error)
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
            return UNEXPECTED
        return SET_ASIDE if accepted.outcome == "conflict" else STORED

    def _negotiated(self) -> dict[int, tuple[str, str]]:
        if self._contexts is None:
            self._contexts = {
                context.context_id: (
                    str(context.abstract_syntax),
                    str(context.transfer_syntax[0]),
                )
                for context in self._association.accepted_contexts
            }
        return self._contexts

    def _respond(self, context_id: int, command: CommandSet, status: DimseStatus) -> None:
        response = encode_response(command, status.code, status.comment)
        self._association.send_data(context_id, response)
