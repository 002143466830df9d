"""Read stored instances: byte ranges, streams, data sets.

Whole instances are compared with the digest that was taken when they arrived; of reads of parts a
sample is. What proves to be damaged is noted, answered from the bucket where that has the bytes,
and refused otherwise (`storage.integrity`).
"""

import copy
import io
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from storage.core.entities import Instance, Location
from storage.core.errors import InvalidInstance, NotFound, StorageUnavailable
from storage.core.sources import is_own
from storage.dicom.dataset_reader import LongValues, read_part10
from storage.dicom.header_sizes import (
    MAX_HEADERS_BYTES,
    MAX_PIXELS_BYTES,
    SizeBudget,
    only_frames_of_long_sequences,
    without_long_binary,
)
from storage.integrity.checker import Checker, Prepared
from storage.integrity.copies import object_range
from storage.integrity.repository import DamagedInstances
from storage.integrity.stated_patients import StatedPatients
from storage.objects.filesystem import ObjectStore
from storage.patient_identity.entities import Patient, PatientKey
from storage.patient_identity.outgoing import correct, with_patient
from storage.patient_identity.study_patients import is_another
from storage.processes.hosts import Host
from storage.volumes.reader import VolumeReader

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

_HEADER_CHUNK_BYTES = 128 * 1024
_IN_MEMORY_BYTES = 8 << 20


@dataclass(frozen=True)
class HeldFile:
    """An open file that holds an instance's part 10 bytes; one that is handed to sendfile."""

    fd: int
    offset: int
    """Where the part 10 bytes begin."""

    def fileno(self) -> int:
        return self.fd


class InstanceReader:
    """Gives back part 10 bytes as they were stored, and files and data sets as they leave.

    These two have the patient as corrected (`storage.patient_identity`).
    The local volume is read first, where it is there; the object store has the
    instance once it has moved to a bucket.
    """

    def __init__(
        self,
        volumes: VolumeReader,
        objects: ObjectStore,
        locate: Callable[[str], Location | None] | None = None,
        damaged: DamagedInstances | None = None,
        patient_of: Callable[[str], Patient | None] = lambda _study_instance_uid: None,
        keys_of: Callable[[str], Collection[PatientKey]] = lambda _study_instance_uid: (),
        holder: Callable[[str], Host | None] = lambda _volume: None,
        check_series: Callable[[str, str], None] = lambda _study, _series: None,
    ) -> None:
        """`locate` finds an instance that was moved since its row was read, `patient_of` whose a
        study is where that was corrected, `keys_of` under which IDs its patient may be named,
        `holder` the other host on which a volume lies, `check_series` raises where a series is set
        aside, so that nobody reads it whole."""
        self._volumes = volumes
        self._objects = objects
        self._locate = locate
        self._patient_of = patient_of
        self._keys_of = keys_of
        self._check_series = check_series
        self._ask_first: Callable[[Instance], None] = lambda _: None
        self._leaving: Callable[[Instance, BinaryIO], BinaryIO] = lambda _, file: file
        self._as_stored: Callable[[Instance], Instance] = lambda instance: instance
        self._stated = StatedPatients()
        self._checker = Checker(volumes, objects, locate, damaged, holder)

    def of_one_moment(self) -> "InstanceReader":
        """A reader for one answer, to which each study has the same patient throughout."""
        reader = copy.copy(self)
        reader._patient_of = cache(self._patient_of)
        return reader

    def asking(self, ask_first: Callable[[Instance], None]) -> "InstanceReader":
        """A reader that asks before it opens an instance to leave; `ask_first` raises to refuse."""
        reader = copy.copy(self)
        reader._ask_first = ask_first
        return reader

    def leaving_as(
        self,
        leaving: Callable[[Instance, BinaryIO], BinaryIO],
        as_stored: Callable[[Instance], Instance],
    ) -> "InstanceReader":
        """A reader whose opened instances leave as `leaving` makes them of the corrected file.

        `as_stored`: of one that is described as it leaves, the instance that is stored.
        """
        reader = copy.copy(self)
        reader._leaving, reader._as_stored = leaving, as_stored
        return reader

    def as_corrected(self, instances: Sequence[Instance]) -> list[Instance]:
        """The same with the digests of the patients that this reader writes into them.

        The patient may have been corrected since a row was read. What is stored under a digest
        needs the one that belongs to its content, so ask a reader `of_one_moment`.
        """
        return [self._as_corrected(one) if one.patient_digest else one for one in instances]

    def _as_corrected(self, instance: Instance) -> Instance:
        patient = self.corrected_patient(instance)
        return replace(instance, patient_digest=patient.digest if patient else "")

    def read(self, instance: Instance, start: int = 0, length: int | None = None) -> bytes:
        """`length` bytes from `start`, or all that follows.

        The whole instance is compared with its digest. Raises InstanceDamaged,
        StorageUnavailable, NotFound where it was deleted meanwhile.
        """
        if not start and length is None:
            return self._checker.read_whole(instance)
        self._checker.sample(instance)
        return self._read_part(instance, start, length)

    def checked(self, instance: Instance) -> Instance:
        """The instance, with a place whose bytes were compared with its digest just now.

        Raises as `read`.
        """
        return self._checker.checked(instance)

    def prepare(self, instances: Sequence[Instance]) -> list[Prepared]:
        """Make sure that an answer with these can be sent to its end (`Checker.prepare`)."""
        return self._checker.prepare(instances)

    def sample(self, instance: Instance) -> None:
        """To be asked before parts of it are sent. Raises InstanceDamaged where it is known."""
        self._checker.sample(instance)

    def _read_part(self, instance: Instance, start: int, length: int | None) -> bytes:
        available = max(instance.size_bytes - start, 0)
        length = available if length is None else min(length, available)
        location = instance.location
        try:
            return self._read(location, start, length)
        except (StorageUnavailable, NotFound):
            moved = self._locate(instance.sop_instance_uid) if self._locate else None
            if moved is None or moved == location:
                # Says what is lost, where that is the reason.
                return self._read(self.checked(instance).location, start, length)
            return self._read(moved, start, length)

    @contextmanager
    def hold(self, instance: Instance) -> Iterator[HeldFile | None]:
        """The local volume with the instance, open meanwhile; None where there is none.

        It stays readable though the instance be moved or deleted meanwhile.
        """
        with ExitStack() as stack:
            yield self._held(instance, stack)

    def _held(self, instance: Instance, stack: ExitStack) -> HeldFile | None:
        location: Location | None = instance.location
        for _ in range(2):
            if location is None or not location.volume:
                return None
            try:
                fd = stack.enter_context(self._volumes.hold(location))
            except StorageUnavailable:
                # Perhaps rewritten since the row was read.
                location = self._locate(instance.sop_instance_uid) if self._locate else None
            else:
                return HeldFile(fd, location.offset)
        return None

    def _read(self, location: Location, start: int, length: int) -> bytes:
        if location.volume:
            try:
                return self._volumes.read(location, start, length)
            except StorageUnavailable:
                if not location.object_key:
                    raise
        return object_range(self._objects, location, start, length)

    def open(self, instance: Instance) -> BinaryIO:
        """A seekable stream over the part 10 file as it leaves: with the patient as corrected.

        Raises InvalidInstance where that cannot be written, and as `open_stored`.
        """
        self._ask_first(instance)
        instance = self._as_stored(instance)
        return self._leaving(instance, self.corrected(instance, self.open_stored(instance)))

    def corrected(self, instance: Instance, file: BinaryIO) -> BinaryIO:
        """A part 10 file of the instance, with the patient as corrected."""
        patient = self.corrected_patient(instance)
        if patient is None:
            return file
        with _decoding(instance):
            return with_patient(file, patient)

    def corrected_patient(self, instance: Instance) -> Patient | None:
        """Whose it is, where that is not the one who stands in its bytes."""
        return self._patient_of(instance.study_instance_uid) if instance.patient_digest else None

    def names_another_patient(
        self,
        instance: Instance,
        known: Collection[PatientKey] | None = None,
        header: "Dataset | None" = None,
    ) -> bool:
        """Whether its stored bytes name neither whose its study is nor whose it was on arrival.

        `known`: those two, of who asks for several instances of a study; `header`: the instance's,
        of who has read it by `dataset`. Never of what the node made. Raises as `dataset`.
        """
        if is_own(instance.source):
            return False
        if known is None:
            known = self.patient_keys(instance.study_instance_uid)
        # One that was corrected says whose the study is now.
        if header is None or instance.patient_digest:
            return is_another(self._stated.of(instance, self._read_stated), known)
        return is_another(_stated_in(header), known)

    def patient_keys(self, study_instance_uid: str) -> Collection[PatientKey]:
        """Under which IDs the study's patient may be named; for `names_another_patient`."""
        return self._keys_of(study_instance_uid)

    def knows_stated_patient(self, instance: Instance) -> bool:
        """Whether `names_another_patient` answers without reading."""
        return is_own(instance.source) or self._stated.known(instance) is not None

    @property
    def is_out_of_reach(self) -> bool:
        """Whether the bytes that `names_another_patient` needs could not be read just now."""
        return self._stated.is_out_of_reach

    def _read_stated(self, instance: Instance) -> PatientKey:
        with _decoding(instance), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stream = self._stream(instance)
            return _stated_in(
                read_part10(stream, stop_after="IssuerOfPatientID", long_values="left out")
            )

    def open_stored(self, instance: Instance) -> BinaryIO:
        """A seekable stream over the part 10 file, whose bytes were compared with its digest.

        It needs no closing of its own. Raises as `checked`.
        """
        if instance.size_bytes <= _IN_MEMORY_BYTES:
            return io.BytesIO(self._checker.read_whole(instance))
        return self._stream(self.checked(instance))

    def _stream(self, instance: Instance) -> BinaryIO:
        return io.BufferedReader(_InstanceStream(self, instance), _HEADER_CHUNK_BYTES)

    def dataset(
        self,
        instance: Instance,
        *,
        stop_before_pixels: bool = False,
        long_values: LongValues = "read",
    ) -> "FileDataset":
        """The data set by pydicom, with the patient as corrected.

        `long_values`: those of a MiB and more are never read, and left out or `noted`
        (`storage.dicom.dataset_reader.read_part10`).

        Raises InvalidInstance when pydicom cannot read it, LimitExceeded where it has too many
        elements.
        """
        in_parts = stop_before_pixels or long_values != "read"
        stream = self._stream(instance) if in_parts else io.BytesIO(self.read(instance))
        # Here, for the reason in `storage/dicom/part10.py`.
        import storage.dicom.unpadded_reading  # noqa: F401

        with _decoding(instance), warnings.catch_warnings():
            # Odd values in received data are the sender's; they are kept as they came.
            warnings.simplefilter("ignore")
            dataset = read_part10(
                stream, stop_before_pixels=stop_before_pixels, long_values=long_values
            )
            patient = self.corrected_patient(instance)
            if patient is not None:
                correct(dataset, patient)
            return dataset

    def header(self, instance: Instance) -> "FileDataset":
        """The data set without pixels and long values. Raises as `dataset`."""
        return self.dataset(instance, stop_before_pixels=True, long_values="left out")

    def headers(self, instances: Sequence[Instance]) -> "list[Dataset]":
        """The data sets without pixels and without long binary values, to be held together.

        Raises as `dataset`, LimitExceeded where they are too large together, and SeriesSetAside.
        """
        return list(self.each_header(instances))

    def each_header(self, instances: Sequence[Instance]) -> "Iterator[Dataset]":
        """The same, one after the other, for who has other work in between."""
        self._check_series_of(instances)
        budget = SizeBudget(MAX_HEADERS_BYTES, "headers")
        for instance in instances:
            header = self.header(instance)
            without_long_binary(header)
            with _decoding(instance):
                only_frames_of_long_sequences(header)
            budget.take(header)
            yield header

    def datasets(self, instances: Sequence[Instance]) -> "Iterator[FileDataset]":
        """The data sets with their pixels, to be held together.

        Raises as `dataset`, LimitExceeded where they are too large together, and SeriesSetAside.
        """
        self._check_series_of(instances)
        budget = SizeBudget(MAX_PIXELS_BYTES, "images")
        for instance in instances:
            dataset = self.dataset(instance)
            budget.take(dataset)
            yield dataset

    def _check_series_of(self, instances: Sequence[Instance]) -> None:
        for uids in {(one.study_instance_uid, one.series_instance_uid) for one in instances}:
            self._check_series(*uids)


@contextmanager
def _decoding(instance: Instance) -> Iterator[None]:
    """Turn what pydicom raises into InvalidInstance."""
    from storage.dicom.value_errors import UNREADABLE

    try:
        yield
    except UNREADABLE as error:
        raise InvalidInstance(
            f"The stored instance {instance.sop_instance_uid} cannot be decoded.",
            remedy="Look at it with dcmdump; the sending system wrote it against the standard.",
        ) from error


class _InstanceStream(io.RawIOBase):
    name = ""
    """pydicom asks a buffered reader for the name of its file."""

    def __init__(self, reader: InstanceReader, instance: Instance) -> None:
        self._reader = reader
        self._instance = instance
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._instance.size_bytes,
        }[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(self._instance, self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _stated_in(header: "Dataset") -> PatientKey:
    keywords = ("PatientID", "IssuerOfPatientID")
    return PatientKey(*(str(header.get(keyword) or "") for keyword in keywords))
