"""PNG and JPEG files as pictures: of a sane size, upright, in RGB."""

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from storage.errors import InvalidRequest, LimitExceeded

FORMATS = ("PNG", "JPEG")
MOST_PIXELS = 100_000_000
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError)


def open_picture(
    data: bytes,
    *,
    thing: str = "image",
    unreadable: str = "The file is not a readable PNG or JPEG.",
    most_pixels: int = MOST_PIXELS,
    smaller: str = "Send a smaller image.",
) -> Image.Image:
    """Turned as its EXIF orientation says. Raises InvalidRequest, LimitExceeded."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise LimitExceeded(
                    f"The {thing} has {image.width} × {image.height} pixels; {most_pixels:,} is the"
                    " most taken.",
                    remedy=smaller,
                )
            return ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError as error:
        raise LimitExceeded(
            f"The {thing} has more than {most_pixels:,} pixels, which is the most taken.",
            remedy=smaller,
        ) from error
    except _BROKEN as error:
        raise InvalidRequest(unreadable, remedy="Export it again and send it again.") from error
