"""SSH whose packets have a limit: paramiko reads as many bytes as a server announces, up to 4 GiB.

It does so before the key of the host is known, and so for anybody on the way.
"""

import paramiko
from paramiko.packet import Packetizer

MAX_BYTES = 256 * 1024
"""RFC 4253 6.1 asks for 35,000 bytes and lets implementations take more; OpenSSH takes as many."""


class LimitedPacketizer(Packetizer):  # type: ignore[misc]
    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """Raises SSHException where more is announced than a packet may have."""
        if n > MAX_BYTES:
            raise paramiko.SSHException(
                f"it announced an SSH packet of {n:,} bytes, and {MAX_BYTES:,} are taken"
            )
        data: bytes = super().read_all(n, check_rekey)
        return data


class LimitedTransport(paramiko.Transport):  # type: ignore[misc]
    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, packetizer_class=LimitedPacketizer, **options)
