"""A tree of folders with DICOM files, such as a medium with its DICOMDIR."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from dicom_node.archives.receiving import Receiving
from dicom_node.imports import dicomdir
from dicom_node.imports.sources import Part
from storage.core.text.outside_text import shown_file_name
from storage.core.untrusted_input.folder_walk import walk

_PATH_AT_MOST = 1024
_FILES_AT_ONCE = 200


class FolderSource:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = re.sub(r"[^A-Za-z0-9.-]+", "-", folder.resolve().name).strip("-.") or "folder"

    def __str__(self) -> str:
        return str(self._folder.resolve())

    def parts(self) -> Iterator[Part]:
        """Some files of one folder; a file that changed makes another part."""
        # Symbolic links to folders are not followed: they can lead in circles. What they lead to
        # within the folder is found where it is; those that lead out of it are refused.
        for parent, folders, names in walk(self._folder):
            folders.sort()
            found = [Path(parent, name) for name in sorted(names) if name != dicomdir.NAME]
            found += [link for name in folders if self._leads_out(link := Path(parent, name))]
            for start in range(0, len(found), _FILES_AT_ONCE):
                files = found[start : start + _FILES_AT_ONCE]
                yield Part(self._key(files), partial(self._fetch, files))
            # It lists the files of the medium (PS3.10 8), which are found without it.
            directory = Path(parent, dicomdir.NAME)
            if dicomdir.NAME in names and self._is_whole_file(directory):
                compare = partial(dicomdir.compare, directory, self._folder)
                yield Part(self._key([directory]), compare)

    def close(self) -> None:
        """Nothing is open between its parts."""

    def _key(self, files: Sequence[Path]) -> str:
        digest = hashlib.sha256()
        for path in files:
            try:
                status = path.stat()
                size, changed = status.st_size, status.st_mtime_ns
            except OSError:
                size = changed = -1
            # A name need not be UTF-8 (PEP 383).
            digest.update(os.fsencode(path.relative_to(self._folder)))
            digest.update(f"\0{size}\0{changed}\n".encode())
        return digest.hexdigest()

    def _leads_out(self, folder: Path) -> bool:
        try:
            if not folder.is_symlink():
                return False
            leads_to = _resolved(folder)
        except OSError:
            # The path is too long for the system.
            return False
        return leads_to is None or not leads_to.is_relative_to(self._folder.resolve())

    def _is_whole_file(self, path: Path) -> bool:
        """Not a pipe, nor a link that leads out of the folder."""
        try:
            leads_to = _resolved(path)
            root = self._folder.resolve()
            is_within = leads_to is not None and leads_to.is_relative_to(root)
            return is_within and stat.S_ISREG(path.stat().st_mode)
        except OSError:
            return False

    def _fetch(self, files: Sequence[Path], receiving: Receiving) -> None:
        for path in files:
            name = shown_file_name(path.relative_to(self._folder), _PATH_AT_MOST)
            try:
                leads_to = _resolved(path)
                if leads_to is None:
                    receiving.refused(name, "The link leads to itself.")
                    continue
                if not leads_to.is_relative_to(self._folder.resolve()):
                    receiving.refused(name, "The link leads out of the folder.")
                    continue
                if not stat.S_ISREG(path.stat().st_mode):
                    # Opening a pipe would wait for ever.
                    receiving.refused(name, "It is not a file, but a pipe, a socket or a device.")
                    continue
                with path.open("rb") as file:
                    receiving.whole(name, file)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                receiving.refused(name, f"The file cannot be read: {reason}.")


def _resolved(path: Path) -> Path | None:
    """Where a path leads; None for a link that leads to itself."""
    try:
        return path.resolve()
    except RuntimeError:
        # Until Python 3.12; later ones give the path, which then cannot be read.
        return None
