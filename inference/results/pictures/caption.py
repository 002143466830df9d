"""What is burned into a picture: directions, a line for each number, whose result it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from storage.core.text.outside_text import clean_text

_MARGIN_PIXELS = 8
_LINE_PIXELS = 18
_SWATCH_PIXELS = 10
_FOOTER_PIXELS = 22
_SMALLEST_FONT = 7
# With more lines than this, two stand beside each other.
_LINES_IN_ONE_COLUMN = 6
_YELLOW, _WHITE = (255, 214, 10), (255, 255, 255)
_NEGATIVE, _POSITIVE = ("R", "A", "F"), ("L", "P", "H")

Letters = tuple[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Line:
    """One number of one segment, beside its colour."""

    text: str
    color_rgb: tuple[int, int, int]


def letters(lps_from_kji: NDArray[np.float64]) -> Letters:
    """Where a row begins and ends, and where a column does (PS3.3 C.7.6.1.1.1)."""
    pairs = []
    for direction in (lps_from_kji[:3, 2], lps_from_kji[:3, 1]):
        axis = int(np.abs(direction).argmax())
        pair = (_NEGATIVE[axis], _POSITIVE[axis])
        pairs.append(pair if direction[axis] > 0 else pair[::-1])
    return pairs[0], pairs[1]


def captioned(
    image: Image.Image, along: Letters, lines: Sequence[Line], footer: str
) -> Image.Image:
    """The image with letters at its edges, and below it the lines and the footer."""
    columns = 2 if len(lines) > _LINES_IN_ONE_COLUMN else 1
    rows = -(-len(lines) // columns)
    height = image.height + rows * _LINE_PIXELS + _FOOTER_PIXELS
    canvas = Image.new("RGB", (image.width, height))
    canvas.paste(image)
    draw = ImageDraw.Draw(canvas)
    _letter_edges(draw, image, along)
    width = image.width // columns
    for number, line in enumerate(lines):
        column, row = divmod(number, rows)
        _write(draw, line, (column * width, image.height + row * _LINE_PIXELS), width)
    footer = clean_text(footer)
    font = _fitting(draw, footer, 12, image.width - _MARGIN_PIXELS)
    foot = _MARGIN_PIXELS, height - _FOOTER_PIXELS / 2
    draw.text(foot, footer, fill=_YELLOW, font=font, anchor="lm")
    return canvas


def _letter_edges(draw: ImageDraw.ImageDraw, image: Image.Image, along: Letters) -> None:
    font = ImageFont.load_default(14)
    (left, right), (top, bottom) = along
    middle = image.width / 2, image.height / 2
    for text, place, anchor in (
        (left, (_MARGIN_PIXELS, middle[1]), "lm"),
        (right, (image.width - _MARGIN_PIXELS, middle[1]), "rm"),
        (top, (middle[0], _MARGIN_PIXELS), "mt"),
        (bottom, (middle[0], image.height - _MARGIN_PIXELS), "mb"),
    ):
        draw.text(place, text, fill=_WHITE, font=font, anchor=anchor)


def _write(draw: ImageDraw.ImageDraw, line: Line, place: tuple[int, int], width: int) -> None:
    x, y = place[0] + _MARGIN_PIXELS, place[1] + _LINE_PIXELS / 2
    half = _SWATCH_PIXELS / 2
    draw.rectangle((x, y - half, x + _SWATCH_PIXELS, y + half), fill=line.color_rgb)
    x += _SWATCH_PIXELS + _MARGIN_PIXELS
    # The font knows no superscript.
    text = clean_text(line.text).replace("³", "3")
    font = _fitting(draw, text, 13, place[0] + width - x)
    draw.text((x, y), text, fill=_WHITE, font=font, anchor="lm")


def _fitting(
    draw: ImageDraw.ImageDraw, text: str, size: float, width: float
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Smaller rather than cut off: what matters may stand at the end."""
    font = ImageFont.load_default(size)
    while size > _SMALLEST_FONT and draw.textlength(text, font) > width:
        size -= 1
        font = ImageFont.load_default(size)
    return font
