"""The memory of a process that works on jobs: its peak, as Linux counts it, and its collection."""

import gc
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): resets VmHWM to the present resident size

# New objects before the youngest are looked through: several times what a job over 400 slices
# makes. Such rounds before the older are.
_COLLECTION = (1_000_000, 20, 50)
_YOUNGER = 1


def collect_rarely() -> None:
    """Let the interpreter look for cycles between jobs, and in a very large one now and then.

    The headers of a series are hundreds of thousands of objects that stay until the job ends. To
    look through them every 700 new ones took 0.9 of the 3.6 s that a job over 384 slices spends
    outside its model; what stays uncollected for longer is small beside the voxels.
    """
    gc.set_threshold(*_COLLECTION)


def collect_after_job() -> None:
    """Free what a job left in cycles: all of it is young, so that this looks at little else."""
    gc.collect(_YOUNGER)


def reset_peak_memory() -> None:
    """Start again; where the kernel does not allow it the peak is that of the process's life."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
    except OSError:
        return


def peak_memory_bytes() -> int:
    """The highest resident size since the reset; 0 where the system does not tell."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
