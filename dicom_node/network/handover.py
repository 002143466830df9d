"""Connections on their way from the process that accepts them to those that serve them."""

import errno
import mmap
import os
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

    What nobody has taken waits, also where a process that takes is started again.
    """

    def __init__(self, takers: int) -> None:
        self._giving, self._taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._giving.setblocking(False)
        self._taking.setblocking(False)
        self._process_ids = memoryview(mmap.mmap(-1, 4 * takers)).cast("I")

    def fileno(self) -> int:
        """Can be read from where something waits to be taken."""
        return self._taking.fileno()

    def take_as(self, number: int) -> None:
        """Be the process of that number, from 1, among those that take."""
        self._process_ids[number - 1] = os.getpid()

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
