"""Give a study away: a folder or a ZIP with a DICOMDIR, as media carry it (PS3.10 8).

The instances are the stored ones, byte for byte; their names follow PS3.10 8.2
(eight characters, upper case). The directory (PS3.3 F) is made from headers
alone, so memory stays constant however large the pixels are.
"""

import io
import os
import shutil
import tempfile
import uuid
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from pydicom.dataset import FileDataset
from pydicom.fileset import FileInstance, FileSet

from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, NotFound
from storage.dicom.value_errors import UNREADABLE
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.volumes.durable_names import make_folder, put_in_place, sync_tree
from storage.volumes.files import translated_os_errors

_PIECE_BYTES = 1 << 20
# Type 1 in a directory record (PS3.3 F.5), and what else in the instance says the same.
_STUDY_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_STUDY_TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
_UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Entry:
    name: str
    """The path within the export, with slashes."""
    instance: Instance


@dataclass(frozen=True)
class Export:
    """What will be written. `filled` names what the directory says in a header's place."""

    entries: tuple[Entry, ...]
    dicomdir: bytes | None
    filled: tuple[str, ...] = field(default=())


def plan_export(
    index: Index, instance_reader: InstanceReader, study_instance_uid: str, *, dicomdir: bool = True
) -> Export:
    """Name every instance of a study, and make the directory.

    Numbers and identifiers that a directory needs and the instances lack are
    filled in the directory alone. Raises NotFound; InvalidRequest where the
    lack cannot be filled truthfully; InvalidInstance; StorageUnavailable.
    """
    instances = index.instances_of(study_instance_uid)
    if not instances:
        raise NotFound(f"The node holds no study {study_instance_uid}.", remedy="Check the UID.")
    if not dicomdir:
        return Export(tuple(_plain_names(instances)), None)
    filled: dict[str, None] = {}
    with tempfile.TemporaryDirectory(prefix="mediview-export-") as folder, _file_set() as file_set:
        series_numbers: dict[str, int] = {}
        for number, instance in enumerate(instances, 1):
            series = series_numbers.setdefault(
                instance.series_instance_uid, len(series_numbers) + 1
            )
            header = instance_reader.header(instance)
            filled.update(dict.fromkeys(_fill(header, series, number)))
            _add(file_set, header, instance)
        file_set.fill()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file_set.write(folder)
        names = {
            str(node.SOPInstanceUID): Path(node.path).relative_to(folder).as_posix()
            for node in file_set
        }
        directory = (Path(folder) / "DICOMDIR").read_bytes()
    entries = tuple(Entry(names[one.sop_instance_uid], one) for one in instances)
    return Export(entries, directory, tuple(filled))


def write_folder(instances: InstanceReader, export: Export, folder: Path) -> None:
    """Write the export as a folder, whole or not at all.

    Raises InvalidRequest where it holds something already; StorageFull,
    StorageUnavailable.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidRequest(
            f"{folder} exists and is not an empty folder.", remedy="Name a new folder."
        )
    temporary = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    with translated_os_errors(folder.parent):
        try:
            make_folder(temporary)
            for name, source in _contents(instances, export):
                path = temporary / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(source, file, _PIECE_BYTES)
            sync_tree(temporary)
            if folder.exists():
                folder.rmdir()
            put_in_place(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def write_zip(instances: InstanceReader, export: Export, path: Path) -> None:
    """Write the export as a ZIP file, whole or not at all. Raises as `write_folder`."""
    if path.exists():
        raise InvalidRequest(f"{path} exists already.", remedy="Name a new file.")
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with translated_os_errors(path.parent):
        try:
            make_folder(path.parent)
            with temporary.open("xb") as file:
                for piece in zip_pieces(instances, export):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            put_in_place(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def zip_pieces(instances: InstanceReader, export: Export) -> Iterator[bytes]:
    """The bytes of a ZIP, a piece at a time; nothing is held but the list of names."""
    sink = _Sink()
    # Pixels that compress are compressed already; others are worth the network's time.
    with zipfile.ZipFile(cast("BinaryIO", sink), "w", zipfile.ZIP_STORED, allowZip64=True) as file:
        for name, source in _contents(instances, export):
            information = zipfile.ZipInfo(name)
            information.external_attr = 0o644 << 16
            with file.open(information, "w", force_zip64=True) as target:
                while piece := source.read(_PIECE_BYTES):
                    target.write(piece)
                    yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Takes what a writer gives, and cannot seek."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]  # a buffer, as RawIOBase says
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _contents(instances: InstanceReader, export: Export) -> Iterator[tuple[str, BinaryIO]]:
    if export.dicomdir is not None:
        yield "DICOMDIR", io.BytesIO(export.dicomdir)
    for entry in export.entries:
        with instances.open(entry.instance) as source:
            yield entry.name, source


def _plain_names(instances: list[Instance]) -> Iterator[Entry]:
    series: dict[str, int] = {}
    for number, instance in enumerate(instances):
        folder = series.setdefault(instance.series_instance_uid, len(series))
        yield Entry(f"SE{folder:06d}/IM{number:06d}", instance)


def _fill(header: FileDataset, series: int, number: int) -> Iterator[str]:
    """Give the directory what it needs; the keywords that were filled."""
    for keyword, others in (("StudyDate", _STUDY_DATES), ("StudyTime", _STUDY_TIMES)):
        if not header.get(keyword):
            value = next((header[name].value for name in others if header.get(name)), None)
            if value is None and keyword == "StudyTime":
                value = "000000"
            if value is None:
                raise InvalidRequest(
                    "The study has no StudyDate nor any other date, which a DICOMDIR must"
                    " state (PS3.3 Table F.5-2).",
                    remedy="Export it without a DICOMDIR (--no-dicomdir).",
                )
            setattr(header, keyword, value)
            yield keyword
    for keyword, value in (
        ("PatientID", _UNKNOWN),
        ("StudyID", _UNKNOWN),
        ("Modality", "OT"),
        ("SeriesNumber", series),
        ("InstanceNumber", number),
    ):
        if header.get(keyword) in (None, ""):
            setattr(header, keyword, value)
            yield keyword


class _MediaFiles(FileSet):
    """Each instance comes once: none is compared with all before it."""

    _is_filled = False

    def __iter__(self) -> Iterator[FileInstance]:
        return super().__iter__() if self._is_filled else iter(())

    def fill(self) -> None:
        """All have come."""
        self._is_filled = True


@contextmanager
def _file_set() -> Iterator[_MediaFiles]:
    file_set = _MediaFiles()
    try:
        yield file_set
    finally:
        # It has no way to end: its folder would stay until the garbage is collected.
        file_set._stage["t"].cleanup()


def _add(file_set: FileSet, header: FileDataset, instance: Instance) -> None:
    try:
        with warnings.catch_warnings():
            # Odd values in received data are the sender's.
            warnings.simplefilter("ignore")
            file_set.add(header)
    except UNREADABLE as error:
        raise InvalidRequest(
            f"Instance {instance.sop_instance_uid} cannot stand in a DICOMDIR: it lacks"
            f" what its kind of directory record needs (PS3.3 F.5), or holds it malformed.",
            remedy="Export the study without a DICOMDIR (--no-dicomdir).",
        ) from error
