"""Several frames as one file that moves: GIF, and MP4 where PyAV is installed."""

from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from storage.pixels.budget import check_animation

GIF, MP4 = "image/gif", "video/mp4"
HAS_VIDEO = find_spec("av") is not None

_DEFAULT_FRAME_MS = 100.0


def frame_duration_ms(header: Dataset) -> float:
    """How long a frame shows (PS3.3 C.7.6.5), a tenth of a second where nothing says so."""
    for keyword, factor in (
        ("FrameTime", 1.0),
        ("RecommendedDisplayFrameRate", 0.0),
        ("CineRate", 0.0),
    ):
        try:
            value = float(header.get(keyword) or 0)
        except (TypeError, ValueError):
            continue
        if value > 0:
            duration = value * factor or 1000.0 / value
            return min(max(duration, 10.0), 10_000.0)
    return _DEFAULT_FRAME_MS


def animate(
    media_type: str, pictures: Iterator[Image.Image], count: int, duration_ms: float, quality: int
) -> bytes:
    """`count` pictures of one size as a file. Raises LimitExceeded."""
    first = next(pictures)
    check_animation(first.width, first.height, count)
    if media_type == MP4:
        return _mp4(first, pictures, duration_ms, quality)
    buffer = BytesIO()
    first.save(
        buffer, "GIF", save_all=True, append_images=pictures, duration=round(duration_ms), loop=0
    )
    return buffer.getvalue()


def _mp4(
    first: Image.Image, rest: Iterator[Image.Image], duration_ms: float, quality: int
) -> bytes:
    """H.264 where the build of PyAV has it, else MPEG-4 part 2; both sides made even."""
    from fractions import Fraction

    import av

    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    rate = Fraction(1000) / Fraction(round(duration_ms * 1000), 1000)
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = first.width + first.width % 2, first.height + first.height % 2
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 2
        # From the least to the greatest loss, over the range that is of use.
        loss = round(40 - quality * 0.3)
        if codec == "libx264":
            stream.options = {"crf": str(loss), "preset": "veryfast"}
        else:
            stream.bit_rate = stream.width * stream.height * 10
        for picture in _all(first, rest):
            padded = _even(picture.convert("RGB"))
            frame = av.VideoFrame.from_ndarray(np.asarray(padded), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


def _all(first: Image.Image, rest: Iterator[Image.Image]) -> Iterator[Image.Image]:
    yield first
    yield from rest


def _even(picture: Image.Image) -> Image.Image:
    if picture.width % 2 == 0 and picture.height % 2 == 0:
        return picture
    padded = Image.new(
        "RGB", (picture.width + picture.width % 2, picture.height + picture.height % 2)
    )
    padded.paste(picture, (0, 0))
    return padded
