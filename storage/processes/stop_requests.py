"""What asks a process to end: signals, counted, which also wake it from its wait."""

import contextlib
import os
import queue
import select
import signal
from collections.abc import Iterator
from types import FrameType


def stop_signals() -> list[signal.Signals]:
    """What asks this process to end. Not SIGHUP where nohup lets it outlive its terminal."""
    asking = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        asking.append(signal.SIGHUP)
    return asking


@contextlib.contextmanager
def readable_at_signals() -> Iterator[int]:
    """A descriptor that can be read from after each signal that Python handles.

    For a wait of others' code, which a handler alone does not end (PEP 475). Of the main thread
    alone; a child that is forked within must not wait for it.
    """
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    previous = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(previous)
        os.close(reading)
        os.close(writing)


class StopRequests:
    """How often the process was asked to end. Of the main thread alone.

    A handler may run between any two steps of the wait, so what it calls must be
    reentrant: SimpleQueue.put is, Event.set would wait for the lock of its own wait.
    """

    def __init__(self) -> None:
        self.count = 0
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    @contextlib.contextmanager
    def counting_signals(self) -> Iterator[None]:
        """Signals count in here; afterwards they do what they did before."""
        previous = {number: signal.signal(number, self._add) for number in stop_signals()}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def woken_by(self, number: signal.Signals) -> Iterator[None]:
        """A signal that asks for nothing ends a wait in here, too."""
        previous = signal.signal(number, lambda *_: self._wakes.put(None))
        try:
            yield
        finally:
            signal.signal(number, previous)

    def pause(self, timeout_s: float | None = None) -> None:
        """Wait so long, or for the next request or whatever else wakes.

        A handler runs between two steps of Python. A signal that comes after the last of them and
        before the kernel waits would interrupt nothing; it leaves a byte, which ends the wait.
        """
        with readable_at_signals() as woken, contextlib.suppress(queue.Empty):
            if self._wakes.empty():
                # Not select, which takes no descriptor from 1,024 on.
                waiting = select.poll()
                waiting.register(woken, select.POLLIN)
                waiting.poll(None if timeout_s is None else max(0.0, timeout_s) * 1000)
            self._wakes.get_nowait()

    def _add(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.count += 1
        self._wakes.put(None)
