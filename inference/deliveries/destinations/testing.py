"""How long a person waits for the test of a destination, whatever the other side does."""

import contextvars
import queue
import threading

from inference.deliveries.destinations.protocol import Destination, TestResult
from storage.core.callers.shares import Shares

TEST_S = 25.0
_GRACE_S = 5.0
_UNDER_WAY = Shares(8, most=4)
"""Tests that go on although nobody waits any more end by the limits of their kind."""


def probed_within(limit_s: float, destination: Destination) -> TestResult:
    """Its `test()`, or that it did not end. Raises what that raises."""
    may_begin = threading.Event()
    turn = _UNDER_WAY.ask(may_begin.set)
    if not (turn.is_given or may_begin.wait(_GRACE_S)):
        _UNDER_WAY.give_back(turn)
        return TestResult(False, "Too many destinations are being tested; try again in a minute.")
    ended: queue.SimpleQueue[TestResult | Exception] = queue.SimpleQueue()
    context = contextvars.copy_context()

    def test() -> None:
        try:
            ended.put(context.run(destination.test))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            ended.put(error)
        finally:
            _UNDER_WAY.give_back(turn)

    threading.Thread(target=test, name="destination-test", daemon=True).start()
    try:
        found = ended.get(timeout=limit_s + _GRACE_S)
    except queue.Empty:
        return TestResult(
            False,
            f"{destination} answers, but not to the end: the test was given up after"
            f" {limit_s + _GRACE_S:.0f} s.",
        )
    if isinstance(found, Exception):
        raise found
    return found
