"""Threads that serve one association after the other."""

import contextvars
import threading
import time
from collections.abc import Iterator

import pytest

from dicom_node.association import threads as module
from dicom_node.association.threads import AssociationThreads

PATIENCE_S = 10.0
CALLER: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[AssociationThreads]:
    monkeypatch.setattr(module, "_IDLE_S", 1.0)
    made = AssociationThreads()
    yield made
    made.stop()
    wait_until_gone()


def idle() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "association-idle"]


def wait_until_idle() -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not idle() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # it says so before it waits


def wait_until_gone() -> None:
    deadline = time.monotonic() + PATIENCE_S
    while idle() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not idle()


def done(threads: AssociationThreads, name: str) -> tuple[int | None, str, str]:
    """By which thread, under which name and for whom; those before leave nothing."""
    found: list[tuple[int | None, str, str]] = []
    has_ended = threading.Event()

    def work() -> None:
        thread = threading.current_thread()
        found.append((thread.ident, thread.name, CALLER.get()))
        CALLER.set(name)
        has_ended.set()

    threads.begin(name, work)
    assert has_ended.wait(PATIENCE_S)
    wait_until_idle()
    return found[0]


def test_a_thread_serves_the_next_and_remembers_nothing_of_the_last(
    threads: AssociationThreads,
) -> None:
    first, second = done(threads, "association-1"), done(threads, "association-2")
    assert first[1:] == ("association-1", "nobody")
    assert second == (first[0], "association-2", "nobody")


def test_those_at_the_same_time_have_a_thread_each_and_few_stay(
    threads: AssociationThreads,
) -> None:
    together = threading.Barrier(20)
    seen: set[int] = set()

    def work() -> None:
        together.wait(PATIENCE_S)
        seen.add(threading.get_ident())

    for number in range(20):
        threads.begin(f"association-{number}", work)
    deadline = time.monotonic() + PATIENCE_S
    while len(seen) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(seen) == 20
    wait_until_gone()  # nobody calls any more


def test_one_that_fails_leaves_its_thread_to_the_next(threads: AssociationThreads) -> None:
    before = done(threads, "association-1")[0]

    has_begun = threading.Event()

    def fails() -> None:
        has_begun.set()
        raise RuntimeError("as no association does")

    threads.begin("association-2", fails)
    assert has_begun.wait(PATIENCE_S)
    wait_until_idle()
    assert done(threads, "association-3")[0] == before


def test_stopped_threads_end_and_work_under_way_is_done(threads: AssociationThreads) -> None:
    goes_on, has_ended = threading.Event(), threading.Event()

    def work() -> None:
        goes_on.wait(PATIENCE_S)
        has_ended.set()

    done(threads, "association-1")
    threads.begin("association-2", work)
    threads.stop()
    threads.stop()
    goes_on.set()
    assert has_ended.wait(PATIENCE_S)
    wait_until_gone()
