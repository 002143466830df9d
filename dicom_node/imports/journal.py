"""Which parts of an import are done and what they came to, so that it goes on where it ended."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dicom_node.archives.receiving import Counts
from storage.core.errors import InvalidRequest


class Journal:
    """One line for each finished part. One process at a time has it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done: dict[str, Counts] = {}

    def __enter__(self) -> Self:
        """Raises InvalidRequest while the same import runs elsewhere."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a+b")
        try:
            os.lockf(self._file.fileno(), os.F_TLOCK, 0)
        except OSError as error:
            self._file.close()
            raise InvalidRequest(
                f"Another import writes {self.path}.",
                remedy="Wait for it, or give this one another --name.",
            ) from error
        self._file.seek(0)
        for line in self._file.read().split(b"\n"):
            # The last line of a process that was killed may be half a line.
            try:
                entry = json.loads(line)
                self._done[entry["key"]] = _counts(entry)
            except (ValueError, KeyError, TypeError):
                continue
        self._file.write(b"\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def is_done(self, key: str) -> bool:
        return key in self._done

    def counts_of(self, key: str) -> Counts:
        """What a part that is done came to."""
        return self._done[key]

    def done(self, key: str, counts: Counts) -> None:
        self._done[key] = counts
        numbers = {name: getattr(counts, name) for name in _NUMBERS}
        entry = {"key": key, **numbers, "refused": counts.refused}
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()


_NUMBERS = ("stored", "duplicate", "conflict")


def _counts(entry: dict[str, Any]) -> Counts:
    """Nothing of a line that an earlier version wrote."""
    return Counts(
        **{name: int(entry.get(name, 0)) for name in _NUMBERS},
        refused=[(str(name), str(reason)) for name, reason in entry.get("refused", [])],
    )
