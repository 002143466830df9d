"""Read stored instances as files and data sets, with the patient as corrected."""

import copy
import io
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

from storage.core.entities import Instance, Location
from storage.core.errors import InvalidInstance
from storage.core.sources import is_own
from storage.dicom.dataset_reader import LongValues, read_part10
from storage.dicom.header_sizes import (
    MAX_HEADERS_BYTES,
    MAX_PIXELS_BYTES,
    SizeBudget,
    only_frames_of_long_sequences,
    without_long_binary,
)
from storage.hosts.entities import Host
from storage.integrity.repository import DamagedInstances
from storage.integrity.stated_patients import StatedPatients
from storage.integrity.stored_bytes import StoredBytes
from storage.objects.store import ObjectStore
from storage.patient_identity.entities import Patient, PatientKey
from storage.patient_identity.outgoing import correct, with_patient
from storage.patient_identity.study_patients import is_another
from storage.volumes.reader import VolumeReader

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset


class InstanceReader(StoredBytes):
    """Files and data sets as they leave, with corrected patients (`storage.patient_identity`).

    Bytes are given back as they were stored.
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
        """As `StoredBytes`; `patient_of` finds whose a study is where that was corrected, `keys_of`
        under which IDs its patient may be named, `check_series` raises where a series is set aside,
        so that nobody reads it whole."""
        super().__init__(volumes, objects, locate, damaged, holder)
        self._patient_of = patient_of
        self._keys_of = keys_of
        self._check_series = check_series
        self._ask_first: Callable[[Instance], None] = lambda _: None
        self._leaving: Callable[[Instance, BinaryIO], BinaryIO] = lambda _, file: file
        self._as_stored: Callable[[Instance], Instance] = lambda instance: instance
        self._stated = StatedPatients()

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
            stream = self.stream(instance)
            return _stated_in(
                read_part10(stream, stop_after="IssuerOfPatientID", long_values="left out")
            )

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
        stream = self.stream(instance) if in_parts else io.BytesIO(self.read(instance))
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


def _stated_in(header: "Dataset") -> PatientKey:
    keywords = ("PatientID", "IssuerOfPatientID")
    return PatientKey(*(str(header.get(keyword) or "") for keyword in keywords))
