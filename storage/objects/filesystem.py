"""Objects in a folder."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from storage.core.clock import utcnow
from storage.core.errors import NotFound, StorageFull, StorageUnavailable
from storage.crypto.upload_tokens import PresignedClaim, TokenSigner
from storage.objects.multipart import Part, PartFolder, no_parts
from storage.objects.store import Presigned, Stored, check_key, decoded_note, quoted_note
from storage.volumes.durable_names import (
    make_folder,
    put_in_place,
    put_where_none_is,
    sync_folder,
)
from storage.volumes.records import Note


class FilesystemObjects:
    """Objects as files below a folder; presigned uploads go through the node itself."""

    def __init__(self, folder: Path, *, signer: TokenSigner, public_url: str) -> None:
        self._folder = folder
        self._parts = PartFolder(folder / ".parts")
        self._signer = signer
        self._public_url = public_url

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        content_type: str = "application/octet-stream",
        note: Note | None = None,
    ) -> None:
        beside = _note_beside(self._path(key))
        beside.unlink(missing_ok=True)
        with self._temporary(key, data) as temporary:
            if note is not None:
                beside.write_text(quoted_note(note))
            put_in_place(temporary, self._path(key), self._folder)

    def put_new(self, key: str, data: BinaryIO) -> bool:
        """False where there is one of that key already, which stays as it is."""
        with self._temporary(key, data) as temporary:
            return put_where_none_is(temporary, self._path(key), self._folder)

    @contextmanager
    def _temporary(self, key: str, data: bytes | BinaryIO) -> Iterator[Path]:
        """A file beside that of the key with these bytes, synced."""
        path = self._path(key)
        temporary = path.with_name(f".{path.name[:150]}.{uuid.uuid4().hex}")
        try:
            make_folder(path.parent)
            with temporary.open("xb") as file:
                if isinstance(data, bytes):
                    file.write(data)
                else:
                    shutil.copyfileobj(data, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        except OSError as error:
            raise _translate(error, self._folder) from error
        finally:
            temporary.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        with self.open(key) as file:
            return file.read()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self.open(key) as file:
            file.seek(start)
            return file.read(length)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise _no_object() from error
        except OSError as error:
            raise _translate(error, self._folder) from error

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError as error:
            raise _no_object() from error

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
            _note_beside(path).unlink(missing_ok=True)
            # Also of what is gone: who asks again may do so because this failed.
            sync_folder(path.parent)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _translate(error, self._folder) from error

    def list(self, prefix: str) -> Iterator[str]:
        # Of a store with many objects, the folder that the prefix names alone.
        for path in sorted((self._folder / prefix.rpartition("/")[0]).rglob("*")):
            key = path.relative_to(self._folder).as_posix()
            if path.is_file() and key.startswith(prefix) and not path.name.startswith("."):
                yield key

    def list_with_notes(self, prefix: str) -> Iterator[Stored]:
        for key in self.list(prefix):
            path = self._folder / key
            beside = _note_beside(path)
            note = decoded_note(beside.read_text()) if beside.exists() else None
            yield Stored(key, datetime.fromtimestamp(path.stat().st_mtime, UTC), note)

    def presign_put(self, key: str, content_type: str, max_bytes: int, expires_s: int) -> Presigned:
        expires_at = utcnow() + timedelta(seconds=expires_s)
        token = self._signer.sign(
            PresignedClaim(check_key(key), content_type, max_bytes, expires_at)
        )
        return Presigned(
            method="PUT",
            url=f"{self._public_url}/api/v1/uploads/content?token={token}",
            headers={"Content-Type": content_type},
            expires_at=expires_at,
        )

    def presign_plain_put(
        self, key: str, content_type: str, max_bytes: int, expires_s: int
    ) -> Presigned:
        return self.presign_put(key, content_type, max_bytes, expires_s)

    def presign_get(self, key: str, content_type: str, expires_s: int) -> Presigned | None:
        del key, content_type, expires_s
        return None

    def begin_parts(self, key: str, content_type: str) -> str:
        check_key(key)
        with self._translated():
            return self._parts.begin()

    def presign_part(
        self, key: str, multipart_id: str, part_number: int, size_bytes: int, expires_s: int
    ) -> Presigned:
        expires_at = utcnow() + timedelta(seconds=expires_s)
        claim = PresignedClaim(
            f"{check_key(key)}/{multipart_id}/{part_number}",
            "application/octet-stream",
            size_bytes,
            expires_at,
        )
        token = self._signer.sign(claim)
        return Presigned(
            method="PUT",
            url=f"{self._public_url}/api/v1/uploads/parts?token={token}",
            expires_at=expires_at,
        )

    def put_part(self, multipart_id: str, part_number: int, file: BinaryIO, etag: str) -> None:
        """Keep a part that the node itself received."""
        with self._translated():
            self._parts.put(multipart_id, part_number, file, etag)

    def parts(self, key: str, multipart_id: str) -> Sequence[Part]:
        with self._translated():
            return self._parts.list(multipart_id)

    def join_parts(self, key: str, multipart_id: str, parts: Sequence[Part]) -> None:
        try:
            with self._translated():
                self._parts.join(multipart_id, parts, self._path(key))
        except FileNotFoundError as error:
            # Another call joined or dropped them meanwhile.
            raise no_parts() from error

    def drop_parts(self, key: str, multipart_id: str) -> None:
        with self._translated():
            self._parts.drop(multipart_id)

    def verify_token(self, token: str) -> PresignedClaim:
        """The claim of a presigned URL. Raises InvalidRequest when forged or expired."""
        return self._signer.verify(token)

    def check(self) -> None:
        try:
            make_folder(self._folder)
            probe = self._folder / f".probe-{uuid.uuid4().hex}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise _translate(error, self._folder) from error

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _translate(error, self._folder) from error


def _note_beside(path: Path) -> Path:
    """Where the note of an object lies; files whose names begin so are no objects."""
    return path.with_name(f".{path.name}.note")


def _no_object() -> NotFound:
    return NotFound("There is no object under that key.", remedy="Upload it first.")


def _translate(error: OSError, folder: Path) -> StorageFull | StorageUnavailable:
    if error.errno == errno.ENOSPC:
        return StorageFull(
            "The disk of the object store is full.",
            remedy="Free disk space; the node goes on by itself.",
        )
    return StorageUnavailable(
        f"The object store's folder {folder} does not work: {error.strerror}.",
        remedy="Check that it exists, is writable and that its disk is healthy.",
    )
