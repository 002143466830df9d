"""What unknown peers may take of the processor while known ones are served."""

import threading
import time
from collections.abc import Iterator

import pytest

from dicom_node.association import processor_share
from dicom_node.association.processor_share import ProcessorShare


@pytest.fixture
def share() -> Iterator[ProcessorShare]:
    share = ProcessorShare(0.1)
    stopped = threading.Event()

    def modality() -> None:
        while not stopped.wait(0.1):
            share.serve_known_peer()

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
    share.serve_known_peer()
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
    share.serve_known_peer()
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
    share.serve_known_peer()
    begun = time.monotonic()
    share.pay(3600.0)
    assert time.monotonic() - begun < 60


def test_the_end_of_the_process_waits_for_nobody(share: ProcessorShare) -> None:
    share.serve_known_peer()
    stranger = threading.Thread(target=share.pay, args=(3600.0,))
    stranger.start()
    share.stop()
    stranger.join(60)
    assert not stranger.is_alive()
