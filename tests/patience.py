"""Clients of tests that wait as long as a busy machine takes."""

from httpx._config import DEFAULT_TIMEOUT_CONFIG

# httpx gives five seconds to who names no time; where other tests keep all cores busy, an answer
# that takes none by itself may take more.
PATIENCE_S = 120.0


def be_patient() -> None:
    """For this process; what names a time of its own keeps it."""
    for name in ("connect", "read", "write", "pool"):
        setattr(DEFAULT_TIMEOUT_CONFIG, name, PATIENCE_S)
