"""Messages on their way to the peer as P-DATA-TF PDUs (PS3.8 9.3.5), past pynetdicom's objects."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from dicom_node.association.pynetdicom_adapter import SynchronousDimse
from dicom_node.network.connection import Connection
from dicom_node.network.pdu import data_pdus


class MessageSending:
    """What an association sends by itself."""

    dimse: SynchronousDimse

    @property
    def connection(self) -> Connection:
        """The TCP connection; ConnectionError where there is none (any more)."""
        raise NotImplementedError

    @cached_property
    def _max_pdu_bytes(self) -> int:
        """What the peer announced, which holds from its negotiation on."""
        limit: int = self.dimse.maximum_pdu_size
        return limit

    def send_data(self, context_id: int, command: bytes, data: memoryview | None = None) -> None:
        """Send a message as P-DATA-TF PDUs without pynetdicom's objects.

        Raises OSError when the connection fails, PeerTooSlow among them.
        """
        self.connection.send(self._pdus(context_id, command, data))

    def send_pieces(self, context_id: int, command: bytes, pieces: Iterable[memoryview]) -> None:
        """Send a message whose data set comes in pieces, in constant memory.

        What `pieces` raises passes through; the message is then cut off, and the
        association is of no more use.
        """
        limit = self._max_pdu_bytes
        buffers = data_pdus(context_id, memoryview(command), is_command=True, max_pdu_bytes=limit)
        held: memoryview | None = None
        for piece in pieces:
            if held is not None:
                buffers += data_pdus(
                    context_id, held, is_command=False, max_pdu_bytes=limit, more_follows=True
                )
                self.connection.send(buffers)
                buffers = []
            held = piece
        last = memoryview(b"") if held is None else held
        buffers += data_pdus(context_id, last, is_command=False, max_pdu_bytes=limit)
        self.connection.send(buffers)

    def send_messages(self, context_id: int, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Send several messages, each a command and its data set, in one go."""
        buffers: list[bytes | memoryview] = []
        for command, data in messages:
            buffers += self._pdus(context_id, command, memoryview(data))
        self.connection.send(buffers)

    def _pdus(
        self, context_id: int, command: bytes, data: memoryview | None
    ) -> list[bytes | memoryview]:
        limit = self._max_pdu_bytes
        buffers = data_pdus(context_id, memoryview(command), is_command=True, max_pdu_bytes=limit)
        if data is not None:
            buffers += data_pdus(context_id, data, is_command=False, max_pdu_bytes=limit)
        return buffers
