"""Destinations that answer slowly, beside one that answers at once."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from inference.deliveries.destinations import checked_peer
from storage.container import Storage
from storage.core.entities import Delivery
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.test_delivery import deliveries, with_results
from tests.inference.orchestration import wait_for
from tests.inference.processes import workers_in
from tests.services import storescp
from tests.trickling import trickling

_STUDIES = "abcd"


def sent_to(storage: Storage, destination: str) -> list[Delivery]:
    found = [one for name in _STUDIES for one in deliveries(storage, name)]
    return [one for one in found if one.destination == destination]


def states(storage: Storage, destination: str) -> list[str]:
    return [one.state for one in sent_to(storage, destination)]


@pytest.mark.fault
def test_destinations_that_trickle_delay_themselves_alone(tmp_path: Path) -> None:
    """Each header byte came in time, so that two studies for one such peer stopped all others."""
    # Of one host; the PACS is on another.
    with ExitStack() as stack:
        scp = stack.enter_context(storescp(tmp_path))
        # They end before the worker, which would wait for their answers.
        end = stack.enter_context(ExitStack())
        slow = [end.enter_context(trickling(every_s=0.5)) for _ in range(2)]
        workers = stack.enter_context(
            workers_in(
                tmp_path,
                destinations=f"pacs={scp.ae_title}@127.0.0.2:{scp.port}",
                stow_hosts=",".join(f"127.0.0.1:{one.port}" for one in slow),
                report_delivery="off",
            )
        )
        storage = workers.storage
        for number, one in enumerate(slow):
            # They come before the PACS in the alphabet, and in time.
            peer = KnownPeer(f"a{number}", kind="stow", url=f"{one.url}/r", is_destination=True)
            storage.peers.add(checked_peer(peer, storage.settings))
        for name in _STUDIES:
            with_results(storage, name)
        with storage.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE delivery SET next_attempt_at = '2020-01-01 00:00:00'"
                " WHERE destination <> 'pacs'"
            )
        workers.start("control", "beat")
        wait_for(lambda: sum(len(one.callers) for one in slow) > 1, "calls to the slow ones")
        try:
            wait_for(lambda: set(states(storage, "pacs")) == {"SENT"}, "the results at the PACS")
        except AssertionError:
            end.close()
            raise
        # Before any of the calls to the slow ones ended, which takes a minute.
        slow_ones = [*sent_to(storage, "a0"), *sent_to(storage, "a1")]
        assert {one.last_error for one in slow_ones} == {""}
        assert len(states(storage, "pacs")) == 2 * len(_STUDIES)
        # Two studies to the first, while nobody else was busy; then one to each.
        assert sum(len(one.callers) for one in slow) <= 3
        assert {one.state for one in slow_ones} == {"SENDING", "PENDING"}
        end.close()


@pytest.mark.slow  # `test_slots` tells how many senders go where
@pytest.mark.fault
def test_more_hosts_that_hang_for_the_first_time_than_senders_stop_nobody(tmp_path: Path) -> None:
    """Each of the four senders was with one of them, until the calls reached their limits."""
    with ExitStack() as stack:
        scp = stack.enter_context(storescp(tmp_path))
        end = stack.enter_context(ExitStack())
        slow = [
            end.enter_context(trickling(every_s=0.5, host=f"127.0.0.{last}"))
            for last in range(3, 7)
        ]
        workers = stack.enter_context(
            workers_in(
                tmp_path,
                destinations=f"pacs={scp.ae_title}@127.0.0.2:{scp.port}",
                stow_hosts=",".join(f"{one.host}:{one.port}" for one in slow),
                report_delivery="off",
            )
        )
        storage = workers.storage
        for number, one in enumerate(slow):
            peer = KnownPeer(f"a{number}", kind="stow", url=f"{one.url}/r", is_destination=True)
            storage.peers.add(checked_peer(peer, storage.settings))
        with_results(storage, "a")
        with storage.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE delivery SET next_attempt_at = '2020-01-01 00:00:00'"
                " WHERE destination <> 'pacs'"
            )
        workers.start("control", "beat")
        wait_for(lambda: all(one.callers for one in slow), "calls to all that are slow")
        try:
            wait_for(lambda: set(states(storage, "pacs")) == {"SENT"}, "the results at the PACS")
        except AssertionError:
            end.close()
            raise
        # Before any of the calls to the slow ones ended, which takes a minute.
        assert {one.last_error for n in range(4) for one in sent_to(storage, f"a{n}")} == {""}
        end.close()
