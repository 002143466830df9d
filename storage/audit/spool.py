"""Where events wait on disk while the database does not take them.

A file for each batch, one JSON object a line, readable by the node alone: the
lines name patients. The keeper brings them in, at least once.
"""

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

from storage.audit.events import Actor, AuditEvent, Code, Type
from storage.volumes.durable_names import make_folder, put_in_place
from storage.volumes.files import translated_os_errors

log = structlog.get_logger(__name__)

_PRIVATE = 0o700
_DAMAGED = ".damaged"


class Spool:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, events: Sequence[AuditEvent]) -> None:
        """Keep them on disk. Raises StorageFull, StorageUnavailable."""
        with translated_os_errors(self._folder.parent):
            make_private(self._folder)
            path = self._folder / f"{uuid.uuid4().hex}.jsonl"
            part = path.with_suffix(".part")
            with private_file(part) as file:
                for event in events:
                    file.write(json.dumps(asdict(event), default=datetime.isoformat) + "\n")
                file.flush()
                os.fsync(file.fileno())
            put_in_place(part, path)

    @property
    def is_empty(self) -> bool:
        return not self._folder.is_dir() or not any(self._folder.glob("*.jsonl"))

    def waiting(self) -> Iterator[tuple[Path, list[AuditEvent], int]]:
        """Each file with its events, and how many of its lines cannot be read; the oldest first."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.jsonl"), key=lambda one: one.stat().st_mtime):
            lines = path.read_bytes().splitlines()
            events = [event for event in map(_read, lines) if event is not None]
            yield path, events, len(lines) - len(events)


def make_private(folder: Path) -> None:
    """A folder that nobody else may look into."""
    make_folder(folder, _PRIVATE)


def private_file(path: Path, mode: str = "w") -> TextIO:
    """A text file that nobody else may read, from its first byte on."""
    file = open(  # noqa: SIM115 - the caller's to close
        path,
        mode,
        encoding="utf-8",
        opener=lambda name, flags: os.open(name, flags | os.O_CLOEXEC, 0o600),
    )
    return cast("TextIO", file)


def done(path: Path, unreadable: int) -> None:
    """Remove a file that was brought in, or keep what of it the disk has changed.

    Raises OSError.
    """
    if not unreadable:
        path.unlink()
        return
    kept = path.with_suffix(_DAMAGED)
    path.rename(kept)
    log.error("audit_spool_damaged", file=kept.name, lines=unreadable)


def _read(line: bytes) -> AuditEvent | None:
    """None where the disk has changed it."""
    try:
        return _event(json.loads(line))
    except (ValueError, KeyError, TypeError):
        return None


def _event(fields: dict[str, Any]) -> AuditEvent:
    return AuditEvent(
        **{
            **fields,
            "code": Code(fields["code"]),
            "type": Type(fields["type"]),
            "actor": Actor(**fields["actor"]),
            "study_instance_uids": tuple(fields["study_instance_uids"]),
            "patient_ids": tuple(fields["patient_ids"]),
            "at": datetime.fromisoformat(fields["at"]),
        }
    )
