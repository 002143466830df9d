"""What unknown peers may take of the processor while known ones are served."""

import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import thread_time

import pytest

from dicom_node.association import processor_share
from dicom_node.association.processor_share import MOST_QUESTIONS, ProcessorShare, StrangersWork
from storage.core.callers.long_work import BEGIN_LONG_WORK
from storage.dicom.element_walker import UNDEFINED_LENGTH, ElementWalker


@pytest.fixture
def share() -> Iterator[ProcessorShare]:
    share = ProcessorShare(0.1)
    stopped = threading.Event()

    def modality() -> None:
        while not stopped.wait(0.1):
            share.serve_known_peer(time.monotonic())

    thread = threading.Thread(target=modality)
    thread.start()
    yield share
    stopped.set()
    thread.join()


def test_nobody_waits_where_no_known_peer_is_served() -> None:
    share = ProcessorShare(0.1)
    begun = time.monotonic()
    share.pay(3600.0)
    assert time.monotonic() - begun < 60


def test_strangers_together_get_their_share(share: ProcessorShare) -> None:
    share.serve_known_peer(time.monotonic())
    begun = time.monotonic()
    strangers = [threading.Thread(target=share.pay, args=(0.05,)) for _ in range(4)]
    for stranger in strangers:
        stranger.start()
    for stranger in strangers:
        stranger.join()
    # 0.2 s at a tenth, but for the half second that they had not used before.
    assert time.monotonic() - begun >= 1.4


def test_a_newcomer_does_not_wait_for_all_that_others_used(
    share: ProcessorShare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_share, "_LONGEST_WAIT_S", 0.2)
    share.serve_known_peer(time.monotonic())
    others = [threading.Thread(target=share.pay, args=(30.0,), daemon=True) for _ in range(20)]
    for other in others:
        other.start()
    begun = time.monotonic()
    share.pay(0.001)
    assert time.monotonic() - begun < 250
    share.stop()
    for other in others:
        other.join()


def test_who_waits_goes_on_when_the_known_peer_has_ended() -> None:
    share = ProcessorShare(0.1)
    share.serve_known_peer(time.monotonic())
    begun = time.monotonic()
    share.pay(3600.0)
    assert time.monotonic() - begun < 60


def test_the_end_of_the_process_waits_for_nobody(share: ProcessorShare) -> None:
    share.serve_known_peer(time.monotonic())
    stranger = threading.Thread(target=share.pay, args=(3600.0,))
    stranger.start()
    share.stop()
    stranger.join(60)
    assert not stranger.is_alive()


def many_items(count: int) -> bytes:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, UNDEFINED_LENGTH) + item * count + end


def walk(share: ProcessorShare, count: int) -> list[float]:
    """Walk so many items as for a stranger; the processor time that was paid for by then."""
    paid: list[float] = []
    token = BEGIN_LONG_WORK.set(lambda: StrangersWork(share, lambda: paid.append(thread_time())))
    try:
        walker = ElementWalker(many_items(count), 0, explicit=True, big=False)
        assert walker.count() == count + 1
    finally:
        BEGIN_LONG_WORK.reset(token)
    return paid


def test_a_short_data_set_pauses_nobody_and_a_long_one_again_and_again() -> None:
    share = ProcessorShare()
    assert walk(share, 1_000) == []
    assert len(walk(share, 20_000)) == 9


def test_strangers_with_long_data_sets_work_one_at_a_time() -> None:
    """A modality that comes next finds one of them at work, and not all."""
    share = ProcessorShare()
    with ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        paid = list(pool.map(lambda _: walk(share, 40_000), range(8)))
        took_s = time.monotonic() - started
    work_s = sum(one[-1] for one in paid) / len(paid)
    # Each waits for the seven others besides its own work, but for the first and last ones.
    assert took_s > 3 * work_s


def test_a_stranger_pays_within_a_data_set_while_a_known_peer_is_served(
    share: ProcessorShare,
) -> None:
    share.serve_known_peer(time.monotonic())
    share.pay(0.1)  # what strangers have not used before counts for them
    started = time.monotonic()
    paid = walk(share, 120_000)
    took_s = time.monotonic() - started
    assert took_s > 3 * (paid[-1] - paid[0])


def test_an_end_lets_a_paused_stranger_go_on() -> None:
    share = ProcessorShare(share=0.001)
    share.serve_known_peer(time.monotonic())
    share.stop()
    started = time.monotonic()
    walk(share, 20_000)
    assert time.monotonic() - started < 2


@pytest.fixture
def storing() -> Iterator[ProcessorShare]:
    """A modality stores without a pause."""
    share = ProcessorShare(0.1)
    stopped = threading.Event()

    def modality() -> None:
        while not stopped.wait(0.1):
            share.serve_known_peer(time.monotonic(), "CT1")

    share.serve_known_peer(time.monotonic(), "CT1")
    thread = threading.Thread(target=modality)
    thread.start()
    yield share
    stopped.set()
    share.stop()
    thread.join()


def test_who_asks_while_a_modality_stores_waits_for_its_turn(storing: ProcessorShare) -> None:
    at_once = 0
    most = 0
    lock = threading.Lock()

    def ask(_number: int) -> None:
        nonlocal at_once, most
        with storing.asking("WS1"):
            with lock:
                at_once += 1
                most = max(most, at_once)
            time.sleep(0.02)
            with lock:
                at_once -= 1

    with ThreadPoolExecutor(8) as askers:
        list(askers.map(ask, range(24)))
    assert most == 1


def test_who_asks_while_a_modality_stores_gets_a_share_of_the_processor(
    storing: ProcessorShare,
) -> None:
    def ask(_number: int) -> None:
        with storing.asking("WS1"):
            begun_s = thread_time()
            while thread_time() - begun_s < 0.1:
                pass

    begun = time.monotonic()
    with ThreadPoolExecutor(4) as askers:
        list(askers.map(ask, range(8)))
    # 0.8 s of the processor at a quarter, but for the half second that was not used before.
    assert time.monotonic() - begun > 2.4


def test_nobody_waits_for_an_own_study_nor_where_nobody_stores(storing: ProcessorShare) -> None:
    begun = time.monotonic()
    for title, share in (("CT1", storing), ("WS1", ProcessorShare(0.1))):
        with share.asking(title):
            spent = thread_time()
            while thread_time() - spent < 0.5:
                pass
    assert time.monotonic() - begun < 30.0
    assert not storing.others_store("CT1")
    assert storing.others_store("WS1")


def test_nobody_waits_for_ever_behind_one_that_is_held_up(
    storing: ProcessorShare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_share, "_LONGEST_WAIT_S", 0.2)
    with storing.asking("HELD"), ThreadPoolExecutor(1) as other:

        def ask() -> str:
            with storing.asking("WS1"):
                return "answered"

        assert other.submit(ask).result(timeout=60) == "answered"


def test_who_asks_seldom_waits_for_nothing_that_another_title_has_used(
    storing: ProcessorShare,
) -> None:
    """A workstation beside another one that asks over eight associations without a pause."""
    stopped = threading.Event()

    def ask(title: str, used_s: float) -> float:
        begun = time.monotonic()
        with storing.asking(title):
            spent = thread_time()
            while thread_time() - spent < used_s:
                pass
        return time.monotonic() - begun

    def flood(_number: int) -> float:
        longest = 0.0
        while not stopped.is_set():
            longest = max(longest, ask("WS1", 0.1))
        return longest

    with ThreadPoolExecutor(8) as askers:
        flooding = [askers.submit(flood, number) for number in range(8)]
        time.sleep(2)
        took_s = min(ask("WS2", 0.01) for _ in range(3))
        stopped.set()
        assert took_s < max(one.result() for one in flooding) / 4


def test_one_title_has_a_few_questions_answered_at_a_time_and_keeps_no_other_waiting() -> None:
    share = ProcessorShare(0.1)
    inside = threading.Semaphore(0)
    going = threading.Event()

    def ask() -> None:
        with share.asking("WS1"):
            inside.release()
            going.wait(60)

    with ThreadPoolExecutor(2 * MOST_QUESTIONS) as askers:
        asked = [askers.submit(ask) for _ in range(2 * MOST_QUESTIONS)]
        try:
            for _ in range(MOST_QUESTIONS):
                assert inside.acquire(timeout=60)
            assert not inside.acquire(timeout=0.3)
            begun = time.monotonic()
            with share.asking("WS2"):
                assert time.monotonic() - begun < processor_share._LONGEST_WAIT_S
        finally:
            going.set()
        for one in asked:
            one.result()
