"""Which parts of an import are done, so that it goes on where it was interrupted."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.core.errors import InvalidRequest


class Journal:
    """One line for each finished part. One process at a time has it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done: set[str] = set()

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
                self._done.add(json.loads(line)["key"])
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

    def done(self, key: str) -> None:
        self._done.add(key)
        self._file.write(json.dumps({"key": key}).encode() + b"\n")
        self._file.flush()
