"""Videos as they are stored: the MP4 file that their fragments make (PS3.5 8.2.7)."""

from collections.abc import Iterator, Sequence

import numpy as np
from fastapi import Request, Response

from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.byte_ranges import requested_span
from api.dicomweb.formats.negotiation import MediaRange, choose_image
from api.dicomweb.formats.pieces import PiecesResponse, Stored
from api.dicomweb.formats.responses import caching_headers, etag_of, matches_etag, not_modified
from api.dicomweb.instances.cache import ByteCache
from api.dicomweb.instances.fragments import Fragments, find_fragments
from api.dicomweb.instances.frames import VIDEO_SYNTAXES
from api.dicomweb.instances.pixel_layout import find_pixels
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

_found: ByteCache[str, Fragments] = ByteCache(max_bytes=64 * 1024 * 1024)


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
    size_bytes = int(fragments.lengths.sum())
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


def _fragments(instances: InstanceReader, instance: Instance) -> Fragments:
    """Those of an MP4 file that hold something. Raises NotFound and 406."""
    known = _found.get(content_key(instance))
    if known is not None:
        return known

    def read(start: int, length: int) -> bytes:
        return instances.read(instance, start, length)

    meta = read_file_meta(read(0, min(_FILE_META_BYTES, instance.size_bytes)))
    layout = find_pixels(read, instance.size_bytes, meta)
    fragments = None
    if layout is not None and layout.encapsulated:
        found = find_fragments(read, instance.size_bytes, layout.value_offset)
        fragments = found.without_empty()
    if not fragments:
        raise NotFound(
            "The instance holds no video.", remedy="Ask the sending system to send it again."
        )
    if read(int(fragments.offsets[0]), 12)[_FILE_TYPE] != b"ftyp":
        raise not_acceptable(
            "The video is a bare or transport stream and not an MP4 file: no browser plays it.",
            "Retrieve the instance and open it in another program.",
        )
    _found.put(content_key(instance), fragments, fragments.size_in_memory_bytes)
    return fragments


def _within(fragments: Fragments, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where in the file the bytes of a span of the video stand."""
    ends = np.cumsum(fragments.lengths)
    first = int(np.searchsorted(ends, start, side="right"))
    for index in range(first, len(fragments)):
        length = int(fragments.lengths[index])
        at = int(ends[index]) - length
        if at >= end:
            return
        skipped = max(start - at, 0)
        yield int(fragments.offsets[index]) + skipped, min(end - at, length) - skipped
