"""A sender at native speed: PDUs are encoded beforehand, sending is a system call or two.

Of a long row of instances some are encoded and sent again and again, each under a UID of its own.
"""

import multiprocessing
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless
from pynetdicom.presentation import build_context

from benchmarks.support.brief_associations import BriefAssociations, receive_pdu
from dicom_node.association.base import NodeAssociation
from dicom_node.association.requestor import end, open_association
from dicom_node.network.command_set import encode_store_request
from dicom_node.network.connection import Connection
from dicom_node.network.pdu import data_pdus
from dicom_node.peers import Peer
from tests.dicom_node.builders import ct_instance, data_set_bytes, encoded

_UID = "2.25.{:038d}"  # fixed length, so that it can be replaced in encoded bytes
_MARKS = tuple(_UID.format(10**37 + n) for n in range(2))


@dataclass(frozen=True)
class Load:
    """What one run sends: instances over parallel associations, or an association for each."""

    size: int
    associations: int
    instances: int
    transfer_syntax_uid: str = ExplicitVRLittleEndian
    association_each: bool = False


class Template:
    """One instance, encoded; its SOP Instance and Series Instance UID can be replaced."""

    def __init__(self, load: Load, study: int) -> None:
        ds = ct_instance(
            size=load.size,
            study_instance_uid=_UID.format(study),
            series_instance_uid=_MARKS[1],
            sop_instance_uid=_MARKS[0],
        )
        if load.transfer_syntax_uid == JPEGLSLossless:
            _make_smooth(ds)
            ds.compress(JPEGLSLossless, generate_instance_uid=False)
        self.part10 = encoded(ds)
        self.data_set = data_set_bytes(self.part10)

    def file(self, number: int, series: int) -> bytes:
        """A part-10 file with the UIDs of the given numbers."""
        return _renamed(self.part10, number, series)

    def message(self, number: int, series: int, association: NodeAssociation) -> bytes:
        """A C-STORE request as the association's peer takes it."""
        command = encode_store_request(
            message_id=1, sop_class_uid=CTImageStorage, sop_instance_uid=_UID.format(number)
        )
        context_id = association.accepted_contexts[0].context_id
        limit = association.dimse.maximum_pdu_size
        data_set = memoryview(_renamed(self.data_set, number, series))
        return b"".join(
            data_pdus(context_id, memoryview(command), is_command=True, max_pdu_bytes=limit)
            + data_pdus(context_id, data_set, is_command=False, max_pdu_bytes=limit)
        )


def _make_smooth(ds: Dataset) -> None:
    """Pixels that compress as a CT's do, about three to one."""
    rows, columns = np.mgrid[0 : ds.Rows, 0 : ds.Columns]
    noise = np.random.default_rng(1).integers(0, 16, (ds.Rows, ds.Columns))
    pixels = (1000 + 400 * np.sin(rows / 40) * np.cos(columns / 55) + noise).astype("<u2")
    ds.PixelData = pixels.tobytes()


def _renamed(encoded_instance: bytes, number: int, series: int) -> bytes:
    for mark, value in zip(_MARKS, (number, series), strict=True):
        encoded_instance = encoded_instance.replace(mark.encode(), _UID.format(value).encode())
    return encoded_instance


_numbers = iter(range(2 * 10**37, 3 * 10**37, 10**9))


_PREPARE_TIMEOUT_S = 120.0
# By each association; more than any case but the long one sends.
_ENCODED = 800


class NotStored(Exception):
    """`count` instances were answered with another status than success."""

    def __init__(self, message: str, count: int) -> None:
        super().__init__(message)
        self.count = count


def next_number() -> int:
    """The first of 10⁹ numbers for UIDs that this run has not used."""
    return next(_numbers)


def send(peer: Peer, load: Load, around: Callable[[Callable[[], None]], None]) -> None:
    """Prepare everything, then let `around` call the sending itself, e.g. to time it.

    Raises NotStored when an instance is not answered with success.
    """
    context = multiprocessing.get_context("fork")
    ready, go = (context.Barrier(load.associations + 1) for _ in range(2))
    failures: Synchronized[int] = context.Value("i", 0)
    each = load.instances // load.associations
    processes = [
        context.Process(
            target=_send_share, args=(peer, load, next_number(), each, ready, go, failures)
        )
        for _ in range(load.associations)
    ]
    for process in processes:
        process.start()
    ready.wait(_PREPARE_TIMEOUT_S)

    def sending() -> None:
        go.wait()
        for process in processes:
            process.join()

    around(sending)
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"A sender to {peer} failed.")
    if failures.value:
        raise NotStored(f"{peer} did not store everything of {load}", failures.value)


def _send_share(
    peer: Peer,
    load: Load,
    first: int,
    count: int,
    ready: Barrier,
    go: Barrier,
    failures: "Synchronized[int]",
) -> None:
    template = Template(load, first)
    association = _associate(peer, load)
    messages = _Messages(template, first, count, association)
    brief = BriefAssociations(peer, association)
    if load.association_each:
        end(association)
    ready.wait(_PREPARE_TIMEOUT_S)
    go.wait()
    bad = 0
    for message in messages:
        with brief.open() if load.association_each else nullcontext(association.connection) as to:
            to.socket.sendall(message)
            bad += _status(to) != 0
    with failures.get_lock():
        failures.value += bad
    if not load.association_each:
        end(association)


class _Messages:
    """C-STORE requests of `count` instances of the series `first`, in one pass."""

    def __init__(
        self, template: Template, first: int, count: int, association: NodeAssociation
    ) -> None:
        self._next, self._end = first + 1, first + 1 + count
        numbers = range(self._next, self._next + min(count, _ENCODED))
        self._encoded = [
            bytearray(template.message(number, first, association)) for number in numbers
        ]
        self._places = [
            [found.start() for found in re.finditer(re.escape(_uid(number)), message)]
            for number, message in zip(numbers, self._encoded, strict=True)
        ]

    def __iter__(self) -> Iterator[bytearray]:
        for turn, number in enumerate(range(self._next, self._end)):
            message = self._encoded[turn % len(self._encoded)]
            if turn >= len(self._encoded):
                for place in self._places[turn % len(self._encoded)]:
                    message[place : place + len(_MARKS[0])] = _uid(number)
            yield message


def _uid(number: int) -> bytes:
    return _UID.format(number).encode()


def _associate(peer: Peer, load: Load) -> NodeAssociation:
    return open_association(
        peer, "BENCH", [build_context(CTImageStorage, [load.transfer_syntax_uid])]
    )


def _status(connection: Connection) -> int:
    """The status of the C-STORE response that comes next."""
    _, body = receive_pdu(connection)
    at = body.index(b"\x00\x00\x00\x09\x02\x00\x00\x00")
    status: int = struct.unpack_from("<H", body, at + 8)[0]
    return status
