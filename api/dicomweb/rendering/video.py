"""Videos as they are stored: the MP4 file that their fragments make (PS3.5 8.2.7)."""

from collections.abc import Iterator, Sequence

from fastapi import Request, Response

from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.byte_ranges import requested_span
from api.dicomweb.formats.negotiation import MediaRange, choose_image
from api.dicomweb.formats.pieces import PiecesResponse, Stored
from api.dicomweb.formats.responses import caching_headers, etag_of, matches_etag, not_modified
from api.dicomweb.instances.cache import ByteCache
from api.dicomweb.instances.frames import VIDEO_SYNTAXES
from api.dicomweb.instances.pixel_layout import find_fragments, find_pixels
from api.dicomweb.lookups import content_key
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.dicom.file_meta import read_file_meta
from storage.integrity.instance_reader import InstanceReader

_MP4 = "video/mp4"
# MPEG-4 AVC/H.264 and HEVC/H.265, whose streams may be MP4 files; those of MPEG-2 never are.
_SYNTAXES = VIDEO_SYNTAXES[2:]
_FILE_META_BYTES = 4 * 1024
# An MP4 file begins with its File Type box (ISO/IEC 14496-12 4.3); a transport stream with 0x47.
_FILE_TYPE = slice(4, 8)

_found: ByteCache[str, tuple[tuple[int, int], ...]] = ByteCache(max_bytes=4 * 1024 * 1024)


def is_video(instance: Instance) -> bool:
    return instance.transfer_syntax_uid.startswith(_SYNTAXES)


def stored_video(
    request: Request, instances: InstanceReader, instance: Instance, ranges: Sequence[MediaRange]
) -> Response:
    """The video, or the one span of its bytes that is asked for. Raises 404, 406 and 416."""
    choose_image(ranges, (_MP4,))
    etag = etag_of(content_key(instance), _MP4)
    if matches_etag(request, etag):
        return not_modified(etag)
    fragments = _fragments(instances, instance)
    size_bytes = sum(length for _, length in fragments)
    span = requested_span(request, size_bytes, etag)
    headers = {**caching_headers(etag), "Accept-Ranges": "bytes"}
    start, end = (0, size_bytes) if span is None else (span.start, span.end)
    if span is not None:
        headers["Content-Range"] = span.content_range
    return PiecesResponse(
        instances,
        [Stored(instance, *piece) for piece in _within(fragments, start, end)],
        media_type=_MP4,
        headers=headers,
        status_code=200 if span is None else 206,
    )


def _fragments(instances: InstanceReader, instance: Instance) -> tuple[tuple[int, int], ...]:
    """Offset and length of each fragment of an MP4 file. Raises NotFound and 406."""
    known = _found.get(content_key(instance))
    if known is not None:
        return known

    def read(start: int, length: int) -> bytes:
        return instances.read(instance, start, length)

    meta = read_file_meta(read(0, min(_FILE_META_BYTES, instance.size_bytes)))
    layout = find_pixels(read, instance.size_bytes, meta)
    items = (
        find_fragments(read, instance.size_bytes, layout.value_offset)
        if layout is not None and layout.encapsulated
        else []
    )
    # The first item is the offset table.
    fragments = tuple(items[1:])
    if not fragments:
        raise NotFound(
            "The instance holds no video.", remedy="Ask the sending system to send it again."
        )
    if read(fragments[0][0], 12)[_FILE_TYPE] != b"ftyp":
        raise not_acceptable(
            "The video is a bare or transport stream and not an MP4 file: no browser plays it.",
            "Retrieve the instance and open it in another program.",
        )
    _found.put(content_key(instance), fragments, 256 + 120 * len(fragments))
    return fragments


def _within(
    fragments: Sequence[tuple[int, int]], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Where in the file the bytes of a span of the video stand."""
    at = 0
    for offset, length in fragments:
        first, last = max(start, at), min(end, at + length)
        if first < last:
            yield offset + first - at, last - first
        at += length
