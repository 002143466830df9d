"""The least that an association of one instance costs in Python: what no receiver in it goes below.

    python -m benchmarks.support.floor_server PORT FOLDER

As many processes as cores, threads that accept on one socket. Of a request for an association only
the first of its kind is read, and its answer is sent again. Of an instance nothing is read but the
command; it is written and synced, as a receiver must that promises to keep it. No limits, no
checks, no index, no audit trail.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from dicom_node.network.command_set import decode_command, encode_response
from dicom_node.network.pdu import PDU_HEADER, PDU_HEADER_BYTES, PduType, data_pdus

_THREADS = 4
_PDV_HEADER_BYTES = 6
_COMMAND, _LAST = 1, 2
_MOST_BYTES = 16 * 1024
_RELEASE_RP = PDU_HEADER.pack(PduType.RELEASE_RP, 4) + bytes(4)


class _Peer:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._waiting = bytearray()

    def pdu(self) -> bytes:
        while len(self._waiting) < PDU_HEADER_BYTES or len(self._waiting) < self._whole:
            received = self._connection.recv(_MOST_BYTES)
            if not received:
                raise ConnectionError
            self._waiting += received
        whole = self._whole
        found = bytes(self._waiting[:whole])
        del self._waiting[:whole]
        return found

    @property
    def _whole(self) -> int:
        return PDU_HEADER_BYTES + int(PDU_HEADER.unpack_from(self._waiting)[1])


def _serve(listener: socket.socket, path: Path, answers: dict[bytes, bytes]) -> None:
    volume = os.open(path, os.O_CREAT | os.O_WRONLY)
    end = 0
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            peer = _Peer(connection)
            try:
                request = peer.pdu()
                connection.sendall(answers.get(request) or _accepting(request, answers))
                end = _receive(peer, connection, volume, end)
            except ConnectionError:
                continue


def _receive(peer: _Peer, connection: socket.socket, volume: int, end: int) -> int:
    """Until the release; returns where the volume ends then."""
    command, data = b"", b""
    while True:
        pdu = peer.pdu()
        if pdu[0] == PduType.RELEASE_RQ:
            connection.sendall(_RELEASE_RP)
            return end
        context_id, flags = pdu[10], pdu[11]
        value = pdu[PDU_HEADER_BYTES + _PDV_HEADER_BYTES :]
        if flags & _COMMAND:
            command += value
            continue
        data += value
        if flags & _LAST:
            end += os.pwrite(volume, data, end)
            os.fdatasync(volume)
            answer = memoryview(encode_response(decode_command(command), 0))
            pdus = data_pdus(context_id, answer, is_command=True, max_pdu_bytes=_MOST_BYTES)
            connection.sendall(b"".join(pdus))
            command = data = b""


def _accepting(request: bytes, answers: dict[bytes, bytes]) -> bytes:
    asked = A_ASSOCIATE_RQ()
    asked.decode(request)
    primitive = asked.to_primitive()
    accepted = list(primitive.presentation_context_definition_list)
    for context in accepted:
        context.transfer_syntax = context.transfer_syntax[:1]
        context.result = 0
    primitive.presentation_context_definition_results_list = accepted
    primitive.result = 0
    answer = A_ASSOCIATE_AC()
    answer.from_primitive(primitive)
    return answers.setdefault(request, answer.encode())


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    children = []
    for number in range(os.cpu_count() or 1):
        child = os.fork()
        if child:
            children.append(child)
            continue
        answers: dict[bytes, bytes] = {}
        threads = [
            threading.Thread(target=_serve, args=(listener, folder / f"{number}.{one}", answers))
            for one in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def end_all(*_: object) -> None:
        for child in children:
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end_all)
    signal.pause()
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
