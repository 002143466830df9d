"""Tasks in limited processes: what they return, and what each way to fail is told as."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from storage.core.errors import InvalidRequest, LimitExceeded, StorageUnavailable
from storage.processes.limited import LimitedProcesses, Limits, TaskFailed

MIB = 1 << 20
HERE = "tests.storage.pixels.limited_tasks"


@pytest.fixture(scope="module")
def processes() -> Iterator[LimitedProcesses]:
    limits = Limits(
        processes=1,
        memory_bytes=256 * MIB,
        time_s=1.0,
        what="decoding",
        memory_setting="MEMORY",
        time_setting="TIME",
    )
    found = LimitedProcesses(limits)
    yield found
    found.close()


def echoed(processes: LimitedProcesses) -> bytes:
    values, body = processes.run(f"{HERE}:echo", b"bytes", answer_bytes=100)
    assert values == {"length": 5}
    return bytes(body)


def test_a_task_returns_values_and_bytes(processes: LimitedProcesses) -> None:
    assert echoed(processes) == b"bytes"
    large = os.urandom(5 * MIB)
    assert processes.run(f"{HERE}:echo", large, answer_bytes=6 * MIB)[1] == large


def test_a_refusal_comes_back_as_it_was_raised(processes: LimitedProcesses) -> None:
    with pytest.raises(InvalidRequest, match="no such page") as refusal:
        processes.run(f"{HERE}:refuse", answer_bytes=0)
    assert refusal.value.remedy == "Count from 1."


def test_an_error_tells_its_type_and_not_its_text(processes: LimitedProcesses) -> None:
    """Its text may quote what the task read."""
    with pytest.raises(TaskFailed) as failure:
        processes.run(f"{HERE}:fail", "Doe^Jane", answer_bytes=0)
    assert str(failure.value) == "ValueError"


def test_memory_beyond_the_limit_is_refused_and_the_next_task_runs(
    processes: LimitedProcesses,
) -> None:
    with pytest.raises(LimitExceeded, match="256 MiB") as refusal:
        processes.run(f"{HERE}:take", 512 * MIB, answer_bytes=0)
    assert "MEMORY" in refusal.value.remedy
    assert echoed(processes) == b"bytes"


def test_time_beyond_the_limit_ends_the_process_and_the_next_task_runs(
    processes: LimitedProcesses,
) -> None:
    for task in ("spin", "sleep"):
        begin = time.monotonic()
        with pytest.raises(LimitExceeded, match="1 s of CPU time") as refusal:
            processes.run(f"{HERE}:{task}", 120.0, answer_bytes=0)
        assert "TIME" in refusal.value.remedy
        assert time.monotonic() - begin < 60
        assert echoed(processes) == b"bytes"


def test_what_used_up_its_time_is_refused_at_once_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On a busy machine a second of CPU time may take longer than what is waited for otherwise.
    monkeypatch.setattr("storage.processes.limited._WALL_FACTOR", 100)
    limits = Limits(1, 256 * MIB, 1.0, "decoding", "MEMORY", "TIME")
    poison, harmless = b"poison" * 10, b"harmless" * 10
    processes = LimitedProcesses(limits)
    try:
        for attempt in range(3):
            used_s = time.process_time(), _of_children_s()
            with pytest.raises(LimitExceeded, match="1 s of CPU time"):
                processes.run(f"{HERE}:spin_over", poison, 0.1 * attempt, answer_bytes=0)
            if attempt:
                assert time.process_time() - used_s[0] + _of_children_s() - used_s[1] < 0.5
        assert processes.run(f"{HERE}:spin_over", harmless, 0.0, answer_bytes=0)[0] == {}
    finally:
        processes.close()


def _of_children_s() -> float:
    return sum(os.times()[2:4])


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_is_a_refusal_and_the_next_task_runs(
    processes: LimitedProcesses, number: int
) -> None:
    with pytest.raises(LimitExceeded, match="crashed"):
        processes.run(f"{HERE}:die", int(number), answer_bytes=0)
    assert echoed(processes) == b"bytes"


def test_more_bytes_than_were_asked_for_are_not_taken(processes: LimitedProcesses) -> None:
    with pytest.raises(LimitExceeded):
        processes.run(f"{HERE}:echo", b"bytes", answer_bytes=4)
    assert echoed(processes) == b"bytes"


def test_a_process_sees_nothing_of_the_environment(
    processes: LimitedProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIVIEW_S3_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(LimitExceeded):
        processes.run(f"{HERE}:die", int(signal.SIGKILL), answer_bytes=0)
    values, _ = processes.run(f"{HERE}:environment", answer_bytes=0)
    assert not [name for name in values["names"] if "MEDIVIEW" in name or "SECRET" in name]


def test_who_finds_all_busy_is_told_so() -> None:
    found = LimitedProcesses(Limits(0, 256 * MIB, 0.1, "decoding", "MEMORY", "TIME"))
    with pytest.raises(StorageUnavailable, match="became free within"):
        found.run(f"{HERE}:echo", b"", answer_bytes=0)
