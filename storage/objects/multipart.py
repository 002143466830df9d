"""Uploads in parts: what of an object has arrived, so that it need not be sent twice.

The filesystem store keeps parts as files beside its objects until they are joined;
S3 does the same by itself (its multipart uploads).
"""

import os
import re
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from storage.core.errors import InvalidRequest, NotFound
from storage.volumes.durable_names import make_folder, put_in_place, sync_folder

_ID = re.compile(r"[0-9a-f]{32}")
# The dot keeps them out of the store's own listing.
_NAME = re.compile(r"\.(\d{5})\.([0-9a-f]{32})")
_COPY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Part:
    """One part that arrived; `part_number` counts from 1, `etag` is its MD5 in hex."""

    part_number: int
    size_bytes: int
    etag: str


class PartFolder:
    """The parts of uploads, each upload in a folder of its own. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> str:
        """Make room for an upload; its name is made here and says nothing."""
        multipart_id = uuid.uuid4().hex
        make_folder(self._of(multipart_id))
        return multipart_id

    def put(self, multipart_id: str, part_number: int, file: BinaryIO, etag: str) -> None:
        """Keep a part durably, in place of an earlier one of that number."""
        folder = self._existing(multipart_id)
        temporary = folder / f".new-{uuid.uuid4().hex}"
        try:
            with temporary.open("xb") as target:
                shutil.copyfileobj(file, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            kept = folder / f".{part_number:05}.{etag}"
            put_in_place(temporary, kept, self._folder)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        for other in folder.glob(f".{part_number:05}.*"):
            if other != kept:
                other.unlink(missing_ok=True)

    def list(self, multipart_id: str) -> list[Part]:
        """In the order of their numbers."""
        found: dict[int, tuple[int, Part]] = {}
        for path in self._existing(multipart_id).iterdir():
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue  # replaced by a newer one just now
            part = Part(int(match[1]), stat.st_size, match[2])
            known = found.get(part.part_number)
            if known is None or known[0] < stat.st_mtime_ns:
                found[part.part_number] = (stat.st_mtime_ns, part)
        return [found[number][1] for number in sorted(found)]

    def join(self, multipart_id: str, parts: Sequence[Part], target: Path) -> None:
        """Write the parts one behind the other as `target`, durably, and drop them."""
        folder = self._existing(multipart_id)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        make_folder(target.parent)
        try:
            with temporary.open("xb") as whole:
                for part in parts:
                    path = folder / f".{part.part_number:05}.{part.etag}"
                    with path.open("rb") as source:
                        _copy(source, whole, part.size_bytes)
                whole.flush()
                os.fsync(whole.fileno())
            put_in_place(temporary, target, self._folder.parent)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self.drop(multipart_id)

    def drop(self, multipart_id: str) -> None:
        """Forget an upload, for good; harmless when it is gone."""
        shutil.rmtree(self._of(multipart_id), ignore_errors=True)
        with suppress(FileNotFoundError):
            sync_folder(self._folder)

    def _of(self, multipart_id: str) -> Path:
        if not _ID.fullmatch(multipart_id):
            raise InvalidRequest(
                "That is not the name of an upload in parts.",
                remedy="Begin with POST /api/uploads/multipart.",
            )
        return self._folder / multipart_id

    def _existing(self, multipart_id: str) -> Path:
        folder = self._of(multipart_id)
        if not folder.is_dir():
            raise no_parts()
        return folder


def no_parts() -> NotFound:
    return NotFound(
        "The upload in parts is over: it was completed, aborted or has expired.",
        remedy="Begin a new one with POST /api/uploads/multipart.",
    )


def _copy(source: BinaryIO, target: BinaryIO, size_bytes: int) -> None:
    """By the kernel where the file system can share or copy by itself."""
    target.flush()
    left = size_bytes
    while left > 0:
        try:
            copied = os.copy_file_range(source.fileno(), target.fileno(), min(left, _COPY_BYTES))
        except OSError:
            source.seek(size_bytes - left)
            shutil.copyfileobj(source, target, 1 << 20)
            return
        if copied == 0:
            return
        left -= copied
    target.seek(0, os.SEEK_END)
