"""WADO-RS: frames and bulk data (PS3.18 10.4.1.1.6, 10.4.1.1.5)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian
from starlette.concurrency import run_in_threadpool

from api.access.policy import READERS, policy
from api.audit_rules import Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.negotiation import OCTET_STREAM, accepted
from api.dicomweb.formats.pieces import Piece, PiecesResponse, Stored
from api.dicomweb.formats.responses import (
    caching_headers,
    etag_of,
    matches_etag,
    not_modified,
)
from api.dicomweb.instances.frame_numbers import parse_frame_numbers
from api.dicomweb.instances.frames import FrameSource, known_frames, open_frames
from api.dicomweb.instances.headers import header_before, read_header
from api.dicomweb.lookups import (
    content_key,
    find_instance,
    find_instance_soon,
    instance_path,
    service_url,
)
from api.dicomweb.rendering.pixels import decode_frame, encode_frame, native_bytes
from api.dicomweb.retrieval.frame_answer import made_frames
from api.dicomweb.retrieval.frame_formats import FrameFormat, choose_frames
from api.dicomweb.routing import dicomweb_router
from storage.audit import Code
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.dicom.byte_order import little_endian_bytes
from storage.dicom.long_values import Unread, unread
from storage.integrity.instance_reader import InstanceReader

router = dicomweb_router()

_INSTANCE = (
    "/studies/{study_instance_uid}/series/{series_instance_uid}/instances/{sop_instance_uid}"
)
_PIXEL_TAGS = frozenset({"7FE00010", "7FE00008", "7FE00009"})
_PIECE_BYTES = 1024 * 1024
_FEW = 64
"""Frames whose places are put together without a thread of their own."""


@router.get(_INSTANCE + "/frames/{frame_list}")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="frames"))
async def retrieve_frames(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    frame_list: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """One or several frames, each read by its byte range alone."""
    indices = parse_frame_numbers(frame_list)
    instance = await find_instance_soon(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    answer = choose_frames(accepted(request), instance.transfer_syntax_uid)
    etag = frames_etag(instance, frame_list, answer)
    if matches_etag(request, etag):
        return not_modified(etag)
    # Most frames leave as they lie in the file, so nothing is left that would need a thread.
    source = known_frames(storage.instances, instance)
    if source is None or len(indices) > _FEW:
        source = await run_in_threadpool(open_frames, storage.instances, instance)
        url = f"{service_url(request, storage.settings)}{instance_path(instance)}"
        return await run_in_threadpool(
            _frames, storage.instances, instance, source, indices, answer, etag, url
        )
    url = f"{service_url(request, storage.settings)}{instance_path(instance)}"
    stored = _stored_frames(storage.instances, instance, source, indices, answer, etag, url)
    if stored is not None:
        return stored
    return await run_in_threadpool(
        _frames, storage.instances, instance, source, indices, answer, etag, url
    )


def frames_etag(instance: Instance, what: str, answer: FrameFormat) -> str:
    form = f"{answer.media_type} {answer.transfer_syntax_uid} {answer.multipart} {answer.decode}"
    return etag_of(content_key(instance), what, form)


def _stored_frames(
    instances: InstanceReader,
    instance: Instance,
    source: FrameSource,
    indices: Sequence[int],
    answer: FrameFormat,
    etag: str,
    instance_url: str,
) -> PiecesResponse | None:
    """Frames straight out of the file; None where their bytes are not as stored."""
    if answer.decode or not (answer.multipart or len(indices) == 1):
        return None
    writer = MultipartWriter(answer.media_type)
    part_type = f"{answer.media_type}; transfer-syntax={answer.transfer_syntax_uid}"
    pieces: list[Piece] = []
    for index in indices:
        ranges = source.ranges(index)
        if ranges is None:
            return None
        if answer.multipart:
            length = sum(length for _, length in ranges)
            pieces.append(writer.part_header(part_type, length, _frame_url(instance_url, index)))
        pieces += [Stored(instance, start, length) for start, length in ranges]
    if answer.multipart:
        pieces.append(writer.end)
    return PiecesResponse(
        instances,
        pieces,
        media_type=writer.content_type if answer.multipart else part_type,
        headers=caching_headers(etag),
    )


def _frames(
    instances: InstanceReader,
    instance: Instance,
    source: FrameSource,
    indices: Sequence[int],
    answer: FrameFormat,
    etag: str,
    instance_url: str,
) -> Response:
    stored = _stored_frames(instances, instance, source, indices, answer, etag, instance_url)
    if stored is not None:
        return stored
    for index in indices:
        source.size_bytes(index)  # refuses a frame that is not there before anything is sent
    header: Dataset | None = None
    if answer.decode:
        header = header_before(instances, instance, source.layout)

    def frame(index: int) -> bytes | memoryview:
        if header is None:
            return source.frame(index)
        if answer.encode:
            target = answer.transfer_syntax_uid
            return encode_frame(source, header, instance.transfer_syntax_uid, index, target)
        array = decode_frame(source, header, instance.transfer_syntax_uid, index)
        return native_bytes(array, header)

    if not answer.multipart and len(indices) > 1:
        raise not_acceptable(
            f"{len(indices)} frames cannot leave as one body.",
            f'Accept multipart/related; type="{answer.media_type}".',
        )
    decoded_bytes = 0 if header is None else source.layout.frame_bits // 8
    address = partial(_frame_url, instance_url)
    return made_frames(frame, indices, answer, caching_headers(etag), address, decoded_bytes)


def _frame_url(instance_url: str, index: int) -> str:
    """Where a part comes from by itself (PS3.18 8.6.1.2.1)."""
    return f"{instance_url}/frames/{index + 1}"


@router.get(_INSTANCE + "/bulkdata/{element_path:path}")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="bulk data"))
def retrieve_bulkdata(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    element_path: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """The value that a BulkDataURI of the metadata names; pixel data frame by frame."""
    instance = find_instance(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    instance_url = f"{service_url(request, storage.settings)}{instance_path(instance)}"
    url = f"{instance_url}/bulkdata/{quote(element_path)}"
    if element_path.upper() in _PIXEL_TAGS:
        answer = choose_frames(accepted(request), instance.transfer_syntax_uid)
        etag = frames_etag(instance, element_path, answer)
        if matches_etag(request, etag):
            return not_modified(etag)
        source = open_frames(storage.instances, instance)
        layout = source.layout
        if layout.encapsulated or answer.encode:
            indices = range(layout.number_of_frames)
            return _frames(storage.instances, instance, source, indices, answer, etag, instance_url)
        if source.is_stored_as_sent:
            pixels = Stored(instance, layout.value_offset, layout.length)
            return _stored_value(storage.instances, pixels, answer, etag, url)
        return _value(source.native_pieces(), answer, layout.length, etag, url)
    answer = choose_frames(accepted(request), "1.2.840.10008.1.2.1")
    etag = frames_etag(instance, element_path.replace("/", "."), answer)
    if matches_etag(request, etag):
        return not_modified(etag)
    value = element_value(storage.instances, instance, element_path)
    return _value(value.pieces, answer, value.length, etag, url)


def _stored_value(
    instances: InstanceReader, value: Stored, answer: FrameFormat, etag: str, url: str
) -> PiecesResponse:
    part_type = f"{OCTET_STREAM}; transfer-syntax={answer.transfer_syntax_uid}"
    pieces: list[Piece] = [value]
    media_type = part_type
    if answer.multipart:
        writer = MultipartWriter(OCTET_STREAM)
        pieces = [writer.part_header(part_type, value.length, url), value, writer.end]
        media_type = writer.content_type
    headers = caching_headers(etag)
    return PiecesResponse(instances, pieces, media_type=media_type, headers=headers)


def _value(
    pieces: Iterator[bytes], answer: FrameFormat, length: int, etag: str, url: str
) -> Response:
    headers = caching_headers(etag)
    part_type = f"{OCTET_STREAM}; transfer-syntax={answer.transfer_syntax_uid}"
    if not answer.multipart:
        headers["Content-Length"] = str(length)
        return StreamingResponse(pieces, media_type=part_type, headers=headers)
    writer = MultipartWriter(OCTET_STREAM)
    head = writer.part_header(part_type, length, url)
    headers["Content-Length"] = str(len(head) + length + len(writer.end))

    def message() -> Iterator[bytes]:
        yield head
        yield from pieces
        yield writer.end

    return StreamingResponse(message(), media_type=writer.content_type, headers=headers)


@dataclass(frozen=True)
class ElementValue:
    """A value in little endian, in pieces."""

    length: int
    pieces: Iterator[bytes]


def element_value(instances: InstanceReader, instance: Instance, element_path: str) -> ElementValue:
    """The value at `TAG/ITEM/TAG…` that the metadata give by address. Raises NotFound."""
    missing = NotFound(
        "The instance has no binary value at that path.",
        remedy="Use the BulkDataURI as its metadata give it.",
    )
    is_deflated = instance.transfer_syntax_uid == DeflatedExplicitVRLittleEndian
    # Inflated it lies in memory already, and in no place of the file.
    dataset, _ = read_header(instances, instance, "read" if is_deflated else "noted")
    *steps, last = element_path.split("/")
    try:
        for tag, number in zip(steps[::2], steps[1::2], strict=True):
            dataset = dataset[int(tag, 16)].value[int(number) - 1]
        raw = dataset.get_item(int(last, 16))
        long = unread(raw)
        if long is not None:
            return ElementValue(long.length, _pieces(instances, instance, long))
        element = dataset[int(last, 16)]
    except (ValueError, KeyError, IndexError, TypeError, OverflowError):
        raise missing from None
    value = raw.value if raw is not None else None
    if not isinstance(value, bytes):
        raise missing
    little_endian = bool(getattr(raw, "is_little_endian", True))
    value = little_endian_bytes(str(element.VR), value, little_endian)
    return ElementValue(len(value), iter((value,)))


def _pieces(instances: InstanceReader, instance: Instance, long: Unread) -> Iterator[bytes]:
    for start in range(0, long.length, _PIECE_BYTES):
        size = min(_PIECE_BYTES, long.length - start)
        piece = instances.read(instance, long.offset + start, size)
        yield little_endian_bytes(long.vr, piece, long.is_little_endian)
