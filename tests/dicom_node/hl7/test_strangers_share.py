"""Senders that are not known have a share of the processor, and known ones do not wait for it."""

import asyncio
import time
from pathlib import Path

import pytest

from dicom_node.hl7 import strangers_share
from dicom_node.hl7.strangers_share import StrangersShare
from tests.dicom_node.hl7.test_connections import ANSWER, Connection, Network, run
from tests.patience import PATIENCE_S

RIS = "127.0.0.4"
A_MESSAGE_S = 0.05


class Clock:
    def __init__(self) -> None:
        self.used_s = 0.0
        self.now_s = 1000.0


def share_of(clock: Clock) -> StrangersShare:
    return StrangersShare(lambda: clock.used_s, lambda: clock.now_s)


def test_what_was_not_used_may_be_used_later() -> None:
    clock = Clock()
    share = share_of(clock)
    clock.used_s += 5
    assert share.left_s() == 0
    clock.used_s += 0.25
    assert share.left_s() == pytest.approx(1)
    clock.now_s += 1
    assert share.left_s() == pytest.approx(0)
    clock.now_s += 3600
    share.left_s()
    clock.used_s += 5.25
    assert share.left_s() == pytest.approx(1), "an hour of silence saves up no more than this"


def test_nobody_waits_long_for_one_message_that_took_very_long() -> None:
    clock = Clock()
    share = share_of(clock)
    clock.used_s += 100
    assert share.left_s() == pytest.approx(2)


def test_other_threads_count_as_what_they_used() -> None:
    clock = Clock()
    share = share_of(clock)
    with share.used_by_this_thread():
        clock.used_s += 4
    clock.used_s -= 4  # each thread has a clock of its own
    assert share.left_s() == 0
    clock.used_s += 1.25
    assert share.left_s() == pytest.approx(1)


def test_strangers_wait_for_their_share_and_a_known_system_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers_share, "_CREDIT_S", 0.05)
    used_s = {"127.0.1.1": 0.0, RIS: 0.0}

    def respond(message: bytes, peer: str) -> bytes:
        begun_s = time.thread_time()
        while time.thread_time() - begun_s < A_MESSAGE_S:
            pass
        used_s[peer] += A_MESSAGE_S
        return b"taken: " + message

    async def ask(connection: Connection, until_s: float) -> None:
        while time.monotonic() < until_s:
            assert await connection.answer() == ANSWER

    async def test(network: Network) -> None:
        begun_s = time.monotonic()
        strangers = [await network.connect("127.0.1.1") for _ in range(6)]
        asking = asyncio.gather(*(ask(one, begun_s + 3) for one in strangers))
        await asyncio.sleep(1)
        ris = await network.connect(RIS)
        for _ in range(20):
            assert await ris.answer() == ANSWER
        # What the known system used counts, too: strangers wait for all that the listener does.
        await asyncio.wait_for(asking, PATIENCE_S)
        most_s = 0.25 * (time.monotonic() - begun_s) + 0.05 + A_MESSAGE_S
        assert used_s["127.0.1.1"] <= most_s
        assert used_s[RIS] == pytest.approx(1.0)
        assert used_s["127.0.1.1"] >= 3 * A_MESSAGE_S, "they do have it"

    run(tmp_path, test, respond, settings={"hl7_senders": RIS})
