"""From presentation data values to whole DIMSE messages (PS3.8 annex E, PS3.7 6.3)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from dicom_node.network.command_set import Command, CommandSet, MalformedCommand, decode_command
from dicom_node.network.message_memory import OF_PROCESS, MessageMemory, PartOfMemory
from dicom_node.network.pdu import Fragment, MalformedPdu, PduReader

MAX_COMMAND_BYTES = 64 * 1024
# Identifiers and action information of messages other than C-STORE.
MAX_MESSAGE_DATA_BYTES = 16 * 1024 * 1024
# Many an association brings one short instance and ends.
_FIRST_BUFFER_BYTES = 64 * 1024
# What a longer data set costs are its bytes, while which other threads can run.
LONG_BYTES = 256 * 1024
# A data set beyond this is not held in memory.
SPILL_BYTES = 8 * 1024 * 1024
# A buffer that grew beyond this is not kept for the next instance.
_KEPT_BUFFER_BYTES = 16 * 1024 * 1024


class Pace(Protocol):
    """What watches how fast messages come; `connection.Connection` does."""

    def message_done(self) -> None: ...


class LargeStore(Protocol):
    """A C-STORE whose data set is taken piece by piece."""

    def write(self, piece: memoryview) -> None:
        """Take the next piece, which holds until return. Failures are raised by `finish`."""

    def finish(self) -> None:
        """The data set has ended: keep the instance and answer."""

    def discard(self) -> None:
        """The data set will not end: forget it."""


class StoreReceiver(Protocol):
    """Takes C-STORE requests of one association."""

    @property
    def max_instance_bytes(self) -> int: ...

    def store(self, context_id: int, command: CommandSet, data: memoryview | None) -> None:
        """Keep the instance and answer. `data` holds until return; None: no data set came."""

    def store_large(self, context_id: int, command: CommandSet) -> LargeStore:
        """Begin an instance that is too large to be held in memory."""

    def too_large(self, context_id: int, command: CommandSet) -> None:
        """Answer a request whose data set exceeded `max_instance_bytes` and was not kept."""


@dataclass(slots=True)
class DataBuffer:
    """Collects the fragments of a data set in memory that is used again.

    Up to `limit` bytes: what comes beyond is read and forgotten, and
    `overflowed` says so. Above `spill_bytes` everything goes to `open_large`'s
    store instead, where one is given, and so does what `memory` has no room for; without
    a store that is forgotten, too.
    """

    limit: int = 0
    memory: MessageMemory = field(default_factory=lambda: PartOfMemory(OF_PROCESS, is_known=True))
    open_large: Callable[[], LargeStore] | None = None
    spill_bytes: int = SPILL_BYTES
    overflowed: bool = False
    lacked_room: bool = False
    """Whether it overflowed since messages of others take the memory."""
    large: LargeStore | None = None
    length: int = 0
    """Bytes that came, those that were not kept in memory among them."""
    _store: bytearray = field(default_factory=bytearray)
    _taken_bytes: int = 0
    """Of `memory`; nothing for a short buffer."""

    def take(self, reader: PduReader, length: int) -> None:
        """Append `length` bytes from `reader`."""
        needed = self.length + length
        if self.overflowed or needed > self.limit:
            self.overflowed = True
            reader.skip(length)
            return
        may_spill = self.open_large is not None
        if self.large is None and (
            (may_spill and needed > self.spill_bytes) or not self._make_room(needed)
        ):
            if self.open_large is None:
                self.overflowed = self.lacked_room = True
                reader.skip(length)
                return
            self.large = self.open_large()
            self.large.write(self.view())
            self.let_go()
        if self.large is None:
            reader.fill(memoryview(self._store)[self.length : needed])
        else:
            for piece in reader.pieces(length):
                self.large.write(piece)
        self.length = needed

    def view(self) -> memoryview:
        return memoryview(self._store)[: self.length]

    def reset(self, limit: int, open_large: Callable[[], LargeStore] | None) -> None:
        self.discard()
        self.limit = limit
        self.open_large = open_large

    def discard(self) -> None:
        """Forget everything, whatever state it is in."""
        if self.large is not None:
            self.large.discard()
            self.large = None
        self.overflowed = self.lacked_room = False
        self.length = 0
        if len(self._store) > _KEPT_BUFFER_BYTES:
            self.free()

    def free(self) -> None:
        """Give back the memory, and what it held."""
        self._store = bytearray()
        if self._taken_bytes:
            self.memory.give_back(self._taken_bytes)
            self._taken_bytes = 0

    def let_go(self) -> None:
        """What it held is not needed any more; nor is the memory, where others lack it."""
        if self._taken_bytes and (not self._store or self.memory.is_scarce):
            self.free()

    def copied(self) -> bytes:
        """What it holds, which counts until it is let go."""
        whole = bytes(self.view())
        if self._taken_bytes:
            self._store = bytearray()
        return whole

    def _make_room(self, needed: int) -> bool:
        if needed <= len(self._store):
            return True
        size_bytes = max(needed, 2 * len(self._store), _FIRST_BUFFER_BYTES)
        if size_bytes > LONG_BYTES:
            if not self.memory.take(size_bytes - self._taken_bytes):
                return False
            self._taken_bytes = size_bytes
        # A new buffer: views of the old one may still be held elsewhere.
        grown = bytearray(size_bytes)
        grown[: self.length] = memoryview(self._store)[: self.length]
        self._store = grown
        return True


class MessageAssembler:
    """Assembles the messages of one association, one at a time.

    C-STORE requests go to `store_receiver`, their data set uncopied, and
    C-STORE responses to `on_store_response`; everything else goes to
    `on_message(context_id, command, encoded_command, data)`, `data` being None
    for a message without data set. Without a receiver a C-STORE request is a message, too.
    """

    def __init__(
        self,
        reader: PduReader,
        pace: Pace,
        store_receiver: StoreReceiver | None,
        on_message: Callable[[int, CommandSet, bytes, bytes | None], None],
        on_store_response: Callable[[CommandSet], None],
        memory: MessageMemory | None = None,
    ) -> None:
        self._reader = reader
        self._pace = pace
        self._store_receiver = store_receiver
        self._on_message = on_message
        self._on_store_response = on_store_response
        self._command = bytearray()
        self._decoded: CommandSet | None = None
        self._context_id = 0
        self._data = DataBuffer() if memory is None else DataBuffer(memory=memory)
        # Both are looked at several times for each short instance: attributes take no calls.
        self.in_message = False
        """Whether a message has begun and not ended."""
        self.is_long = False
        """Whether the data set that comes, or came last, is a long one."""

    def data_pdu(self, length: int) -> None:
        """Read the body of one P-DATA-TF PDU. Raises MalformedPdu."""
        for fragment in self._reader.fragments(length):
            if not self.in_message:
                self.in_message = True
                self._context_id = fragment.context_id
            elif fragment.context_id != self._context_id:
                raise MalformedPdu("A message changes its presentation context in the middle.")
            if fragment.is_command:
                self._take_command(fragment)
            else:
                self._take_data(fragment)

    def _take_command(self, fragment: Fragment) -> None:
        if self._decoded is not None:
            raise MalformedPdu("A command begins before the data set of the last one ended.")
        if len(self._command) + fragment.length > MAX_COMMAND_BYTES:
            raise MalformedPdu(f"A command set exceeds {MAX_COMMAND_BYTES} bytes.")
        piece = bytearray(fragment.length)
        self._reader.fill(memoryview(piece))
        self._command += piece
        if not fragment.is_last:
            return
        try:
            command = decode_command(self._command)
        except MalformedCommand as error:
            raise MalformedPdu(str(error)) from error
        self._decoded = command
        if command.has_data_set:
            self._begin_data(command)
        else:
            self._finish(None)

    def discard(self) -> None:
        """Forget a message that will not be completed, and need no memory for another one."""
        self._data.discard()
        self._data.free()

    def served(self) -> None:
        """What came as a message has been dealt with."""
        if not self.in_message:
            self._data.let_go()

    def _begin_data(self, command: CommandSet) -> None:
        self.is_long = False
        receiver = self._store_receiver
        if receiver is None or command.command_field != Command.C_STORE_RQ:
            self._data.reset(MAX_MESSAGE_DATA_BYTES, None)
        else:
            open_large = partial(receiver.store_large, self._context_id, command)
            self._data.reset(receiver.max_instance_bytes, open_large)

    def _take_data(self, fragment: Fragment) -> None:
        if self._decoded is None:
            raise MalformedPdu("A data set comes without its command.")
        self._data.take(self._reader, fragment.length)
        self.is_long = self._data.length > LONG_BYTES
        if fragment.is_last:
            self._finish(self._data.view())

    def _finish(self, data: memoryview | None) -> None:
        command, encoded = self._decoded, bytes(self._command)
        self._decoded = None
        self._command.clear()
        self.in_message = False
        self._pace.message_done()
        if command is None:
            return
        if command.command_field == Command.C_STORE_RSP and data is None:
            self._on_store_response(command)
        elif self._store_receiver is None or command.command_field != Command.C_STORE_RQ:
            if data is not None and self._data.lacked_room:
                raise MalformedPdu(
                    "Long messages of others take the memory that there is for them."
                )
            if data is not None and self._data.overflowed:
                raise MalformedPdu(f"A message exceeds {MAX_MESSAGE_DATA_BYTES} bytes.")
            whole = None if data is None else self._data.copied()
            self._on_message(self._context_id, command, encoded, whole)
        elif data is not None and self._data.overflowed:
            self._store_receiver.too_large(self._context_id, command)
        elif data is not None and self._data.large is not None:
            self._data.large.finish()
            self._data.large = None
        else:
            self._store_receiver.store(self._context_id, command, data)
            self._data.let_go()
