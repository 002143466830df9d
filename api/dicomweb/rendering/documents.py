"""Instances that are documents: encapsulated ones as they are, reports as text (PS3.18 8.7.4)."""

import html
from collections.abc import Iterator, Sequence
from itertools import chain

from fastapi import Request, Response
from pydicom.dataset import Dataset

from api.antivirus import check_bytes
from api.deps import get_settings
from api.dicomweb.formats.held_answers import held_answer
from api.dicomweb.formats.negotiation import MediaRange, choose_image
from api.dicomweb.formats.responses import caching_headers, etag_of, matches_etag, not_modified
from api.dicomweb.instances.headers import read_header
from api.dicomweb.instances.large_headers import one_at_a_time
from api.dicomweb.lookups import content_key
from storage.core.entities import Instance
from storage.core.errors import LimitExceeded, NotFound
from storage.integrity.documents import unpadded
from storage.integrity.instance_reader import InstanceReader

_PDF = "application/pdf"
_TEXTS = ("text/html", "text/plain")
_ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104."
# What an encapsulated document may call itself and be sent as; all else is a download.
_DOCUMENT_TYPES = frozenset({_PDF, "text/xml", "model/stl", "model/obj", "model/mtl"})
_STRUCTURED_REPORT = "1.2.840.10008.5.1.4.1.1.88."
_PLAIN_VALUES = {
    "TEXT": "TextValue",
    "PNAME": "PersonName",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "DateTime",
    "UIDREF": "UID",
}
_MAX_DEPTH = 64
_MOST_TEXT = 4 * 1024 * 1024
_CUT_OFF = "Not the whole document: it has more text than is shown. Retrieve the instance."
_MOST_DOCUMENT_BYTES = 256 * 1024 * 1024
# A document is the sender's: it may run nothing here.
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def is_document(instance: Instance) -> bool:
    return instance.sop_class_uid.startswith((_ENCAPSULATED, _STRUCTURED_REPORT))


def rendered_document(
    request: Request, instances: InstanceReader, instance: Instance, ranges: Sequence[MediaRange]
) -> Response:
    """The document of an instance that is one. Raises 406."""
    if instance.sop_class_uid.startswith(_ENCAPSULATED):
        return _encapsulated(request, instances, instance, ranges)
    return _report(request, instances, instance, ranges)


def report_text(header: Dataset) -> str:
    """The content tree of a structured report, a line for each item.

    Of more than four million characters the first ones, which say so before and behind.
    """
    title = _meaning(header, "ConceptNameCodeSequence") or "Structured report"
    lines: list[str] = []
    left = _MOST_TEXT
    for line in chain([title], _lines(header, 1)):
        if len(line) > left:
            return "\n".join([_CUT_OFF, *lines, line[:left], _CUT_OFF]) + "\n"
        lines.append(line)
        left -= len(line)
    return "\n".join(lines) + "\n"


def _encapsulated(
    request: Request, instances: InstanceReader, instance: Instance, ranges: Sequence[MediaRange]
) -> Response:
    if instance.size_bytes > _MOST_DOCUMENT_BYTES:
        raise _too_large()
    with one_at_a_time(instances, instance):
        return _whole_document(request, instances, instance, ranges)


def _whole_document(
    request: Request, instances: InstanceReader, instance: Instance, ranges: Sequence[MediaRange]
) -> Response:
    header, _ = read_header(instances, instance, "read")
    stated = str(header.get("MIMETypeOfEncapsulatedDocument") or _PDF).strip().lower()
    media_type = stated if stated in _DOCUMENT_TYPES else "application/octet-stream"
    choose_image(ranges, (media_type,))
    etag = etag_of(content_key(instance), media_type)
    if matches_etag(request, etag):
        return not_modified(etag)
    document = header.get("EncapsulatedDocument")
    if not document:
        raise NotFound(
            "The instance holds no document.", remedy="Ask the sending system to send it again."
        )
    if len(document) > _MOST_DOCUMENT_BYTES:
        raise _too_large()
    content = unpadded(header, bytes(document))
    check_bytes(get_settings(request), content)
    headers = caching_headers(etag)
    if media_type != _PDF:
        headers["Content-Disposition"] = "attachment"
        headers["Content-Security-Policy"] = _SANDBOX
    return held_answer(content, media_type, headers)


def _too_large() -> LimitExceeded:
    return LimitExceeded(
        f"The document has more than {_MOST_DOCUMENT_BYTES >> 20} MiB.",
        remedy="Retrieve the instance, or the document as its bulk data.",
    )


def _report(
    request: Request, instances: InstanceReader, instance: Instance, ranges: Sequence[MediaRange]
) -> Response:
    media_type = choose_image(ranges, _TEXTS)
    etag = etag_of(content_key(instance), media_type)
    if matches_etag(request, etag):
        return not_modified(etag)
    with one_at_a_time(instances, instance):
        header, _ = read_header(instances, instance)
        text = report_text(header)
    if media_type == "text/html":
        text = f'<!doctype html>\n<meta charset="utf-8">\n<pre>{html.escape(text)}</pre>\n'
    headers = {**caching_headers(etag), "Content-Security-Policy": _SANDBOX}
    return held_answer(text.encode(), media_type, headers)


def _lines(item: Dataset, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    for child in item.get("ContentSequence") or ():
        name = _meaning(child, "ConceptNameCodeSequence")
        value = _value(child)
        line = f"{name}: {value}" if name and value else name or value
        if line:
            yield "  " * depth + " ".join(line.split())
        yield from _lines(child, depth + 1)


def _value(item: Dataset) -> str:
    kind = str(item.get("ValueType") or "")
    if kind == "NUM":
        return _number(item)
    if kind == "CODE":
        return _meaning(item, "ConceptCodeSequence")
    if kind in ("IMAGE", "COMPOSITE"):
        reference = (item.get("ReferencedSOPSequence") or [Dataset()])[0]
        return str(reference.get("ReferencedSOPInstanceUID") or "")
    value = str(item.get(_PLAIN_VALUES.get(kind, "")) or "")
    return value.replace("^", " ") if kind == "PNAME" else value


def _number(item: Dataset) -> str:
    measured = (item.get("MeasuredValueSequence") or [Dataset()])[0]
    value = measured.get("NumericValue")
    unit = (measured.get("MeasurementUnitsCodeSequence") or [Dataset()])[0].get("CodeValue") or ""
    return f"{value} {unit}".strip() if value not in (None, "") else ""


def _meaning(item: Dataset, keyword: str) -> str:
    code = (item.get(keyword) or [Dataset()])[0]
    return str(code.get("CodeMeaning") or code.get("CodeValue") or "")
