"""Connections on their way from the process that accepts them to those that serve them."""

import contextlib
import errno
import mmap
import os
import select
import socket
import struct
from typing import NamedTuple

Address = tuple[str, int]

# Whether it came to the TLS port, and the peer's port; its address follows.
_HEAD = struct.Struct("<?H")
_MOST_BYTES = 128


class Accepted(NamedTuple):
    client: socket.socket
    address: Address
    is_tls: bool
    """Whether it came to the TLS port; its handshake has not begun."""
    is_check: bool = False
    """Whether a load balancer looks if the node answers; not kept on the way to another process."""


class Handover:
    """Made before the processes are forked. One gives, `takers` processes take. Safe for threads.

    What nobody has taken waits, also where a process that takes is started again. One of those
    that wait is woken for each: to wake all of them took more than to accept the connection.
    """

    def __init__(self, takers: int) -> None:
        self._giving, self._taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._giving.setblocking(False)
        self._taking.setblocking(False)
        self._passed_on = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._process_ids = memoryview(mmap.mmap(-1, 4 * takers)).cast("I")
        self._waiting: select.epoll | None = None
        self._stopped = -1

    def take_as(self, number: int) -> None:
        """Be the process of that number, from 1, among those that take."""
        self._process_ids[number - 1] = os.getpid()
        # Each process has its own: one that is shared would be woken once for all of them.
        self._waiting, self._stopped = select.epoll(), -1
        for descriptor in (self._taking.fileno(), self._passed_on):
            self._waiting.register(descriptor, select.EPOLLIN | select.EPOLLEXCLUSIVE)

    def wait(self, stopped: int) -> bool:
        """Until something may be there to be taken; False where `stopped`, a descriptor, can be
        read from. Raises OSError.
        """
        if self._waiting is None:
            raise RuntimeError("This process is none of those that take.")
        if self._stopped != stopped:
            self._waiting.register(stopped, select.EPOLLIN)
            self._stopped = stopped
        ready = {descriptor for descriptor, _ in self._waiting.poll()}
        if self._passed_on in ready:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._passed_on)
        return stopped not in ready

    def pass_on(self) -> None:
        """Wake another of those that wait, for what this process would rather leave to it."""
        os.eventfd_write(self._passed_on, 1)

    @property
    def taking(self) -> list[int]:
        """The processes that take."""
        return [pid for pid in self._process_ids.tolist() if pid]

    def give(self, accepted: Accepted) -> bool:
        """Hand a connection over, and close it here; False where too many wait."""
        host, port = accepted.address[:2]
        message = _HEAD.pack(accepted.is_tls, port) + host.encode("ascii")
        try:
            socket.send_fds(self._giving, [message], [accepted.client.fileno()])
        except OSError:
            return False
        accepted.client.close()
        return True

    def take(self) -> Accepted | None:
        """None where another process took it. Raises OSError."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._taking, _MOST_BYTES, 1)
        except BlockingIOError:
            return None
        if not descriptors:
            # The kernel had no descriptor for it, and closed the connection.
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        is_tls, port = _HEAD.unpack_from(message)
        client = socket.socket(fileno=descriptors[0])
        # Python 3.11 and 3.13 do not pass on the flag that would say so.
        client.set_inheritable(False)
        return Accepted(client, (message[_HEAD.size :].decode("ascii"), port), is_tls)

    def close(self) -> None:
        self._giving.close()
        self._taking.close()
        if self._waiting is not None:
            self._waiting.close()
        if self._passed_on >= 0:
            os.close(self._passed_on)
            self._passed_on = -1
