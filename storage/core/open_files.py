"""File descriptors: how many a process may have open, and what is named when they run out."""

import errno
import os
import resource
import time
from pathlib import Path

from storage.core.errors import StorageUnavailable

USED_UP = (errno.EMFILE, errno.ENFILE)
REMEDY = (
    "Raise LimitNOFILE of the service (ulimit -n), and look for clients that keep connections"
    " open; the node goes on by itself."
)

_RESERVED = 256
_FULL_SHARE = 0.9
_LOGGED_EVERY_S = 10.0
_logged_at_s = float("-inf")


def allow_open_files(wanted: int) -> None:
    """Raise the soft limit of open files towards `wanted`, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def is_among_the_last(descriptor: int, share: float = 1.0) -> bool:
    """Whether what was opened just now took one of the last descriptors, which are left for work
    that was begun: the kernel gives the lowest number that is free. `share`: of those left.
    """
    limit = _limit()
    return descriptor >= limit - min(_RESERVED, limit // 4) * share


def are_used_up() -> bool:
    """Whether nothing can be opened just now. Asked behind an error that does not say why."""
    try:
        os.close(os.dup(0))
    except OSError as error:
        return error.errno in USED_UP
    return False


def check_error(error: OSError) -> None:
    """Raises StorageUnavailable where it only says that no descriptor was left."""
    if error.errno in USED_UP:
        raise StorageUnavailable(
            "No file descriptor is left to the process.", remedy=REMEDY
        ) from error


def may_log() -> bool:
    """Whether a refusal for want of descriptors is to be logged: once in a while by a process."""
    global _logged_at_s  # noqa: PLW0603 - of the process, as its descriptors are
    now_s = time.monotonic()
    if now_s - _logged_at_s < _LOGGED_EVERY_S:
        return False
    _logged_at_s = now_s
    return True


def shortage() -> str:
    """What is wrong, with the remedy; empty while enough descriptors are left."""
    limit = _limit()
    try:
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError as error:
        used = limit if error.errno in USED_UP else 0
    if used < limit * _FULL_SHARE:
        return ""
    return f"{used:,} of {limit:,} file descriptors of this process are in use. {REMEDY}"


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft
