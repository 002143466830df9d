"""A time of day that tests set for other processes, by libfaketime; the monotonic clock goes on."""

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SettableClock:
    """Processes that are started with `environment` have the time that was set last."""

    file: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set_by(self, offset_s: int) -> None:
        """Set it to so much from the true time; negative is earlier."""
        partial = self.file.with_suffix(".part")
        partial.write_text(f"{offset_s:+d}\n")
        partial.replace(self.file)


def settable_clock(folder: Path) -> SettableClock:
    """One that is right at first; the test skips where libfaketime is missing."""
    clock = SettableClock(folder / "faketime")
    _library()
    clock.set_by(0)
    return clock


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed (Debian package faketime)")
    return found[0]
