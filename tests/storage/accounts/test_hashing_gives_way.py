"""Anybody may have passwords compared: the threads that do it have what others leave over."""

import os
from pathlib import Path

from storage.accounts.passwords import hash_password, is_password


def niceness() -> list[int]:
    """Of each thread of this process."""
    threads = Path("/proc/self/task").iterdir()
    return [os.getpriority(os.PRIO_PROCESS, int(thread.name)) for thread in threads]


def test_hashing_gives_way_and_nothing_else_of_the_process() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    hashed = hash_password("correct horse battery staple")
    assert is_password(hashed, "correct horse battery staple")
    assert not is_password(hashed, "not the password")
    assert 10 in niceness()
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
    assert sum(one != own for one in niceness()) <= 2


def test_a_forked_process_hashes_with_threads_of_its_own() -> None:
    hashed = hash_password("correct horse battery staple")
    child = os.fork()
    if child == 0:
        os._exit(0 if is_password(hashed, "correct horse battery staple") else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
