"""What a medium's DICOMDIR lists (PS3.3 F, PS3.10 8.6), compared with the files that are there."""

import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.multival import MultiValue

from dicom_node.archives.receiving import Receiving
from storage.core.text.outside_text import shown_file_name
from storage.dicom.value_errors import UNREADABLE

NAME = "DICOMDIR"
_MOST_BYTES = 32 * 1024 * 1024
_IN_USE = 0xFFFF
_MOST_PARTS, _PATH_AT_MOST = 8, 1024
"""Components of a File ID (PS3.10 8.5)."""


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
    try:
        listed = list(_listed(content))
    except UNREADABLE:
        receiving.refused(shown, "It cannot be read as a DICOMDIR: what it lists is unknown.")
        return
    for path, sop_instance_uid in listed:
        name = shown_file_name((directory.parent / path).relative_to(root), _PATH_AT_MOST)
        found = _found(directory.parent, path)
        if found is None:
            receiving.refused(name, f"{shown} lists it, and it is not there.")
        elif sop_instance_uid and _holds_another(found, sop_instance_uid):
            receiving.refused(
                name, f"{shown} lists the instance {sop_instance_uid} there, and it is another."
            )


def _listed(content: bytes) -> Iterator[tuple[PurePosixPath, str]]:
    """Path below the folder of the DICOMDIR, and SOP Instance UID: empty where none is stated."""
    for record in dcmread(io.BytesIO(content)).get("DirectoryRecordSequence") or ():
        parts = record.get("ReferencedFileID")
        if not parts or record.get("RecordInUseFlag", _IN_USE) != _IN_USE:
            continue
        some = [str(one) for one in (parts if isinstance(parts, MultiValue) else [parts])]
        # What is no name of a file there leads elsewhere.
        if len(some) > _MOST_PARTS or any(
            one in ("", ".", "..") or "/" in one or "\0" in one for one in some
        ):
            continue
        yield PurePosixPath(*some), str(record.get("ReferencedSOPInstanceUIDInFile") or "")


def _found(folder: Path, path: PurePosixPath) -> Path | None:
    """As it is named, or in the small letters of some systems, with a suffix of some programs."""
    here = folder
    for part in path.parts:
        if (here / part).exists():
            here /= part
            continue
        try:
            names = [one.name for one in here.iterdir()]
        except OSError:
            return None
        alike = (one for one in names if one.lower() in (part.lower(), f"{part.lower()}.dcm"))
        name = next(alike, None)
        if name is None:
            return None
        here /= name
    return here if here.is_file() else None


def _holds_another(path: Path, sop_instance_uid: str) -> bool:
    """By the file meta information; what has none is refused when it is imported."""
    try:
        found = str(read_file_meta_info(path).get("MediaStorageSOPInstanceUID") or "")
    except UNREADABLE:
        return False
    return bool(found) and found != sop_instance_uid
