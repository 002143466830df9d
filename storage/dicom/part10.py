"""The header of a DICOM file (PS3.10): what the index keeps of an instance.

pydicom is imported where a data set is read: to load it takes longer than all else that a
command of the storage does which reads none.
"""

import io
import struct
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from storage.core.errors import InvalidInstance
from storage.core.text.bounded_text import (
    INDEXED_MAX_BYTES,
    MOST_BYTES_OF_ONE,
    cut,
    cut_identity,
    is_too_long,
)
from storage.core.text.character_sets import decode_text
from storage.core.text.padding import unpadded_ascii
from storage.core.uids import check_known_uid, check_unpadded_uid
from storage.dicom.element_limits import MAX_ELEMENTS, most_deflated_elements
from storage.dicom.element_walker import (
    BIG_ENDIAN,
    IMPLICIT_VR,
    ISSUER_OF_ACCESSION_NUMBER,
    IrregularEncoding,
    walker_of,
)
from storage.dicom.file_meta import FileMeta, read_file_meta
from storage.dicom.inflate import INSTANCE, inflate

# Enough for any header; pixels are not wanted here.
_LONGEST_READ = 64 << 20

# Transfer syntaxes that are walked in another way (PS3.5 annex A): asked of each instance.
_EXPLICIT_VR = "1.2.840.10008.1.2.1"
_DEFLATED = "1.2.840.10008.1.2.1.99"

_LAST_BEFORE_PIXELS = 0x7FE00007
_SPECIFIC_CHARACTER_SET = 0x00080005
_SOP_INSTANCE_UID = 0x00080018
_KNOWN_UIDS = (
    (0x00080016, "SOPClassUID"),
    (0x0020000D, "StudyInstanceUID"),
    (0x0020000E, "SeriesInstanceUID"),
)
_UID_MAX_BYTES = 64
_KEYWORDS = (
    "SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID"
    " PatientID IssuerOfPatientID PatientName PatientBirthDate PatientSex"
    " StudyDate StudyTime TimezoneOffsetFromUTC"
    " AccessionNumber StudyDescription StudyID ReferringPhysicianName"
    " Modality SeriesNumber SeriesDescription BodyPartExamined ProtocolName SeriesDate"
    " SeriesTime FrameOfReferenceUID Manufacturer ManufacturerModelName StationName"
    " InstitutionName PerformedProcedureStepStartDate PerformedProcedureStepStartTime"
    " InstanceNumber Rows Columns BitsAllocated NumberOfFrames"
).split()
# One deflated data set at a time is held inflated, whatever number of peers send them.
_INFLATED = threading.Lock()
_BINARY_KEYWORDS = frozenset({"Rows", "Columns", "BitsAllocated"})
_NAME_KEYWORDS = frozenset({"PatientName", "ReferringPhysicianName"})
# Two of them that begin alike are not the same. What is not named here describes.
_IDENTIFYING_KEYWORDS = (
    "PatientID IssuerOfPatientID PatientBirthDate PatientSex"
    " StudyDate StudyTime AccessionNumber StudyID Modality SeriesDate SeriesTime"
    " FrameOfReferenceUID PerformedProcedureStepStartDate PerformedProcedureStepStartTime"
).split()
_IDENTIFYING = frozenset(_IDENTIFYING_KEYWORDS)
_LONG_FROM_BYTES = INDEXED_MAX_BYTES // MOST_BYTES_OF_ONE


@dataclass(frozen=True)
class Header:
    """What the index keeps of one instance; UIDs are checked."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    dataset_offset: int
    """Where the data set begins, after the File Meta Information."""
    attributes: Mapping[str, str]
    """DICOM keyword to decoded text, padding removed; absent ones are missing."""
    accession_issuer_items: bytes = b""
    """Issuer of Accession Number Sequence, as encoded (`storage.dicom.accession_issuer`)."""
    unreadable_tag: int | None = None
    """A top-level element that the readers of whole data sets cannot pass."""

    def text(self, keyword: str) -> str:
        """As the index keeps it: of text that is too long for it the beginning.

        What identifies is refused at the door (`check_indexed`); records of earlier versions have
        such text, and it gets its digest for an end.
        """
        value = self.attributes.get(keyword, "")
        return cut_identity(value) if keyword in _IDENTIFYING else cut(value)

    def check_indexed(self) -> None:
        """Raises InvalidInstance where something that identifies is too long to be indexed, or
        where later readers would refuse the whole series for this instance.

        Records of earlier versions may be such; they keep their rows.
        """
        if self.unreadable_tag is not None:
            raise _unreadable(self.transfer_syntax_uid, self.unreadable_tag)
        raw = getattr(self.attributes, "raw", None)
        if raw is not None and max(map(len, raw.values()), default=0) <= _LONG_FROM_BYTES:
            return
        for keyword in _IDENTIFYING_KEYWORDS:
            if is_too_long(self.attributes.get(keyword, "")):
                raise InvalidInstance(
                    f"{keyword} has more than {INDEXED_MAX_BYTES} bytes.",
                    remedy=f"Shorten {keyword} at the sending system, and send the instance again.",
                    keyword=keyword,
                )

    def number(self, keyword: str) -> int | None:
        """An IS or US value, or None where it is absent or no whole number."""
        try:
            text = self.attributes[keyword]
            value = int(text if text.isdecimal() else float(text.split("\\")[0]))
        except (KeyError, ValueError, OverflowError):
            return None
        return value if -(2**31) <= value < 2**31 else None


def read_header(part10: bytes | bytearray | memoryview) -> Header:
    """Read the indexed attributes of a part 10 file held in memory, pixels untouched.

    Raises InvalidInstance when the file is no DICOM, is cut off, or lacks a UID.
    """
    meta = read_file_meta(part10)
    return _header(part10, meta, meta.dataset_offset)


def read_dataset_header(
    file_meta: bytes, transfer_syntax_uid: str, dataset: bytes | memoryview
) -> Header:
    """As `read_header`, of a part 10 file in its two parts, which are not joined."""
    meta = FileMeta(check_known_uid(transfer_syntax_uid, "TransferSyntaxUID"), len(file_meta))
    return _header(dataset, meta, 0)


def _header(data: bytes | bytearray | memoryview, meta: FileMeta, start: int) -> Header:
    """Of the data set that begins at `start` within `data`."""
    if meta.transfer_syntax_uid == _DEFLATED:
        with _INFLATED:
            deflated = data[start:]
            most = most_deflated_elements(len(deflated))
            attributes = _attributes(inflate(deflated, INSTANCE), _EXPLICIT_VR, 0, most)
    else:
        attributes = _attributes(data, meta.transfer_syntax_uid, start)
    known = []
    for tag, keyword in _KNOWN_UIDS:
        value = attributes.raw.get(tag, b"")
        read = _known_uid if len(value) <= _UID_MAX_BYTES else _uid
        known.append(read(value, keyword))
    return Header(
        sop_class_uid=known[0],
        sop_instance_uid=_uid(attributes.raw.get(_SOP_INSTANCE_UID, b""), "SOPInstanceUID"),
        study_instance_uid=known[1],
        series_instance_uid=known[2],
        transfer_syntax_uid=meta.transfer_syntax_uid,
        dataset_offset=meta.dataset_offset,
        attributes=attributes,
        accession_issuer_items=attributes.accession_issuer_items,
        unreadable_tag=attributes.unreadable_tag,
    )


def _uid(value: bytes, keyword: str) -> str:
    """UIDs are ASCII in every character set."""
    return check_unpadded_uid(unpadded_ascii(value, "UI").strip(), keyword)


# Instances come in series: the UIDs of the one before are not decoded again.
_known_uid = lru_cache(maxsize=4096)(_uid)


@cache
def _keywords_by_tag() -> dict[int, str]:
    from pydicom.tag import Tag

    return {int(Tag(keyword)): keyword for keyword in _KEYWORDS}


@cache
def _wanted_tags() -> frozenset[int]:
    return frozenset({*_keywords_by_tag(), ISSUER_OF_ACCESSION_NUMBER})


@cache
def _tags_by_keyword() -> dict[str, int]:
    return {keyword: tag for tag, keyword in _keywords_by_tag().items()}


def _attributes(
    data: bytes | bytearray | memoryview,
    transfer_syntax_uid: str,
    start: int,
    max_elements: int = MAX_ELEMENTS,
) -> "_Decoded":
    try:
        return _walk(data, transfer_syntax_uid, start, max_elements)
    except IrregularEncoding as error:
        tag = _offending_tag(data, transfer_syntax_uid, start)
        raise _unreadable(transfer_syntax_uid, tag) from error
    except InvalidInstance as error:
        if not error.keyword and error.tag is None:
            error.tag = _offending_tag(data, transfer_syntax_uid, start)
        raise


def _walk(
    data: bytes | bytearray | memoryview, transfer_syntax_uid: str, start: int, max_elements: int
) -> "_Decoded":
    walker = walker_of(data, transfer_syntax_uid, start, max_elements=max_elements)
    raw = walker.values(_wanted_tags())
    issuer_items = raw.pop(ISSUER_OF_ACCESSION_NUMBER, b"")
    decoded = _Decoded(raw, "big" if transfer_syntax_uid == BIG_ENDIAN else "little")
    decoded.accession_issuer_items = issuer_items
    doubtful = walker.doubtful_tag
    if doubtful is not None and not _is_readable(data, transfer_syntax_uid, start):
        decoded.unreadable_tag = doubtful
    return decoded


def _is_readable(
    data: bytes | bytearray | memoryview, transfer_syntax_uid: str, start: int
) -> bool:
    """Whether pydicom reads what stands before the pixels. Raises LimitExceeded."""
    from storage.dicom.dataset_reader import check_readable
    from storage.dicom.value_errors import UNREADABLE

    implicit, little = transfer_syntax_uid == IMPLICIT_VR, transfer_syntax_uid != BIG_ENDIAN
    stream = io.BytesIO(data[start : start + _LONGEST_READ])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_readable(stream, implicit, little, _LAST_BEFORE_PIXELS)
    except UNREADABLE:
        return stream.tell() >= _LONGEST_READ
    return True


def _unreadable(transfer_syntax_uid: str, tag: int | None) -> InvalidInstance:
    from pydicom.uid import UID

    at = "" if tag is None else f" at ({tag >> 16:04X},{tag & 0xFFFF:04X})"
    return InvalidInstance(
        f"The data set cannot be read{at}: it does not follow its transfer syntax"
        f" {UID(transfer_syntax_uid).name}.",
        remedy="Check the sending system's encoding.",
        tag=tag,
    )


def _offending_tag(
    data: bytes | bytearray | memoryview, transfer_syntax_uid: str, start: int
) -> int | None:
    """The top-level element that does not follow the transfer syntax, None where all do."""
    position = start
    try:
        for element in walker_of(data, transfer_syntax_uid, start):
            position = element.value_offset + element.length
    except (IrregularEncoding, InvalidInstance):
        order = ">HH" if transfer_syntax_uid == BIG_ENDIAN else "<HH"
        if position + 4 <= len(data):
            group, number = struct.unpack_from(order, data, position)
            return int(group << 16 | number)
    return None


class _Decoded(Mapping[str, str]):
    """Values by keyword, decoded when they are asked for: of an instance whose series is known
    the index wants some numbers alone, and decoding all the rest took as long as finding it.
    """

    __slots__ = ("_byteorder", "_character_set", "accession_issuer_items", "raw", "unreadable_tag")

    def __init__(self, raw: dict[int, bytes], byteorder: Literal["big", "little"]) -> None:
        self.raw = raw
        self.accession_issuer_items = b""
        self.unreadable_tag: int | None = None
        self._byteorder = byteorder
        named = raw.get(_SPECIFIC_CHARACTER_SET)
        self._character_set = unpadded_ascii(named) if named else ""

    def __getitem__(self, keyword: str) -> str:
        value = self.raw[_tags_by_keyword()[keyword]]
        if keyword in _BINARY_KEYWORDS:
            return str(int.from_bytes(value[:2], self._byteorder)) if value else ""
        return decode_text(value, self._character_set, is_name=keyword in _NAME_KEYWORDS)

    def __iter__(self) -> Iterator[str]:
        keywords = _keywords_by_tag()
        return (keywords[tag] for tag in self.raw)

    def __len__(self) -> int:
        return len(self.raw)
