"""A DICOM peer that may say anything: it writes bytes, not well-formed messages.

What it writes of its own accord follows PS3.8 chapter 9.3; tests break it on
purpose. Nothing here uses the node's or pynetdicom's association objects.
"""

import socket
import struct
from collections.abc import Sequence
from types import TracebackType

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dicom_node.network.command_set import decode_command, encode_store_request
from dicom_node.network.pdu import data_pdus

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
VERIFICATION = "1.2.840.10008.1.1"
PDU_BYTES = 64 * 1024
ANSWER_LIMIT_S = 15.0
ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)

# C-ECHO-RQ (PS3.7 Table 9.3-12), whose answer has no data set either.
ECHO_COMMAND = struct.pack("<HHL18s", 0, 2, 18, VERIFICATION.encode()) + struct.pack(
    "<HHLHHHLHHHLH", 0, 0x100, 2, 0x30, 0, 0x110, 2, 1, 0, 0x800, 2, 0x101
)


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    """A PDU that announces `length` bytes, by default as many as it has."""
    return struct.pack(">BBL", kind, 0, len(body) if length is None else length) + body


def context(context_id: int, abstract: str, transfer: Sequence[str]) -> bytes:
    syntaxes = b"".join(item(0x40, uid.encode()) for uid in transfer)
    body = struct.pack(">BBBB", context_id, 0, 0, 0) + item(0x30, abstract.encode()) + syntaxes
    return item(0x20, body)


def user_information(*further: bytes) -> bytes:
    known = item(0x51, struct.pack(">L", PDU_BYTES)) + item(0x52, b"1.2.3.4")
    return item(0x50, known + b"".join(further))


def associate_request(
    contexts: Sequence[bytes],
    *,
    called: bytes = b"MEDIVIEW",
    calling: bytes = b"HOSTILE",
    user: bytes | None = None,
) -> bytes:
    """The body of an A-ASSOCIATE-RQ (PS3.8 Table 9-11)."""
    head = struct.pack(">HH", 1, 0) + called.ljust(16)[:16] + calling.ljust(16)[:16] + bytes(32)
    items = item(0x10, APPLICATION_CONTEXT) + b"".join(contexts)
    return head + items + (user_information() if user is None else user)


def fragments(
    context_id: int, payload: bytes, *, is_command: bool, max_pdu_bytes: int = PDU_BYTES
) -> bytes:
    return b"".join(
        data_pdus(
            context_id, memoryview(payload), is_command=is_command, max_pdu_bytes=max_pdu_bytes
        )
    )


def store_message(context_id: int, sop_class_uid: str, sop_uid: str, data_set: bytes) -> bytes:
    command = encode_store_request(
        message_id=1, sop_class_uid=sop_class_uid, sop_instance_uid=sop_uid
    )
    return fragments(context_id, command, is_command=True) + fragments(
        context_id, data_set, is_command=False
    )


class PeerGone(ConnectionError):
    """The node ended the connection; `aborted` says whether it said A-ABORT first."""

    def __init__(self, *, aborted: bool) -> None:
        super().__init__("aborted" if aborted else "closed")
        self.aborted = aborted


class Rejected(Exception):
    """A-ASSOCIATE-RJ; `why` is (result, source, reason)."""

    def __init__(self, why: tuple[int, int, int]) -> None:
        super().__init__(str(why))
        self.why = why


class RawPeer:
    """One TCP connection to the node."""

    def __init__(
        self, port: int, *, limit_s: float = ANSWER_LIMIT_S, source: str = "127.0.0.1"
    ) -> None:
        """`source`: the address that it comes from; all of 127.0.0.0/8 are this machine."""
        self.socket = socket.create_connection(
            ("127.0.0.1", port), timeout=limit_s, source_address=(source, 0)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bytes]:
        """The next PDU's type and body. Raises PeerGone, TimeoutError."""
        kind, length = struct.unpack(">BxL", self._exactly(6))
        body = self._exactly(length)
        if kind == ABORT:
            raise PeerGone(aborted=True)
        return kind, body

    def associate(
        self, contexts: Sequence[bytes] | None = None, *, calling: bytes = b"HOSTILE"
    ) -> dict[int, int]:
        """Associate; the result of each presentation context, 0 for accepted. Raises Rejected."""
        if contexts is None:
            contexts = [context(1, CTImageStorage, [ExplicitVRLittleEndian])]
        self.send(pdu(ASSOCIATE_RQ, associate_request(contexts, calling=calling)))
        return self.association_answer()

    def association_answer(self) -> dict[int, int]:
        kind, body = self.receive()
        if kind == ASSOCIATE_RJ:
            raise Rejected((body[1], body[2], body[3]))
        assert kind == ASSOCIATE_AC
        results = {}
        position = 68
        while position < len(body):
            kind, length = struct.unpack_from(">BxH", body, position)
            if kind == 0x21:
                results[body[position + 4]] = body[position + 6]
            position += 4 + length
        return results

    def store(
        self,
        sop_uid: str,
        data_set: bytes,
        *,
        sop_class_uid: str = CTImageStorage,
        context_id: int = 1,
    ) -> int:
        """Send one instance; the status of its answer."""
        self.send(store_message(context_id, sop_class_uid, sop_uid, data_set))
        return self.status()

    def store_answer(self, sop_uid: str, data_set: bytes, *, sop_class_uid: str) -> bytes:
        """Send one instance on context 1; the command set of its answer."""
        self.send(store_message(1, sop_class_uid, sop_uid, data_set))
        return self.command()

    def command(self) -> bytes:
        """The command set of a message without data set that comes next."""
        kind, body = self.receive()
        assert kind == DATA
        # One PDV: length, context id, control; then the command set.
        return body[6:]

    def status(self) -> int:
        status = decode_command(self.command()).status
        assert status is not None
        return status

    def release(self) -> None:
        self.send(pdu(RELEASE_RQ, bytes(4)))
        assert self.receive()[0] == RELEASE_RP

    def ends(self) -> bool:
        """Read until the node ends the connection; whether it said A-ABORT."""
        try:
            while True:
                self.receive()
        except PeerGone as gone:
            return gone.aborted
        except ConnectionError:
            return False

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise PeerGone(aborted=False)
            data += piece
        return data


def established(port: int) -> RawPeer:
    """A peer that may store CT images."""
    peer = RawPeer(port)
    peer.associate()
    return peer
