"""One TCP connection with a peer, owned by one thread."""

import contextlib
import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Iterator, Sequence

from dicom_node.network.shared_thread import SharedThread
from dicom_node.network.throttle import PIECE_BYTES, Throttle

_MAX_BUFFERS = 512  # below IOV_MAX (1,024 on Linux)
# Over the life of a message a peer must bring at least this much, so that one
# that sends a byte now and then cannot occupy a slot for ever.
_SLOWEST_BYTES_PER_S = 1024.0
# The last answers and an abort may still be on their way to a peer far off; more is not.
_LEFT_BEHIND_BYTES = 64 * 1024
_INT = struct.Struct("i")
# With SO_LINGER on and no time: closing resets.
_RESET = struct.pack("ii", 1, 0)


class PeerTooSlow(ConnectionError):
    """The peer made no progress, or too little, within the time allowed."""


class Connection:
    """Sends and receives with time limits, and without waiting for delayed ACKs.

    Nagle's algorithm is off for what we send. Many senders have it on: their
    next message then waits for our ACK, which Linux delays by up to 40 ms, so
    quick ACKs are asked for again after each receive (Linux forgets the option).
    """

    may_share = True
    """Whether it can be served by a thread that must not wait for it."""

    def __init__(self, sock: socket.socket, *, timeout_s: float) -> None:
        self.socket = sock
        self._shared: SharedThread | None = None
        self._flags = 0
        self.throttle: Throttle | None = None
        self._quick_ack = getattr(socket, "TCP_QUICKACK", None)
        self._timeout_s = 0.0
        self._message_started = 0.0
        self._message_bytes = 0
        self._sending_s = 0.0
        self._sent_bytes = 0
        self._is_stuck = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # Blocking, with the kernel keeping time: a Python-level timeout costs
        # a poll before each receive.
        sock.setblocking(True)
        self.set_timeout(timeout_s)

    def set_timeout(self, timeout_s: float) -> None:
        """The longest wait of one send or receive."""
        if timeout_s == self._timeout_s:
            return
        self._timeout_s = timeout_s
        seconds, fraction = divmod(max(timeout_s, 0.001), 1)
        value = struct.pack("ll", int(seconds), int(fraction * 1_000_000))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)

    @contextlib.contextmanager
    def shared(self, thread: SharedThread) -> Iterator[None]:
        """Let the others of this thread go on where this connection has to wait."""
        self._shared, self._flags = thread, socket.MSG_DONTWAIT
        try:
            yield
        finally:
            self._shared, self._flags = None, 0

    def message_done(self) -> None:
        """The peer has sent something whole; its rate is watched again from its next byte."""
        self._message_started = 0.0
        if self._shared is not None:
            # More may have come already, and would be served before anything of the others.
            self._shared.yield_to_others()

    def receive_into(self, view: memoryview) -> int:
        """Like `socket.recv_into`; raises PeerTooSlow instead of waiting too long."""
        while True:
            try:
                received = self.socket.recv_into(view, 0, self._flags)
                break
            except BlockingIOError as error:
                self._wait_to_receive(error)
        self._received(received)
        return received

    def receive_both(self, first: memoryview, second: memoryview) -> int:
        """As `receive_into`, the first view and then the second."""
        while True:
            try:
                received: int = self.socket.recvmsg_into((first, second), 0, self._flags)[0]
                break
            except BlockingIOError as error:
                self._wait_to_receive(error)
        self._received(received)
        return received

    def _wait_to_receive(self, error: BlockingIOError) -> None:
        """Raises PeerTooSlow when time is up."""
        if not self._came(select.EPOLLIN):
            raise PeerTooSlow(f"Nothing came for {self._timeout_s:g} s.") from error

    def _came(self, event: int) -> bool:
        """Wait in a shared thread; one of our own has waited already, in vain."""
        shared = self._shared
        return shared is not None and shared.wait_for(self.socket, event, self._timeout_s)

    def _received(self, received: int) -> None:
        """Ask for quick ACKs again; and a message may take the time limit, and then as long as
        its bytes come fast enough.
        """
        if self._quick_ack is not None:
            try:
                self.socket.setsockopt(socket.IPPROTO_TCP, self._quick_ack, 1)
            except OSError:
                self._quick_ack = None  # no such thing here, or the connection has ended
        now = time.monotonic()
        if not self._message_started:
            self._message_started, self._message_bytes = now, 0
        self._message_bytes += received
        overtime_s = now - self._message_started - self._timeout_s
        if overtime_s > 0 and self._message_bytes < overtime_s * _SLOWEST_BYTES_PER_S:
            raise PeerTooSlow(f"A message came at less than {_SLOWEST_BYTES_PER_S:g} bytes/s.")

    def send(self, buffers: Sequence[bytes | memoryview]) -> None:
        """Send all buffers in order. Raises OSError, PeerTooSlow among them."""
        queue = [memoryview(buffer) for buffer in buffers if len(buffer)]
        if self.throttle is None:
            self._send_all(queue)
            return
        for buffer in queue:
            for start in range(0, len(buffer), PIECE_BYTES):
                piece = buffer[start : start + PIECE_BYTES]
                self.throttle.wait_for(len(piece))
                self._send_all([piece])

    def _send_all(self, queue: list[memoryview]) -> None:
        first = 0
        while first < len(queue):
            started = time.monotonic()
            sent = self._send_some(queue[first : first + _MAX_BUFFERS])
            self._watch_sending(time.monotonic() - started, sent)
            while sent and sent >= len(queue[first]):
                sent -= len(queue[first])
                first += 1
            if sent:
                queue[first] = queue[first][sent:]

    def _send_some(self, queue: list[memoryview]) -> int:
        while True:
            try:
                return self.socket.sendmsg(queue, (), self._flags)
            except BlockingIOError as error:
                if not self._came(select.EPOLLOUT):
                    raise self._stuck(f"nothing for {self._timeout_s:g} s") from error

    def _watch_sending(self, waited_s: float, sent: int) -> None:
        """Of the time that we wait for the peer, no stretch may pass with hardly anything taken."""
        self._sending_s += waited_s
        self._sent_bytes += sent
        if self._sending_s > self._timeout_s:
            is_slow = self._sent_bytes < self._sending_s * _SLOWEST_BYTES_PER_S
            self._sending_s, self._sent_bytes = 0.0, 0
            if is_slow:
                raise self._stuck(f"less than {_SLOWEST_BYTES_PER_S:g} bytes/s")

    def _stuck(self, taken: str) -> PeerTooSlow:
        """What waits to be sent will not arrive any more."""
        self._is_stuck = True
        return PeerTooSlow(f"The peer took {taken}.")

    def readable(self) -> bool:
        """Whether bytes, or the end, wait to be received."""
        try:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN)
            return bool(poll.poll(0))
        except (OSError, ValueError):
            return False

    def drain(self, timeout_s: float) -> None:
        """Say that we are done and wait until the peer closes, so that it reads our last PDU."""
        if self._is_stuck:
            return
        deadline = time.monotonic() + timeout_s
        scrap = memoryview(bytearray(4096))
        with contextlib.suppress(OSError, ValueError, PeerTooSlow):
            self.socket.shutdown(socket.SHUT_WR)
            while (left := deadline - time.monotonic()) > 0:
                self.set_timeout(left)
                if not self.receive_into(scrap):
                    return

    def interrupt(self) -> None:
        """End the connection from another thread; the owner's receive returns at once."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        # It may be closed already.
        with contextlib.closing(self.socket), contextlib.suppress(OSError, ValueError):
            if self._is_stuck or self._unsent_bytes() > _LEFT_BEHIND_BYTES:
                # The kernel would go on trying to deliver, and the peer might hear of no end
                # for minutes.
                reset_at_end(self.socket)

    def _unsent_bytes(self) -> int:
        """What the peer's side has not confirmed."""
        (count,) = _INT.unpack(fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(_INT.size)))
        return int(count)


def reset_at_end(sock: socket.socket) -> None:
    """Leave nothing in the kernel when it is closed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
