"""An answer of frames that are made for it, one after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext

from fastapi import Response
from fastapi.responses import StreamingResponse

from api.dicomweb.formats.held_answers import held_stream, holding, pieces_of
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.retrieval.frame_formats import FrameFormat

LARGE_FRAME_BYTES = 64 * 1024 * 1024
"""A decoded frame that is larger is counted while it is made and sent."""


def made_frames(
    make: Callable[[int], bytes | memoryview],
    indices: Sequence[int],
    answer: FrameFormat,
    headers: Mapping[str, str],
    address: Callable[[int], str],
    decoded_bytes: int,
) -> Response:
    """`decoded_bytes`: of one frame, 0 where none is decoded.

    Raises what `make` raises for the first, and TooManyRequests while others take their large ones.
    """
    part_type = f"{answer.media_type}; transfer-syntax={answer.transfer_syntax_uid}"
    is_large = decoded_bytes > LARGE_FRAME_BYTES
    # The first is made before the answer begins, so that an undecodable one is refused cleanly.
    with holding(decoded_bytes) if is_large else nullcontext():
        first = make(indices[0])
    writer = MultipartWriter(answer.media_type) if answer.multipart else None

    def pieces(body: bytes | memoryview) -> Iterator[bytes]:
        for index in indices:
            if index != indices[0]:
                body = make(index)
            if writer is not None:
                yield writer.part_header(part_type, len(body), address(index))
            yield from pieces_of(body)
        if writer is not None:
            yield writer.end

    media_type = part_type if writer is None else writer.content_type
    if is_large:
        return held_stream(pieces(first), decoded_bytes, media_type, headers)
    if len(indices) == 1:
        return Response(b"".join(pieces(first)), media_type=media_type, headers=dict(headers))
    return StreamingResponse(pieces(first), media_type=media_type, headers=dict(headers))
