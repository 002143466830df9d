"""C-STORE as SCP, counted by peer."""

import time

from dicom_node.network.command_set import CommandSet
from dicom_node.status import DimseStatus
from dicom_node.store.scp import LargeInstance, StoreScp


class CountedStoreScp(StoreScp):
    """Stores, and counts what it stored."""

    _since = 0.0
    _size_bytes = 0

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        self._since = time.monotonic()
        self._size_bytes = len(data) if data is not None else 0
        super().store(context_id, command, data)

    def store_large(self, context_id: int, command: CommandSet) -> LargeInstance:
        self._since, self._size_bytes = time.monotonic(), 0
        return _CountedLarge(self, context_id, command)

    def came(self, size_bytes: int) -> None:
        """More of a large instance."""
        self._size_bytes += size_bytes

    def respond(self, context_id: int, command: CommandSet, status: DimseStatus) -> None:
        super().respond(context_id, command, status)
        traffic = self._association.traffic
        if traffic is not None:
            seconds = time.monotonic() - self._since if self._since else 0.0
            traffic.stored(status.code, seconds, self._size_bytes)
        self._since, self._size_bytes = 0.0, 0


class _CountedLarge(LargeInstance):
    def __init__(self, scp: CountedStoreScp, context_id: int, command: CommandSet) -> None:
        super().__init__(scp, context_id, command)
        self._counted = scp

    def write(self, piece: memoryview) -> None:
        self._counted.came(len(piece))
        super().write(piece)
