"""C-STORE as SCP of a C-GET: what comes goes to `Receiving`, and each is answered."""

from dicom_node.archives.receiving import Receiving
from dicom_node.association.base import NodeAssociation
from dicom_node.network.command_set import CommandSet, encode_response
from dicom_node.status import NO_DATA_SET, NOT_STORAGE, STORED, TOO_LARGE, DimseStatus
from storage.dicom.file_meta import make_file_meta

_REFUSED = DimseStatus(0xC000, "The instance is not kept; see the node's log.")


class GetReceiver:
    """Takes the C-STORE requests of one association. What `Receiving` raises ends it."""

    def __init__(
        self, association: NodeAssociation, receiving: Receiving, max_instance_bytes: int
    ) -> None:
        self.max_instance_bytes = max_instance_bytes
        self._association = association
        self._receiving = receiving

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        if data is None:
            self._respond(context_id, command, NO_DATA_SET)
            return
        large = self.store_large(context_id, command)
        large.write(data)
        large.finish()

    def store_large(self, context_id: int, command: CommandSet) -> "_Incoming":
        return _Incoming(self, context_id, command)

    def too_large(self, context_id: int, command: CommandSet) -> None:
        self._receiving.refused(
            command.affected_sop_instance_uid, "The instance is larger than the node takes."
        )
        self._respond(context_id, command, TOO_LARGE)

    def begin(self, context_id: int, command: CommandSet) -> bool:
        """False where the request is not of the class of its context."""
        context = self._association.context(context_id)
        if context is None or context[0] != command.affected_sop_class_uid:
            return False
        uid = command.affected_sop_instance_uid
        self._receiving.begin(uid)
        self._receiving.write(make_file_meta(context[0], uid, context[1]))
        return True

    def write(self, piece: memoryview) -> None:
        self._receiving.write(bytes(piece))

    def finish(self, context_id: int, command: CommandSet) -> None:
        refused = len(self._receiving.counts.refused)
        self._receiving.finish()
        is_taken = len(self._receiving.counts.refused) == refused
        self._respond(context_id, command, STORED if is_taken else _REFUSED)

    def refuse(self, context_id: int, command: CommandSet) -> None:
        self._respond(context_id, command, NOT_STORAGE)

    def drop(self) -> None:
        self._receiving.drop()

    def _respond(self, context_id: int, command: CommandSet, status: DimseStatus) -> None:
        self._association.send_data(
            context_id, encode_response(command, status.code, status.comment)
        )


class _Incoming:
    """One instance on its way."""

    def __init__(self, receiver: GetReceiver, context_id: int, command: CommandSet) -> None:
        self._receiver = receiver
        self._context_id = context_id
        self._command = command
        self._is_expected = receiver.begin(context_id, command)

    def write(self, piece: memoryview) -> None:
        if self._is_expected:
            self._receiver.write(piece)

    def finish(self) -> None:
        if self._is_expected:
            self._receiver.finish(self._context_id, self._command)
        else:
            self._receiver.refuse(self._context_id, self._command)

    def discard(self) -> None:
        self._receiver.drop()
