"""A C-FIND client that costs next to nothing: it counts responses and reads none of them."""

import struct

from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_node.association.base import NodeAssociation
from dicom_node.network.pdu import PDU_HEADER, data_pdus

_STATUS = b"\x00\x00\x00\x09\x02\x00\x00\x00"
_PENDING = (0xFF00, 0xFF01)


class FindClient:
    """Asks over one association, in Explicit VR Little Endian."""

    def __init__(self, association: NodeAssociation) -> None:
        self._association = association
        self._context = association.accepted_contexts[0]
        self._buffer = bytearray()
        self._view = memoryview(bytearray(1 << 18))

    def find(self, level: str, keys: dict[str, str], returned: list[str]) -> int:
        """How many matches came. Raises RuntimeError for a status other than success."""
        wanted = {**dict.fromkeys(returned, ""), **keys, "QueryRetrieveLevel": level}
        elements = [
            _element(tag, wanted[keyword])
            for tag, keyword in sorted((tag_for_keyword(one) or 0, one) for one in wanted)
        ]
        context_id, limit = self._context.context_id, self._association.dimse.maximum_pdu_size
        command = _command(str(self._context.abstract_syntax))
        self._association.connection.send(
            data_pdus(context_id, memoryview(command), is_command=True, max_pdu_bytes=limit)
            + data_pdus(
                context_id, memoryview(b"".join(elements)), is_command=False, max_pdu_bytes=limit
            )
        )
        return self._count()

    def _count(self) -> int:
        matches = 0
        while True:
            body = self._pdu()
            if not body[5] & 1:
                continue  # a data set
            status: int = struct.unpack_from("<H", body, body.index(_STATUS) + 8)[0]
            if status == 0:
                return matches
            if status not in _PENDING:
                raise RuntimeError(f"The query ended with status {status:#06x}.")
            matches += 1

    def _pdu(self) -> bytes:
        while True:
            if len(self._buffer) >= PDU_HEADER.size:
                length = PDU_HEADER.unpack_from(self._buffer)[1] + PDU_HEADER.size
                if len(self._buffer) >= length:
                    body = bytes(self._buffer[PDU_HEADER.size : length])
                    del self._buffer[:length]
                    return body
            received = self._association.connection.receive_into(self._view)
            if not received:
                raise RuntimeError("The server closed the association.")
            self._buffer += self._view[:received]


def _command(sop_class_uid: str) -> bytes:
    uid = sop_class_uid.encode() + b"\0" * (len(sop_class_uid) % 2)
    elements = struct.pack("<HHL", 0, 2, len(uid)) + uid
    for element, value in ((0x100, 0x20), (0x110, 1), (0x700, 0), (0x800, 1)):
        elements += struct.pack("<HHLH", 0, element, 2, value)
    return struct.pack("<HHLL", 0, 0, 4, len(elements)) + elements


def _element(tag: int, value: str) -> bytes:
    vr = dictionary_VR(tag)
    encoded = value.encode()
    if len(encoded) % 2:
        encoded += b"\0" if vr == "UI" else b" "
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(encoded)) + encoded
