"""PDU and PDV headers, read in place and written by hand (PS3.8 chapter 9.3).

Nothing here knows DIMSE or sockets: bytes come from a callable like
`socket.recv_into`, so that the walk can be tested on any division of any bytes.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum

PDU_HEADER = struct.Struct(">BxL")
_PDV_HEADER = struct.Struct(">LBB")
_DATA_PREFIX = struct.Struct(">BBLLBB")
PDU_HEADER_BYTES = PDU_HEADER.size
PDV_HEADER_BYTES = _PDV_HEADER.size
BUFFER_BYTES = 256 * 1024
# What the first receive of a message asks for: whole small messages come with
# it, and most of a large one is received straight to where it belongs.
_FIRST_RECEIVE_BYTES = 32 * 1024
_PDV_OVERHEAD = 2  # context id and message control header count in a PDV's length


class PduType(IntEnum):
    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    DATA = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


class PeerClosed(Exception):
    """The connection ended. `in_message` tells whether bytes were still due."""

    def __init__(self, *, in_message: bool) -> None:
        super().__init__("The peer closed the connection.")
        self.in_message = in_message


class MalformedPdu(Exception):
    """The bytes are not a PDU of PS3.8, or are larger than we allow."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One presentation data value: the header of a piece of a command or data set."""

    context_id: int
    is_command: bool
    is_last: bool
    length: int


class PduReader:
    """Walks the PDUs of one connection in one buffer.

    `receive_into(view)` fills part of `view` and returns how much; 0 is the
    end. `receive_both(first, second)` fills the first and then the second, where
    the connection can do that. What they raise (a timeout, a reset) passes
    through. Views that are handed out hold until the next call.
    """

    def __init__(
        self,
        receive_into: Callable[[memoryview], int],
        receive_both: Callable[[memoryview, memoryview], int] | None = None,
        *,
        capacity: int = BUFFER_BYTES,
    ) -> None:
        self._receive_into = receive_into
        self._receive_both = receive_both
        self._view = memoryview(bytearray(capacity))
        self._start = 0
        self._end = 0

    @property
    def buffered(self) -> int:
        """Bytes that have been received and not yet taken."""
        return self._end - self._start

    def header(self) -> tuple[int, int]:
        """Type and body length of the next PDU; PeerClosed(in_message=False) between PDUs."""
        view = self._exactly(PDU_HEADER_BYTES, in_message=False)
        pdu_type, length = PDU_HEADER.unpack(view)
        return pdu_type, length

    def body(self, length: int, limit: int) -> bytes:
        """The whole body of a PDU other than P-DATA-TF, refusing more than `limit` bytes."""
        if length > limit:
            raise MalformedPdu(f"A PDU of {length} bytes is announced; {limit} are allowed.")
        body = bytearray(length)
        self.fill(memoryview(body))
        return bytes(body)

    def fragments(self, length: int) -> Iterator[Fragment]:
        """The PDV headers in a P-DATA-TF body of `length` bytes.

        The caller takes each fragment's bytes before it asks for the next.
        """
        remaining = length
        while remaining:
            if remaining < PDV_HEADER_BYTES:
                raise MalformedPdu(f"{remaining} bytes of a P-DATA-TF PDU hold no PDV header.")
            item_length, context_id, control = _PDV_HEADER.unpack(
                self._exactly(PDV_HEADER_BYTES, in_message=True)
            )
            if item_length < _PDV_OVERHEAD or item_length + 4 > remaining:
                raise MalformedPdu(
                    f"A PDV of {item_length} bytes does not fit the {remaining} left of its PDU."
                )
            yield Fragment(
                context_id, bool(control & 1), bool(control & 2), item_length - _PDV_OVERHEAD
            )
            remaining -= item_length + 4

    def fill(self, target: memoryview) -> None:
        """Fill `target`: from the buffer first, then straight from the connection."""
        length = len(target)
        done = min(length, self._end - self._start)
        if done:
            target[:done] = self._view[self._start : self._start + done]
            self._start += done
        while done < length:
            if self._receive_both is not None:
                # The headers that follow come with the same system call.
                step = self._receive_both(target[done:], self._view)
                if not step:
                    raise PeerClosed(in_message=True)
                self._start, self._end = 0, max(0, step - (length - done))
                done += step - self._end
                continue
            if length - done < len(self._view):
                # The end of a fragment: read on into the buffer, which also
                # takes the headers that follow with the same system call.
                self._receive_more(in_message=True)
                step = min(length - done, self._end)
                target[done : done + step] = self._view[:step]
                self._start = step
            else:
                step = self._receive_into(target[done:])
                if not step:
                    raise PeerClosed(in_message=True)
            done += step

    def pieces(self, length: int) -> Iterator[memoryview]:
        """`length` bytes as views of the buffer, each good until the next is asked for."""
        while length:
            if self._start == self._end:
                self._receive_more(in_message=True)
            step = min(length, self._end - self._start)
            self._start += step
            length -= step
            yield self._view[self._start - step : self._start]

    def skip(self, length: int) -> None:
        """Read `length` bytes and forget them."""
        for _ in self.pieces(length):
            pass

    def _exactly(self, count: int, *, in_message: bool) -> memoryview:
        """`count` contiguous bytes, fewer than the buffer holds."""
        while self._end - self._start < count:
            available = self._end - self._start
            if self._start and len(self._view) - self._start < count:
                self._view[:available] = bytes(self._view[self._start : self._end])
                self._start, self._end = 0, available
            self._receive_more(
                in_message=in_message or available > 0, limit=max(count, _FIRST_RECEIVE_BYTES)
            )
        view = self._view[self._start : self._start + count]
        self._start += count
        return view

    def _receive_more(self, *, in_message: bool, limit: int | None = None) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        end = None if limit is None else self._end + limit
        received = self._receive_into(self._view[self._end : end])
        if not received:
            raise PeerClosed(in_message=in_message)
        self._end += received


def data_pdus(
    context_id: int,
    payload: memoryview,
    *,
    is_command: bool,
    max_pdu_bytes: int,
    more_follows: bool = False,
) -> list[bytes | memoryview]:
    """P-DATA-TF PDUs that carry `payload`, as buffers for `socket.sendmsg`.

    With `more_follows` the payload is a piece, and its last fragment is not
    marked as the last of the command or data set. `max_pdu_bytes` is what the
    peer announced: the longest body of a PDU, with 0 for no limit (PS3.8 D.1.1).
    """
    room = (max_pdu_bytes or 128 * 1024) - PDV_HEADER_BYTES
    if room < 1:
        raise MalformedPdu(f"The peer takes PDUs of {max_pdu_bytes} bytes, too few for any data.")
    buffers: list[bytes | memoryview] = []
    offset = 0
    while True:
        piece = payload[offset : offset + room]
        offset += len(piece)
        is_end = offset >= len(payload)
        control = (1 if is_command else 0) | (2 if is_end and not more_follows else 0)
        buffers.append(
            _DATA_PREFIX.pack(
                PduType.DATA,
                0,
                len(piece) + PDV_HEADER_BYTES,
                len(piece) + _PDV_OVERHEAD,
                context_id,
                control,
            )
        )
        buffers.append(piece)
        if is_end:
            return buffers
