"""Figures of a benchmark with what they depend on, written so that two runs can be compared."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

Rounds = Mapping[str, Mapping[str, Sequence[float]]]
"""By what was measured, with its unit, and by server: one value a round."""


def _commit() -> str:
    """With `+` where files differ from it; empty outside of a clone."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


@dataclass(frozen=True)
class Surroundings:
    """What figures depend on beside the code; made before measuring begins."""

    command: str = field(default_factory=lambda: shlex.join(["python", *sys.argv]))
    commit: str = field(default_factory=_commit)
    processor: str = field(default_factory=_processor)
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def write_figures(path: Path, surroundings: Surroundings, rounds: Rounds) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**asdict(surroundings), "load_after": os.getloadavg()[0], "rounds": rounds}
    path.write_text(json.dumps(content, indent=1) + "\n")


def read_figures(path: Path) -> dict[str, Any]:
    """Raises ValueError naming the file where it is none of `write_figures`."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} holds no figures of a benchmark: {error}") from error
    if not isinstance(content, dict) or "rounds" not in content:
        raise ValueError(f"{path} holds no figures of a benchmark: it has no 'rounds'")
    return content
