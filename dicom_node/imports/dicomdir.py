"""What a medium's DICOMDIR lists (PS3.3 F, PS3.10 8.6), compared with the files that are there.

Its records are passed one by one, and each folder and each file is looked at once: time and memory
grow with what the medium holds, and not with how often its records name the same.
"""

import os
from pathlib import Path, PurePosixPath

from dicom_node.archives.receiving import Receiving
from dicom_node.imports.directory_records import NotADirectory, listed_files
from storage.core.errors import InvalidInstance, LimitExceeded
from storage.core.text.outside_text import shown_file_name
from storage.dicom.file_meta import FILE_META_MAX_BYTES, read_file_meta

NAME = "DICOMDIR"
_MOST_BYTES = 32 * 1024 * 1024
_MOST_NAMES = 500_000
"""Of files in folders that are looked through for names in other letters."""
_MOST_REFUSED = 1_000
"""What is wrong beyond it is counted."""
_PATH_AT_MOST = 1024
_META_BYTES = 4 * 1024


def compare(directory: Path, root: Path, receiving: Receiving) -> None:
    """Note each file that the DICOMDIR lists and that is missing, or holds another instance.

    `root`: of the import, below which names are shown. The files themselves come in without it.
    """
    shown = shown_file_name(directory.relative_to(root), _PATH_AT_MOST)
    try:
        with directory.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        receiving.refused(shown, f"The file cannot be read: {error.strerror}.")
        return
    if len(content) > _MOST_BYTES:
        receiving.refused(shown, f"It has more than {_MOST_BYTES} bytes: what it lists is unknown.")
        return
    medium, wrong_count = _Medium(directory.parent, root), 0
    try:
        for path, sop_instance_uid in listed_files(content):
            reason = medium.what_is_wrong(path, sop_instance_uid, shown)
            if reason:
                wrong_count += 1
            if reason and wrong_count <= _MOST_REFUSED:
                name = shown_file_name((directory.parent / path).relative_to(root), _PATH_AT_MOST)
                receiving.refused(name, reason)
    except LimitExceeded as error:
        receiving.refused(shown, error.message)
    except NotADirectory:
        receiving.refused(shown, "It cannot be read as a DICOMDIR: what it lists is unknown.")
    if wrong_count > _MOST_REFUSED:
        more = wrong_count - _MOST_REFUSED
        receiving.refused(shown, f"It lists {more} more files that are not there, or are others.")


class _Medium:
    """The files below the folder of a DICOMDIR, each folder and each file looked at once."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root.resolve()
        self._names: dict[Path, dict[str, str]] = {}
        self._names_left = _MOST_NAMES
        self._uids: dict[Path, str] = {}

    def what_is_wrong(self, path: PurePosixPath, sop_instance_uid: str, shown: str) -> str:
        """In a sentence; empty where nothing is. Raises LimitExceeded."""
        found = self._found(path)
        if found is None:
            return f"{shown} lists it, and it is not there."
        if not sop_instance_uid:
            return ""
        there = self._uids.get(found)
        if there is None:
            there = self._uids[found] = self._uid_of(found)
        if there in ("", sop_instance_uid):
            return ""
        return f"{shown} lists the instance {sop_instance_uid} there, and it is another."

    def _found(self, path: PurePosixPath) -> Path | None:
        """As it is named, or in the small letters of some systems, with or without a suffix."""
        here = self._folder
        for part in path.parts:
            if (here / part).exists():
                here /= part
                continue
            names = self._names_in(here)
            name = names.get(part.lower()) or names.get(f"{part.lower()}.dcm")
            if name is None:
                return None
            here /= name
        return here if here.is_file() else None

    def _names_in(self, folder: Path) -> dict[str, str]:
        """By their small letters."""
        names = self._names.get(folder)
        if names is not None:
            return names
        names = self._names[folder] = {}
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._names_left -= 1
                    if self._names_left < 0:
                        raise LimitExceeded(
                            f"Its folders hold more than {_MOST_NAMES} files: what else it lists"
                            " is unknown."
                        )
                    names.setdefault(entry.name.lower(), entry.name)
        except OSError:
            return names
        return names

    def _uid_of(self, path: Path) -> str:
        """Of its File Meta Information; what has none is refused when it is imported.

        Empty, too, of a link that leads out of the import, which is refused likewise.
        """
        try:
            if not path.resolve().is_relative_to(self._root):
                return ""
            with path.open("rb") as file:
                head = file.read(_META_BYTES)
                try:
                    return read_file_meta(head).sop_instance_uid
                except InvalidInstance:
                    if len(head) < _META_BYTES or head[128:132] != b"DICM":
                        return ""
                    head += file.read(FILE_META_MAX_BYTES - _META_BYTES)
                    return read_file_meta(head).sop_instance_uid
        except (InvalidInstance, OSError, RuntimeError):
            return ""
