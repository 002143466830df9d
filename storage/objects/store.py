"""The object store: uploads, rendered and derived files; with S3 also the instances.

Two implementations of one protocol, held to one contract suite: a folder
(`storage.objects.filesystem.FilesystemObjects`) and an S3 bucket (`storage.objects.s3.S3Objects`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, NamedTuple, Protocol
from urllib.parse import quote, unquote

from storage.core.errors import InvalidRequest
from storage.objects.multipart import Part
from storage.volumes.records import Note

_KEY_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_KEY_MAX_LENGTH = 900


@dataclass(frozen=True)
class Presigned:
    """Where a client may upload or get one object directly, and until when."""

    method: str
    """PUT with `headers`, POST of a form with `fields` and then the file, or GET."""
    url: str
    expires_at: datetime
    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


class Stored(NamedTuple):
    """An object, and when and how what it holds came, where that is known."""

    key: str
    stored_at: datetime
    note: Note | None

    @property
    def received_at(self) -> datetime:
        return self.note.received_at if self.note else self.stored_at


def decoded_note(text: str) -> Note | None:
    """As `quoted_note` wrote it; None of anything else."""
    try:
        return Note.decode(unquote(text).encode())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def quoted_note(note: Note) -> str:
    """In ASCII, as the metadata of an object have to be."""
    return quote(note.encode(), safe="")


class ObjectStore(Protocol):
    """Keys are slash-separated names of letters, digits, dot, dash and underscore.

    Every call may raise StorageUnavailable; those that name an object raise
    NotFound when it does not exist.
    """

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        content_type: str = "application/octet-stream",
        note: Note | None = None,
    ) -> None:
        """Write the whole object; readers see the old or the new one, never a part.

        `note`: when and how what it holds came, for `list_with_notes`.
        """
        ...

    def get(self, key: str) -> bytes: ...

    def get_range(self, key: str, start: int, length: int) -> bytes: ...

    def open(self, key: str) -> BinaryIO:
        """A seekable stream over the object; the caller closes it."""
        ...

    def exists(self, key: str) -> bool: ...

    def size(self, key: str) -> int: ...

    def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""
        ...

    def list(self, prefix: str) -> Iterator[str]: ...

    def list_with_notes(self, prefix: str) -> Iterator[Stored]:
        """Each object with the note that `put` was given of it."""
        ...

    def presign_put(
        self, key: str, content_type: str, max_bytes: int, expires_s: int
    ) -> Presigned: ...

    def presign_plain_put(
        self, key: str, content_type: str, max_bytes: int, expires_s: int
    ) -> Presigned:
        """The same for clients that cannot post a form; a store may not hold them to the size."""
        ...

    def presign_get(self, key: str, content_type: str, expires_s: int) -> Presigned | None:
        """Where anyone may get the object as of that type; None where only the node gives it."""
        ...

    def begin_parts(self, key: str, content_type: str) -> str:
        """Begin an upload in parts and return its name for the calls below."""
        ...

    def presign_part(
        self, key: str, multipart_id: str, part_number: int, size_bytes: int, expires_s: int
    ) -> Presigned:
        """Where to PUT one part of exactly that size."""
        ...

    def parts(self, key: str, multipart_id: str) -> Sequence[Part]:
        """What arrived so far. Raises NotFound when the upload is over."""
        ...

    def join_parts(self, key: str, multipart_id: str, parts: Sequence[Part]) -> None:
        """Make the parts one object. Raises NotFound when the upload is over."""
        ...

    def drop_parts(self, key: str, multipart_id: str) -> None:
        """Forget the parts; harmless when the upload is over."""
        ...

    def check(self) -> None:
        """Raise StorageUnavailable when the store cannot be written."""
        ...


def check_key(key: str) -> str:
    """Return the key, or raise InvalidRequest when it could leave its folder."""
    parts = key.split("/")
    if len(key) > _KEY_MAX_LENGTH or not all(_KEY_PART.fullmatch(part) for part in parts):
        raise InvalidRequest(
            "The object key has characters or parts that are not allowed.",
            remedy="Use letters, digits, dot, dash and underscore between single slashes.",
        )
    return key
