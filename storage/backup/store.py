"""The encrypted store of all backups of a node.

`pieces/` holds what was copied, at most 8 MiB each, under a name that the key and the bytes give:
what is there already is written again only where it is damaged. `backups/` holds a manifest for
each whole backup, written last; `begun/` a mark for each that was begun and has not ended;
`checked-to` names the piece that was read again last, and `damaged/` the pieces that were found
to be damaged then and that no backup has written again.
"""

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from storage.backup.entities import BackupDamaged, Manifest, StoredFile
from storage.backup.key import BackupKey
from storage.backup.places import Place
from storage.core.errors import InvalidRequest, NotFound, StorageUnavailable

PIECE_BYTES = 8 << 20
FORMAT = 1
HEAD = "mediview-backup.json"
_CHECKED = "checked-to"
_MAX_HEAD_BYTES = 4096
# Lines are not cut: the last of a piece may be a row of any length, and a manifest names them all.
_MAX_BYTES = 32 * PIECE_BYTES
_BACKUP = re.compile(r"[a-z]+/([0-9]{8}T[0-9]{6}-[0-9]{6})")
_PIECE = re.compile(r"pieces/[0-9a-f]{2}/([0-9a-f]{64})")
_DISTRUSTED = re.compile(r"damaged/([0-9a-f]{64})")
_PLAIN, _COMPRESSED = b"\0", b"\1"
_Form = TypeVar("_Form")
_MANIFEST = TypeAdapter(Manifest)
_FILE = TypeAdapter(StoredFile)


class BackupStore:
    """Safe for threads."""

    def __init__(self, place: Place, key: BackupKey, *, create: bool = False) -> None:
        """Raises InvalidRequest where it is of another key, NotFound where none is to be made,
        BackupDamaged where what lies there does not say what it is."""
        self._place = place
        self._key = key
        self._known: set[str] = set()
        self._distrusted: set[str] = set()
        self._check(create)

    @property
    def place_name(self) -> str:
        return self._place.name

    def load_names(self) -> None:
        """Learn which pieces there are, and are not known to be damaged; before that all are
        written."""
        self._distrusted = set(self._names("damaged", _DISTRUSTED))
        self._known = self.piece_names() - self._distrusted

    def piece_names(self) -> set[str]:
        return set(self._names("pieces", _PIECE))

    @property
    def distrusted(self) -> frozenset[str]:
        """Pieces that were found to be damaged, by this backup or an earlier one."""
        return frozenset(self._distrusted)

    def distrust(self, name: str) -> None:
        """Let a piece be written again where its bytes are found, now or by a later backup."""
        self._known.discard(name)
        if name not in self._distrusted:
            self._place.put(f"damaged/{name}", b"")
            self._distrusted.add(name)

    def trust(self, name: str) -> None:
        """It was written again, was read after all, or is gone."""
        if name in self._distrusted:
            self._place.delete(f"damaged/{name}")
            self._distrusted.discard(name)

    def checked_to(self) -> str:
        """The last piece that was read again; empty where none was yet."""
        try:
            name = self._get(_CHECKED, _MAX_HEAD_BYTES)
        except (NotFound, BackupDamaged):
            return ""
        return name.decode("ascii", "replace")

    def note_checked_to(self, name: str) -> None:
        self._place.put(_CHECKED, name.encode())

    def has(self, pieces: Sequence[str]) -> bool:
        return self._known.issuperset(pieces)

    def put_piece(self, data: bytes, *, compress: bool = False) -> tuple[str, bool]:
        """Its name, and whether it had to be written."""
        name = self._key.name_of(data)
        if name in self._known:
            return name, False
        body = _COMPRESSED + zlib.compress(data) if compress else _PLAIN + data
        self._place.put(piece_path(name), self._key.encrypt(body, name))
        self.trust(name)
        self._known.add(name)
        return name, True

    def piece(self, name: str) -> bytes:
        """The bytes, proved to be those that were written. Raises BackupDamaged."""
        try:
            sealed = self._get(piece_path(name), _MAX_BYTES)
        except NotFound as error:
            raise BackupDamaged(f"{piece_path(name)} is missing in {self._place.name}.") from error
        body = self._key.decrypt(sealed, name)
        if body is None:
            raise BackupDamaged(f"{piece_path(name)} in {self._place.name} is damaged.")
        if body[:1] != _COMPRESSED:
            return body[1:]
        return self._inflated(body[1:], piece_path(name))

    def delete_piece(self, name: str) -> None:
        self._known.discard(name)
        self._place.delete(piece_path(name))

    def begin(self, name: str) -> None:
        self._place.put(f"begun/{name}", b"")

    def end(self, manifest: Manifest) -> None:
        """The backup is whole from here on."""
        body = _MANIFEST.dump_json(manifest)
        name = f"backups/{manifest.name}"
        self._place.put(name, self._key.encrypt(zlib.compress(body), name))
        self.forget_begun(manifest.name)

    def forget_begun(self, name: str) -> None:
        self._place.delete(f"begun/{name}")

    def whole(self) -> list[str]:
        """Names of whole backups, the oldest first."""
        return self._names("backups", _BACKUP)

    def newest_complete(self) -> Manifest | None:
        """The newest that lacks nothing which the node had lost; those that are damaged apart."""
        for name in reversed(self.whole()):
            with suppress(BackupDamaged):
                if not (manifest := self.manifest(name)).missing:
                    return manifest
        return None

    def cut_off(self) -> list[str]:
        """Names of backups that were begun and did not end; one of them may be running."""
        whole = self.whole()
        return [name for name in self._names("begun", _BACKUP) if name not in whole]

    def manifest(self, name: str = "") -> Manifest:
        """That of a whole backup, by default the newest. Raises NotFound, BackupDamaged."""
        names = self.whole()
        if not names:
            raise NotFound(
                f"There is no whole backup in {self._place.name}.", remedy="Run 'mediview backup'."
            )
        name = name or names[-1]
        if name in self.cut_off():
            raise NotFound(
                f"The backup {name} was cut off and is not whole.",
                remedy=f"The last whole one is {names[-1]}.",
            )
        place = f"backups/{name}"
        try:
            sealed = self._get(place, _MAX_BYTES)
        except NotFound as error:
            raise NotFound(
                f"There is no backup {name} in {self._place.name}.",
                remedy="'mediview backup list' names them all.",
            ) from error
        body = self._key.decrypt(sealed, place)
        if body is None:
            raise BackupDamaged(
                f"{place} in {self._place.name} is damaged.",
                remedy="Use another backup; 'mediview backup list' names them all.",
            )
        manifest = self._read(_MANIFEST, self._inflated(body, place), place)
        if manifest.name != name:
            raise self._damaged(place)
        return manifest

    def delete_manifest(self, name: str) -> None:
        self._place.delete(f"backups/{name}")

    def files(self, manifest: Manifest) -> Iterator[StoredFile]:
        """The files of a backup. Raises BackupDamaged."""
        for line in lines(self, manifest.files):
            yield self._read(_FILE, line, "The list of files")

    def _names(self, folder: str, form: re.Pattern[str]) -> list[str]:
        # Files of others, as file managers leave them, are passed over.
        found = map(form.fullmatch, self._place.list(folder))
        return [match[1] for match in found if match]

    def _get(self, name: str, max_bytes: int) -> bytes:
        """Raises NotFound; BackupDamaged where this alone cannot be read, as in a bad sector;
        StorageUnavailable where the place does not answer."""
        try:
            return self._place.get(name, max_bytes)
        except StorageUnavailable:
            # What the store begins with was read already: whether it still is tells which.
            with suppress(NotFound, BackupDamaged):
                self._place.get(HEAD, _MAX_HEAD_BYTES)
        try:
            return self._place.get(name, max_bytes)
        except StorageUnavailable as error:
            raise BackupDamaged(
                f"{name} in {self._place.name} cannot be read ({error.__cause__}).",
                remedy="Check the disk or the server that it lies on.",
            ) from error

    def _inflated(self, data: bytes, name: str) -> bytes:
        """Raises BackupDamaged, before it takes more memory than anything of a backup has."""
        inflating = zlib.decompressobj()
        try:
            found = inflating.decompress(data, _MAX_BYTES)
        except zlib.error as error:
            raise self._damaged(name) from error
        if not inflating.eof or inflating.unused_data:
            raise self._damaged(name)
        return found

    def _read(self, form: TypeAdapter[_Form], data: bytes, name: str) -> _Form:
        try:
            return form.validate_json(data)
        except ValidationError as error:
            raise self._damaged(name) from error

    def _damaged(self, name: str) -> BackupDamaged:
        return BackupDamaged(
            f"{name} in {self._place.name} is damaged: it is not what a backup holds there.",
            remedy="Use another backup; 'mediview backup list' names them all.",
        )

    def _check(self, create: bool) -> None:
        try:
            head = json.loads(self._place.get(HEAD, _MAX_HEAD_BYTES))
        except NotFound as error:
            if not create:
                raise NotFound(
                    f"{self._place.name} holds no backups.",
                    remedy="Check the name; 'mediview backup' begins one there.",
                ) from error
            head = {"format": FORMAT, "key": self._key.identifier}
            self._place.put(HEAD, json.dumps(head).encode())
        except (ValueError, RecursionError) as error:
            raise self._damaged_head() from error
        if not isinstance(head, dict):
            raise self._damaged_head()
        if head.get("format") != FORMAT:
            raise InvalidRequest(
                f"The backups in {self._place.name} are of format {head.get('format')}; this"
                f" version reads {FORMAT}.",
                remedy="Use a newer version of MediViewAI.",
            )
        if head.get("key") != self._key.identifier:
            raise InvalidRequest(
                f"The backups in {self._place.name} were made with the key {head.get('key')};"
                f" MEDIVIEW_BACKUP_KEY is the key {self._key.identifier}.",
                remedy="Set the key that they were made with.",
            )

    def _damaged_head(self) -> BackupDamaged:
        return BackupDamaged(
            f"{HEAD} in {self._place.name} is damaged.",
            remedy="Check the name of the place, or use a copy of the backups.",
        )


def lines(store: BackupStore, pieces: Sequence[str]) -> Iterator[bytes]:
    """The lines that a `PieceWriter` was given, which never cuts one. Raises BackupDamaged."""
    for name in pieces:
        yield from store.piece(name).splitlines()


def piece_path(name: str) -> str:
    """Where a piece lies in the store."""
    return f"pieces/{name[:2]}/{name}"
