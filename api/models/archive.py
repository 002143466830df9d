"""A model that came as a ZIP archive, laid out as a folder."""

import errno
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from api.errors import ApiProblem
from api.uploads.unpack import DAMAGES, Limits, opened_archive, shown_name
from inference.models.model_folders import MAX_BYTES, MAX_FILES, check_room
from storage.settings import Settings

_CHUNK_BYTES = 1024 * 1024
# Weights hardly compress; deflate ends at about 1,030.
_RATIO_AT_MOST = 200
_NAME_BYTES = 255
_PATH_BYTES = 1024
_MOST_DEPTH = 32
# 0: the archive says nothing of it, as those of Windows.
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)


def unpack_model(file: BinaryIO, into: Path, settings: Settings, copies: int) -> Path:
    """Write the files of an archive below `into`; the folder that is the model.

    An archive of one folder is that folder. `copies` is how many the disk must have room for.
    Raises ApiProblem, LimitExceeded, StorageFull.
    """
    limits = Limits(MAX_FILES, _RATIO_AT_MOST, MAX_BYTES, settings.max_instance_bytes)
    with opened_archive(file, limits) as archive:
        unpacked_bytes = sum(one.file_size for one in archive.infolist())
        check_room(settings, into, copies * unpacked_bytes, "The model")
        for entry in archive.infolist():
            if not entry.is_dir():
                _write(archive, entry, into)
    inside = sorted(into.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else into


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path) -> None:
    path = PurePosixPath(entry.filename)
    if (
        path.is_absolute()
        or not path.parts
        or ".." in path.parts
        or not entry.filename.isprintable()
        or "\\" in entry.filename
        or stat.S_IFMT(entry.external_attr >> 16) not in _KINDS
    ):
        raise _refused(entry, "leads out of the archive, or is a link, a pipe or a device")
    _check_lengths(entry, path)
    target = into.joinpath(*path.parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        left = entry.file_size
        with archive.open(entry) as member, target.open("xb") as copy:
            while piece := member.read(_CHUNK_BYTES):
                left -= len(piece)
                if left < 0:
                    raise _refused(entry, "is longer than the archive's directory says")
                copy.write(piece)
    except FileExistsError as error:
        raise _refused(entry, "is there twice, or both a file and a folder") from error
    except NotADirectoryError as error:
        raise _refused(entry, "is there twice, or both a file and a folder") from error
    except DAMAGES as error:
        # A damaged place is sought before the beginning of the file.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise _refused(entry, "is damaged") from error


def _check_lengths(entry: zipfile.ZipInfo, path: PurePosixPath) -> None:
    """The disk refuses longer ones, and they leave no room for the folder that holds the model."""
    sizes_bytes = [len(part.encode("utf-8", "surrogatepass")) for part in path.parts]
    if max(sizes_bytes) > _NAME_BYTES:
        raise _refused(entry, f"has a name of {max(sizes_bytes)} bytes; {_NAME_BYTES} are allowed")
    if len(sizes_bytes) > _MOST_DEPTH or sum(sizes_bytes) > _PATH_BYTES:
        raise _refused(
            entry,
            f"lies {len(sizes_bytes)} folders deep under {sum(sizes_bytes)} bytes of names;"
            f" {_MOST_DEPTH} and {_PATH_BYTES} are allowed",
        )


def _refused(entry: zipfile.ZipInfo, why: str) -> ApiProblem:
    return ApiProblem(
        422,
        "archive_broken",
        f"{shown_name(entry.filename)} {why}.",
        title="The archive is not a model",
        remedy="Make the archive again of the model's folder and send it again.",
    )
