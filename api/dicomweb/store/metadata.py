"""Instances that come as metadata and bulk data: put together, and in by the same door.

Bulk data are parts of the same request, found by their Content-Location; an
address is never followed. Pixels pass through in pieces.
"""

import base64
import struct
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from api.dicomweb.formats.json_values import JsonDataset, JsonElement
from api.dicomweb.formats.multipart import parse_content_type
from api.dicomweb.formats.native_xml import MAX_ELEMENTS, xml_to_dataset
from api.dicomweb.formats.negotiation import DICOM_JSON, DICOM_XML
from api.dicomweb.store.parts import check_study
from api.dicomweb.store.report import CANNOT_UNDERSTAND, Report, reason_of
from api.dicomweb.store.spool import SpooledPart
from storage.core.errors import InvalidInstance, InvalidRequest, LimitExceeded, MediViewError
from storage.core.uids import check_uid
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.dicom.file_meta import make_file_meta
from storage.ingest.accepted import Accepted
from storage.ingest.service import Ingest

log = structlog.get_logger(__name__)

_PIXELS = ("7FE00008", "7FE00009", "7FE00010")
_PIXEL_VRS = {"7FE00008": b"OF", "7FE00009": b"OD"}
_MAX_METADATA_BYTES = 64 << 20
_MAX_VALUES_BYTES = 64 << 20
"""Of one instance: a part that several elements name counts for each."""
_USED_AGAIN = 4
"""How often all parts together may be used, beyond what an instance may have: usually once."""
# Some thousand elements, which take a tenth of a second.
_LARGE_METADATA_BYTES = 256 * 1024
_large_metadata = threading.Lock()
_TRANSFER_SYNTAX, _AVAILABLE_SYNTAX = "00020010", "00083002"
_SOP_CLASS, _SOP_INSTANCE = "00080016", "00080018"
_UTF8 = {"vr": "CS", "Value": ["ISO_IR 192"]}

# What a media type means that states no transfer syntax (PS3.18 Tables 8.7.3-2 and -4).
_DEFAULT_SYNTAX = {
    "image/jpeg": "1.2.840.10008.1.2.4.70",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/x-dicom-rle": "1.2.840.10008.1.2.5",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/x-jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jpx": "1.2.840.10008.1.2.4.92",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "video/mpeg": "1.2.840.10008.1.2.4.100",
    "video/mp4": "1.2.840.10008.1.2.4.102",
}
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, struct.error)


class _Bulk:
    """The parts that hold bulk data, by where they say that they lie."""

    def __init__(self, parts: Sequence[SpooledPart]) -> None:
        self._parts: dict[str, list[SpooledPart]] = {}
        for part in parts:
            location = part.headers.get("content-location", "")
            self._parts.setdefault(_place(location), []).append(part)
        self._left = _MAX_VALUES_BYTES + _USED_AGAIN * sum(part.size_bytes for part in parts)

    def use(self, uri: str) -> list[SpooledPart]:
        """Several are the frames of compressed pixels. Raises InvalidInstance, LimitExceeded."""
        found = self._parts.get(_place(uri), []) if uri else []
        if not found:
            raise InvalidInstance(
                "A BulkDataURI names no part of the request, and none is followed.",
                remedy="Send each value as a part whose Content-Location is its BulkDataURI.",
            )
        self._left -= sum(part.size_bytes for part in found)
        if self._left < 0:
            raise LimitExceeded(
                "The instances name the parts of the request again and again.",
                remedy="Send them as application/dicom, or fewer at once.",
            )
        return found

    def value_for(self, instance: "_Instance", uri: str) -> bytes:
        parts = self.use(uri)
        instance.take(sum(part.size_bytes for part in parts))
        return b"".join(part.body() for part in parts)


class _Instance:
    """How much of one is put together from bulk data."""

    def __init__(self) -> None:
        self._left = _MAX_VALUES_BYTES

    def take(self, size_bytes: int) -> None:
        self._left -= size_bytes
        if self._left < 0:
            raise LimitExceeded(
                f"The values beside the pixels have more than {_MAX_VALUES_BYTES} bytes.",
                remedy="Send the instance as application/dicom.",
            )


def _place(uri: str) -> str:
    """Absolute and relative addresses of one value compare equal by their paths."""
    split = urlsplit(uri.strip())
    return (split.path or uri.strip()).lstrip("/") + (f"?{split.query}" if split.query else "")


def keep_described(
    ingest: Ingest,
    study_instance_uid: str,
    parts: Sequence[SpooledPart],
    report: Report,
    note_source: str = "",
) -> None:
    """Put each instance together from its metadata and its bulk data, and keep it."""
    metadata: list[SpooledPart] = []
    rest: list[SpooledPart] = []
    for part in parts:
        is_metadata = part.content_type in (DICOM_JSON, DICOM_XML, "application/json")
        (metadata if is_metadata else rest).append(part)
    bulk = _Bulk(rest)
    # One part after another: the limits are those of a part, and a request has many.
    for part in metadata:
        with _turn(part):
            try:
                described = _metadata_of(part)
            except MediViewError as error:
                log.warning("stow_metadata_refused", code=error.code)
                report.fail("", "", CANNOT_UNDERSTAND, error.message)
                continue
            for elements in described:
                try:
                    report.keep(_keep(ingest, study_instance_uid, elements, bulk, note_source))
                except MediViewError as error:
                    reason = reason_of(error)
                    log.warning("stow_instance_refused", code=error.code, failure_reason=reason)
                    report.refuse(error, _uid(elements, _SOP_CLASS), _uid(elements, _SOP_INSTANCE))


def _turn(part: SpooledPart) -> AbstractContextManager[object]:
    """Of large metadata one is read at a time in each process.

    Each takes seconds of the interpreter, for which every other request would wait in turn.
    """
    is_large = part.size_bytes > _LARGE_METADATA_BYTES
    return _large_metadata if is_large else nullcontext()


def _metadata_of(part: SpooledPart) -> list[JsonDataset]:
    """The data sets of a part. Raises InvalidRequest, LimitExceeded."""
    if part.size_bytes > _MAX_METADATA_BYTES:
        raise LimitExceeded("The metadata are too large.", remedy="Send fewer instances at once.")
    if part.content_type == DICOM_XML:
        return [xml_to_dataset(part.body())]
    try:
        found = load_bounded_json(
            part.body(),
            MAX_ELEMENTS,
            remedy="Send fewer instances in a part, long values as bulk data.",
        )
    except ValueError as error:
        raise InvalidRequest("The metadata are no JSON.", remedy="Send DICOM JSON.") from error
    datasets = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in datasets):
        raise InvalidRequest("The metadata hold no data sets.", remedy="Send an array of them.")
    return cast("list[JsonDataset]", datasets)


def _keep(
    ingest: Ingest, study_instance_uid: str, elements: JsonDataset, bulk: _Bulk, note_source: str
) -> Accepted:
    stream = ingest.open_stream(
        "stow",
        check=lambda header: check_study(study_instance_uid, header),
        note_source=note_source,
    )
    try:
        for piece in _part10(elements, bulk):
            stream.write(piece)
        return stream.finish()
    finally:
        stream.discard()


def _part10(elements: JsonDataset, bulk: _Bulk) -> Iterator[bytes]:
    """The instance as a file, its pixels in pieces. Raises InvalidInstance, LimitExceeded."""
    try:
        pixel_tag = next((tag for tag in _PIXELS if tag in elements), "")
        pixels = _pixel_parts(elements.get(pixel_tag, {}), bulk)
        syntax = _syntax(elements, pixels)
        yield make_file_meta(
            check_uid(_uid(elements, _SOP_CLASS), "SOPClassUID"),
            check_uid(_uid(elements, _SOP_INSTANCE), "SOPInstanceUID"),
            check_uid(syntax, "TransferSyntaxUID"),
        )
        before = {
            name: element
            for name, element in elements.items()
            if not name.startswith("0002") and name not in (_AVAILABLE_SYNTAX, *_PIXELS)
        }
        yield _encoded(before, bulk)
    except _BROKEN as error:
        raise InvalidInstance(
            "The metadata cannot be read as a data set.",
            remedy="Write them as PS3.18 F or PS3.19 A.1 describe.",
        ) from error
    if pixels:
        yield from _pixel_element(pixel_tag, elements, pixels, syntax)


def _pixel_parts(element: JsonElement, bulk: _Bulk) -> list[Any]:
    if "BulkDataURI" in element:
        return list(bulk.use(element["BulkDataURI"]))
    if "InlineBinary" in element:
        return [_Inline(element["InlineBinary"])]
    return []


class _Inline:
    """A value that stands in the metadata themselves, as a part."""

    def __init__(self, text: str) -> None:
        self._body = base64.b64decode(text)
        self.size_bytes = len(self._body)
        self.headers: dict[str, str] = {}

    def pieces(self) -> Iterator[bytes]:
        yield self._body


def _syntax(elements: JsonDataset, pixels: Sequence[Any]) -> str:
    """As the part of the pixels says, else the metadata, else what the media type means."""
    media_type = ""
    parameters: dict[str, str] = {}
    if pixels:
        media_type, parameters = parse_content_type(pixels[0].headers.get("content-type", ""))
    stated = parameters.get("transfer-syntax", "").strip()
    if stated:
        return stated
    for name in (_TRANSFER_SYNTAX, _AVAILABLE_SYNTAX):
        if _uid(elements, name):
            return _uid(elements, name)
    return _DEFAULT_SYNTAX.get(media_type, str(ExplicitVRLittleEndian))


def _encoded(elements: JsonDataset, bulk: _Bulk) -> bytes:
    """Everything but the pixels, in Explicit VR Little Endian and UTF-8."""

    instance = _Instance()

    def value(_tag: str, _vr: str, uri: str) -> bytes:
        return bulk.value_for(instance, uri)

    with warnings.catch_warnings():
        # Odd values are the sender's, and are kept.
        warnings.simplefilter("ignore")
        dataset = Dataset.from_json({**elements, "00080005": _UTF8}, value)
        for tag in list(dataset.keys()):
            if Tag(tag).element == 0:
                del dataset[tag]
        buffer = DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, False
        dataset.set_original_encoding(False, True)
        write_dataset(buffer, dataset)
    return buffer.getvalue()


def _pixel_element(
    tag: str, elements: JsonDataset, parts: Sequence[Any], syntax: str
) -> Iterator[bytes]:
    group, number = int(tag[:4], 16), int(tag[4:], 16)
    if syntax != ExplicitVRLittleEndian:
        yield struct.pack("<HH2sHI", group, number, b"OB", 0, 0xFFFFFFFF)
        yield struct.pack("<HHI", 0xFFFE, 0xE000, 0)
        for part in parts:
            yield struct.pack("<HHI", 0xFFFE, 0xE000, part.size_bytes + part.size_bytes % 2)
            yield from part.pieces()
            yield b"\0" * (part.size_bytes % 2)
        yield struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return
    length = sum(part.size_bytes for part in parts)
    deep = _number(elements, "00280100") > 8
    vr = _PIXEL_VRS.get(tag, b"OW" if deep else b"OB")
    yield struct.pack("<HH2sHI", group, number, vr, 0, length + length % 2)
    for part in parts:
        yield from part.pieces()
    yield b"\0" * (length % 2)


def _uid(elements: Mapping[str, Any], name: str) -> str:
    value = _first(elements, name)
    return value if isinstance(value, str) else ""


def _number(elements: Mapping[str, Any], name: str) -> int:
    value = _first(elements, name)
    return value if isinstance(value, int) else 0


def _first(elements: Mapping[str, Any], name: str) -> Any:
    element = elements.get(name)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None
