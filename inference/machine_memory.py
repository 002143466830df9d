"""How much memory the machine or the container has and has left, and who goes first without."""

import contextlib
import os
from pathlib import Path

from storage.processes.descendants import below
from storage.settings import Settings

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
_OOM_SCORE = Path("/proc/self/oom_score_adj")
# proc(5): 1000 would end it whatever it has.
_FIRST_TO_GO = 800
_SHARE_OF_MACHINE = 0.9
_SHARED_LOOKED_AT_KIB = 64 << 10


def memory_of_machine_bytes() -> int:
    """Of the container where it has less than the machine."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        machine = min(machine, int((_CGROUP / "memory.max").read_text()))
    return machine


def available_memory_bytes() -> int:
    """What processes may still take: files that are kept in memory make room.

    All of it where the system does not tell.
    """
    available = memory_of_machine_bytes()
    with contextlib.suppress(OSError, ValueError, KeyError):
        available = min(available, _numbers(_MEMINFO)["MemAvailable:"] * 1024)
    with contextlib.suppress(OSError, ValueError, KeyError):
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        files = _numbers(_CGROUP / "memory.stat")["inactive_file"]
        available = min(available, limit - used + files)
    return available


def anonymous_memory_bytes(pid: int) -> int:
    """What a process has in memory, without files on a disk; 0 where it has ended.

    Of memory that it shares, which may be files in /dev/shm, its share counts.
    """
    try:
        found = _numbers(Path(f"/proc/{pid}/status"))
        shared_kib = found.get("RssShmem:", 0)
        if shared_kib >= _SHARED_LOOKED_AT_KIB:
            # It walks through the tables of pages, which takes some ms a GiB.
            shared_kib = _numbers(Path(f"/proc/{pid}/smaps_rollup")).get("Pss_Shmem:", shared_kib)
    except OSError:
        return 0
    return (found.get("RssAnon:", 0) + shared_kib) * 1024


def job_memory_bytes(pid: int) -> int:
    """As `anonymous_memory_bytes`, of a process and all that it has started."""
    return sum(map(anonymous_memory_bytes, (pid, *below(pid))))


def memory_limit_bytes(settings: Settings) -> int:
    """What one job may have in memory, without files that are mapped."""
    if settings.job_memory_bytes:
        return settings.job_memory_bytes
    return int(_SHARE_OF_MACHINE * memory_of_machine_bytes())


def be_first_to_go() -> None:
    """Have the kernel end this process before others where the machine runs out of memory.

    What receives, and the database, must not be ended for a model.
    """
    with contextlib.suppress(OSError):
        if int(_OOM_SCORE.read_text()) < _FIRST_TO_GO:
            _OOM_SCORE.write_text(str(_FIRST_TO_GO))


def _numbers(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdecimal()}
