"""Instances on their way out, with the patient as corrected.

Of the stored bytes only the elements up to the patient's are written again. Where the data set's
character set lacks a letter of the name, all up to the pixels is, in UTF-8.
"""

import io
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

from storage.dicom.dataset_reader import read_part10, read_up_to
from storage.dicom.file_meta import FILE_META_MAX_BYTES, read_file_meta
from storage.patient_identity.entities import Patient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydicom.dataset import Dataset

_LAST_OF_PATIENT = 0x00102154
"""PatientTelephoneNumbers, the last element that is corrected."""
_OF_THE_FORMER = (
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthTime",
    "OtherPatientIDs",
    "OtherPatientNames",
    "OtherPatientIDsSequence",
    "PatientBirthName",
    "PatientAddress",
    "PatientMotherBirthName",
    "PatientTelephoneNumbers",
)
"""What a correction does not state, and what may be the former patient's."""
_BEFORE_PIXELS = 0x7FE00000
_UTF_8 = "ISO_IR 192"
_IN_MEMORY_BYTES = 8 << 20


def with_patient(file: BinaryIO, patient: Patient) -> BinaryIO:
    """The part 10 file with that patient, as a seekable stream. Raises what pydicom raises."""
    head, offset = corrected_head(file, patient)
    return _joined(head, file, offset)


def _joined(head: bytes, file: BinaryIO, offset: int) -> BinaryIO:
    size_bytes = file.seek(0, io.SEEK_END)
    if size_bytes <= _IN_MEMORY_BYTES:
        file.seek(offset)
        return io.BytesIO(head + file.read())
    return io.BufferedReader(_Spliced(head, file, offset, size_bytes))


def corrected_head(file: BinaryIO, patient: Patient) -> tuple[bytes, int]:
    """The first bytes of the corrected file, and where in the stored one the rest begins."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset
    from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

    file.seek(0)
    start = file.read(FILE_META_MAX_BYTES)
    meta = read_file_meta(start)
    syntax = UID(meta.transfer_syntax_uid)
    if syntax == DeflatedExplicitVRLittleEndian:
        return _deflated(file, patient), file.seek(0, io.SEEK_END)
    implicit = syntax.is_transfer_syntax and not syntax.is_private and syntax.is_implicit_VR
    encoding = implicit, syntax != ExplicitVRBigEndian
    with warnings.catch_warnings():
        # Odd values are the sender's, and go on as they came.
        warnings.simplefilter("ignore")
        dataset = _read_up_to(file, meta.dataset_offset, encoding, _LAST_OF_PATIENT)
        if not _takes(dataset, _texts_of(patient)):
            dataset = _read_up_to(file, meta.dataset_offset, encoding, _BEFORE_PIXELS)
        offset = file.tell()
        correct(dataset, patient)
        written = DicomBytesIO()
        written.is_implicit_VR, written.is_little_endian = encoding
        write_dataset(written, dataset)
    return start[: meta.dataset_offset] + written.getvalue(), offset


def with_change(file: BinaryIO, change: "Callable[[Dataset], None]") -> BinaryIO:
    """The part 10 file with all up to the pixels changed, as a seekable stream.

    Raises what pydicom raises.
    """
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset
    from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

    file.seek(0)
    start = file.read(FILE_META_MAX_BYTES)
    meta = read_file_meta(start)
    syntax = UID(meta.transfer_syntax_uid)
    written = DicomBytesIO()
    with warnings.catch_warnings():
        # Odd values are the sender's, and go on as they came.
        warnings.simplefilter("ignore")
        if syntax == DeflatedExplicitVRLittleEndian:
            file.seek(0)
            whole = read_part10(file)
            change(whole)
            whole.save_as(written)
            return io.BytesIO(written.getvalue())
        implicit = syntax.is_transfer_syntax and not syntax.is_private and syntax.is_implicit_VR
        encoding = implicit, syntax != ExplicitVRBigEndian
        dataset = _read_up_to(file, meta.dataset_offset, encoding, _BEFORE_PIXELS)
        offset = file.tell()
        change(dataset)
        written.is_implicit_VR, written.is_little_endian = encoding
        write_dataset(written, dataset)
    return _joined(start[: meta.dataset_offset] + written.getvalue(), file, offset)


def correct(dataset: "Dataset", patient: Patient) -> None:
    """Give a data set that patient; in UTF-8 where its own character set lacks a letter."""
    take_letters(dataset, _texts_of(patient))
    dataset.PatientName = patient.patient_name
    dataset.PatientID = patient.patient_id
    if patient.issuer_of_patient_id or "IssuerOfPatientID" in dataset:
        dataset.IssuerOfPatientID = patient.issuer_of_patient_id
    for keyword in _OF_THE_FORMER:
        if keyword in dataset:
            del dataset[keyword]
    if "PatientAge" in dataset and dataset.get("PatientBirthDate") != patient.patient_birth_date:
        del dataset.PatientAge
    dataset.PatientBirthDate = patient.patient_birth_date
    dataset.PatientSex = patient.patient_sex


def _read_up_to(file: BinaryIO, offset: int, encoding: tuple[bool, bool], last: int) -> "Dataset":
    """The elements up to a tag; the file stands where the next one begins."""
    file.seek(offset)
    return read_up_to(file, *encoding, last)


def take_letters(dataset: "Dataset", texts: "Sequence[str]") -> None:
    """Bring a data set into UTF-8 where its own character set lacks a letter of these."""
    if not _takes(dataset, texts):
        dataset.decode()
        dataset.SpecificCharacterSet = _UTF_8


def _texts_of(patient: Patient) -> tuple[str, ...]:
    return patient.patient_name, patient.patient_id, patient.issuer_of_patient_id


def _takes(dataset: "Dataset", texts: "Sequence[str]") -> bool:
    """Whether the data set's character set has all letters of the texts."""
    from pydicom.charset import convert_encodings, encode_string

    if all(text.isascii() for text in texts):
        return True
    stated = dataset.get("SpecificCharacterSet") or "ISO_IR 6"
    if stated == "ISO_IR 6":
        # ASCII, of which pydicom makes Latin 1.
        return False
    encodings = convert_encodings(stated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            for text in texts:
                encode_string(text, encodings)
        except (UserWarning, UnicodeError, LookupError):
            return False
    return True


def _deflated(file: BinaryIO, patient: Patient) -> bytes:
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = read_part10(file)
        correct(dataset, patient)
        written = io.BytesIO()
        dataset.save_as(written)
    return written.getvalue()


class _Spliced(io.RawIOBase):
    """A few bytes, and then the rest of a file."""

    name = ""
    """pydicom asks a buffered reader for the name of its file."""

    def __init__(self, head: bytes, file: BinaryIO, offset: int, size_bytes: int) -> None:
        self._head = head
        self._file = file
        self._offset = offset
        self._size_bytes = len(head) + size_bytes - offset
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position < len(self._head):
            data = self._head[self._position : self._position + len(buffer)]
        else:
            self._file.seek(self._offset + self._position - len(self._head))
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
