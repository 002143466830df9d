"""Associations of one message each, at native speed: the request is encoded once."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from pynetdicom.pdu import A_ASSOCIATE_RQ

from dicom_node.association.base import NodeAssociation
from dicom_node.network.connection import Connection
from dicom_node.network.pdu import PDU_HEADER, PDU_HEADER_BYTES, PduType
from dicom_node.peers import Peer

_TIMEOUT_S = 30.0
_LONGEST_ANSWER_BYTES = 16 * 1024
_RELEASE_RQ = PDU_HEADER.pack(PduType.RELEASE_RQ, 4) + bytes(4)


class BriefAssociations:
    """Opens associations like `pattern`, which stands or stood, with nothing in between."""

    def __init__(self, peer: Peer, pattern: NodeAssociation) -> None:
        request = A_ASSOCIATE_RQ()
        request.from_primitive(pattern.requestor.primitive)
        self._request = request.encode()
        self._address = (peer.host, peer.port)

    @contextmanager
    def open(self) -> Iterator[Connection]:
        """An association that is released at the end. Raises ConnectionError where refused."""
        with socket.create_connection(self._address, _TIMEOUT_S) as sock:
            connection = Connection(sock, timeout_s=_TIMEOUT_S)
            connection.send([self._request])
            _expect(connection, PduType.ASSOCIATE_AC)
            yield connection
            connection.send([_RELEASE_RQ])
            _expect(connection, PduType.RELEASE_RP)


def receive_pdu(connection: Connection) -> tuple[int, bytes]:
    """Type and body of the PDU that comes next, of a peer that says no more until it is asked.

    One system call where the whole comes at once, as answers do.
    """
    buffer = bytearray(_LONGEST_ANSWER_BYTES)
    have, pdu_type, whole = 0, 0, PDU_HEADER_BYTES
    while have < whole:
        received = connection.receive_into(memoryview(buffer)[have:])
        if not received:
            raise ConnectionError("The server closed the association.")
        have += received
        if have >= PDU_HEADER_BYTES:
            pdu_type, length = PDU_HEADER.unpack_from(buffer)
            whole = PDU_HEADER_BYTES + length
    return pdu_type, bytes(buffer[PDU_HEADER_BYTES:whole])


def _expect(connection: Connection, expected: PduType) -> None:
    pdu_type, _ = receive_pdu(connection)
    if pdu_type != expected:
        raise ConnectionError(f"A PDU of type {pdu_type:#04x} came, not {expected:#04x}.")
