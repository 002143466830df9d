"""PNG and JPEG files as pictures: within the pixel budget, upright, in RGB."""

import io
import warnings
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from storage.core.errors import InvalidRequest, LimitExceeded
from storage.pixels.processes import budget, run
from storage.processes.limited import TaskFailed

FORMATS = ("PNG", "JPEG")
BROKEN = (UnidentifiedImageError, OSError, SyntaxError)
"""What Pillow raises about a file that it cannot read."""


def open_picture(
    data: bytes,
    *,
    thing: str = "image",
    unreadable: str = "The file is not a readable PNG or JPEG.",
) -> Image.Image:
    """Turned as its EXIF orientation says. Raises InvalidRequest, LimitExceeded."""
    refusal = InvalidRequest(unreadable, remedy="Export it again and send it again.")
    try:
        columns, rows = checked_size(io.BytesIO(data), thing=thing)
        values, body = run(
            "storage.pixels.tasks:open_picture", data, unreadable, answer_bytes=3 * columns * rows
        )
    except LimitExceeded:
        raise
    except (*BROKEN, TaskFailed) as error:
        raise refusal from error
    width, height = values["size"]
    return Image.frombytes("RGB", (int(width), int(height)), bytes(body))


def checked_size(file: BinaryIO, *, thing: str = "image", verify: bool = False) -> tuple[int, int]:
    """Columns and rows by the file's header, without decoding it.

    `verify` also reads the chunks of a PNG. Raises LimitExceeded, and one of `BROKEN`.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of what the budget allows.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise LimitExceeded(
            f"The {thing} has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels.",
            remedy="Send a smaller one.",
        ) from error
    with image:
        budget().check_size(image.width, image.height, what=thing)
        if verify:
            image.verify()
        return image.width, image.height
