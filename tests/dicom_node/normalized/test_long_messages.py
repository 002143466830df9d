"""Long messages of one peer over many associations take the memory of one, and others go on."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom.ae import ApplicationEntity

from dicom_node.association import base
from dicom_node.association.pynetdicom_adapter import MODE_ACCEPTOR, Timeouts
from dicom_node.network import data_sets, long_messages
from dicom_node.network.command_set import Command, CommandSet
from dicom_node.network.long_messages import long_message
from dicom_node.network.pdu import MalformedPdu
from storage.core.callers.shares import on_behalf_of
from storage.core.errors import LimitExceeded
from tests.dicom_node.conftest import Node
from tests.dicom_node.normalized.steps import (
    MPPS,
    STUDY,
    beginning,
    ending,
    modality,
    uids,
)


class Watched:
    """How many data sets are decoded, or held decoded, at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.most = self.count = 0
        self._lock = threading.Lock()
        true_decode = data_sets.decode_message

        def decode(*given: Any) -> Dataset:
            with self._lock:
                self.now += 1
                self.count += 1
                self.most = max(self.most, self.now)
            try:
                time.sleep(0.1)
                return true_decode(*given)
            finally:
                with self._lock:
                    self.now -= 1

        monkeypatch.setattr(data_sets, "decode_message", decode)


def test_steps_of_one_peer_are_decoded_one_at_a_time(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_messages, "LONG_BYTES", 4 * 1024)
    watched = Watched(monkeypatch)

    def begin(number: int) -> int:
        with modality(node) as association:
            step = beginning()
            step.PerformedSeriesSequence = ending(
                "COMPLETED", uids(*range(100 * number, 100 * number + 100))
            ).PerformedSeriesSequence
            status, _ = association.send_n_create(step, MPPS, generate_uid())
            return int(status.Status)

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(begin, range(1, 6))) == [0] * 5
    assert (watched.count, watched.most) == (5, 1)


def test_short_ones_do_not_wait_for_a_long_one(node: Node) -> None:
    with long_message(b"x" * (long_messages.LONG_BYTES + 1), ""), modality(node) as association:
        begun_s = time.monotonic()
        status, _ = association.send_n_create(beginning(STUDY), MPPS, generate_uid())
        assert status.Status == 0
        assert time.monotonic() - begun_s < 20


def test_who_waits_too_long_is_answered_so(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_messages, "LONG_BYTES", 100)
    monkeypatch.setattr(long_messages, "_LONGEST_WAIT_S", 0.05)
    with taken(), modality(node) as association:
        status, _ = association.send_n_create(beginning(), MPPS, generate_uid())
        # Resource limitation (PS3.7 C.5.15).
        assert status.Status == 0x0213


@contextmanager
def taken() -> Iterator[None]:
    """The turn is somebody else's, in another thread."""
    given, end = threading.Event(), threading.Event()

    def take() -> None:
        with long_message(b"x" * 1_000_000, ""):
            given.set()
            end.wait(60)

    thread = threading.Thread(target=take)
    thread.start()
    given.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_callers_have_their_turn_after_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def work(caller: str) -> None:
        with on_behalf_of(caller), long_message(b"x" * 1_000_000, ""):
            order.append(caller)

    threads = []
    with taken():
        for caller in ("a", "a", "a", "b"):
            threads.append(threading.Thread(target=work, args=(caller,)))
            threads[-1].start()
            time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert order[:2] == ["a", "b"]


def test_one_within_another_needs_no_second_turn() -> None:
    data = b"x" * 1_000_000
    with long_message(data, ""), long_message(data, ""):
        assert True
    # What is deflated may be long when it is short.
    deflated = "1.2.840.10008.1.2.1.99"
    with taken(), on_behalf_of("x"):
        with long_message(b"x" * 5_000, str(ExplicitVRLittleEndian)):
            pass
        long_messages._LONGEST_WAIT_S, before = 0.05, long_messages._LONGEST_WAIT_S
        try:
            with pytest.raises(LimitExceeded), long_message(b"x" * 5_000, deflated):
                pass
        finally:
            long_messages._LONGEST_WAIT_S = before


def test_long_messages_that_wait_for_nothing_end_their_association(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sixty-four of 16 MiB took a gigabyte for each association."""
    monkeypatch.setattr(base, "_MAX_WAITING_BYTES", 100)
    association: Any = base.NodeAssociation(ApplicationEntity(), MODE_ACCEPTOR, Timeouts())
    association.served = frozenset({Command.C_FIND_RQ})
    command = CommandSet(
        **{**dict.fromkeys(CommandSet._fields), "command_field": Command.C_FIND_RQ}
    )
    association._message_came(1, command, b"", b"x" * 200)
    with pytest.raises(MalformedPdu, match="does not wait"):
        association._message_came(1, command, b"", b"x")
    assert len(association._requests) == 1
