"""A result object as the bytes of a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from pydicom.dataset import Dataset

_LARGE_BYTES = 1 << 20


def part10(dataset: Dataset) -> bytes:
    """With preamble and file meta (PS3.10 7.1)."""
    buffer = BytesIO()
    with _pixels_in_pieces(dataset):
        dataset.save_as(buffer, enforce_file_format=True)
    # Not a copy. A view would keep the buffer open, about which Python 3.13 complains when both
    # go as garbage.
    return buffer.getvalue()


@contextmanager
def _pixels_in_pieces(dataset: Dataset) -> Iterator[None]:
    """Let pydicom copy large pixels piece by piece; of bytes it would make two copies more."""
    pixels = dataset.get("PixelData")
    if not isinstance(pixels, bytes) or len(pixels) < _LARGE_BYTES:
        yield
        return
    dataset["PixelData"].value = BytesIO(pixels)
    try:
        yield
    finally:
        dataset["PixelData"].value = pixels
