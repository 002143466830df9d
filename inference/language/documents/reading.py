"""Read a PDF, PNG or JPEG: its own text where people see it, else what OCR sees.

Both happen in a decoding process (`tasks`), one page at a time.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from inference.imaging.picture_files import BROKEN, checked_size, open_picture
from inference.language.documents.page import Box, Line, Page, Word
from inference.language.documents.pdf_words import lines_of_words
from inference.language.documents.read_once import ReadOnce
from inference.language.documents.tasks import MAX_SIDE_PIXELS
from inference.language.documents.text_layer import compared, is_ocr_installed
from storage.core.errors import InvalidRequest
from storage.pixels.processes import run
from storage.processes.limited import TaskFailed

PDF_MARK = b"%PDF-"
UNREADABLE = "The file is not a readable PDF, PNG or JPEG."
_TASKS = "inference.language.documents.tasks"
# Scans are read smaller than they are: above this nothing is read better.
_READ_SIDE_PIXELS = 4000
_MAX_PAGE_BYTES = 3 * (MAX_SIDE_PIXELS + 1) ** 2
_MAX_PNG_BYTES = 64 << 20
_read_once = ReadOnce()


def tell_nobody(page_number: int, of: int) -> None:
    """For callers that do not follow the reading."""


def read_document(
    data: bytes, max_pages: int, on_page: Callable[[int, int], None] = tell_nobody
) -> tuple[list[Page], int]:
    """The first `max_pages` pages, and how many there are. Raises InvalidRequest, LimitExceeded."""
    if is_pdf(data):
        return _read_pdf(data, max_pages, on_page)
    return [_with_boxes(read_image(open_image(data), 1))], 1


def is_pdf(data: bytes) -> bool:
    return data[:1024].lstrip().startswith(PDF_MARK)


def _read_pdf(
    data: bytes, max_pages: int, on_page: Callable[[int, int], None]
) -> tuple[list[Page], int]:
    count = count_pdf_pages(data)
    wanted = min(count, max_pages)
    pages = []
    for number in range(1, wanted + 1):
        on_page(number, wanted)
        values, pixels = _task("pdf_page", data, number, answer_bytes=_MAX_PAGE_BYTES)
        width, height = values["size"]
        image = Image.frombytes("RGB", (int(width), int(height)), bytes(pixels))
        pages.append(_pdf_page(values, image, number))
    return pages, count


def _pdf_page(values: dict[str, Any], image: Image.Image, number: int) -> Page:
    """Its own text, as far as it is seen; where there is a picture in its place, what OCR sees."""
    lines = tuple(Line(str(text), _clipped(box), 1.0) for text, *box in values["lines"])
    words, layer = (
        tuple(Word(str(text), _clipped(box)) for text, *box in values[name])
        for name in ("words", "layer")
    )
    hidden = int(values["hidden"])
    if layer and not is_ocr_installed():
        lines += tuple(Line(*one, 1.0) for one in lines_of_words(layer, image.height / image.width))
        return Page(
            number,
            image,
            lines,
            is_read=False,
            words=words + layer,
            hidden_words=hidden,
            is_layer_unchecked=True,
        )
    if lines and not layer:
        return Page(number, image, lines, is_read=False, words=words, hidden_words=hidden)
    seen = read_image(image, number)
    if not layer:
        return replace(_with_boxes(seen), hidden_words=hidden)
    found = compared(words, layer, seen.lines)
    return Page(
        number,
        image,
        tuple(_in_order([*lines, *found.lines])) if lines else found.lines,
        is_read=not lines,
        words=words,
        lines_in_pictures=found.lines if lines else (),
        slope=seen.slope,
        hidden_words=hidden,
        layer_words_left_out=found.left_out,
    )


def page_png(data: bytes, page_number: int) -> bytes:
    """One page, counted from 1. Raises NotFound, InvalidRequest, LimitExceeded."""
    if is_pdf(data):
        _, png = _task("pdf_page_png", data, page_number, answer_bytes=_MAX_PNG_BYTES)
    else:
        _check_image(data)
        _, png = _task("picture_png", data, UNREADABLE, answer_bytes=_MAX_PNG_BYTES)
    return bytes(png)


def count_pdf_pages(data: bytes) -> int:
    """Raises InvalidRequest, LimitExceeded."""
    values, _ = _task("count_pdf_pages", data, answer_bytes=0)
    return int(values["count"])


def read_text_of_pdf(data: bytes) -> list[str]:
    """What it carries as text, seen or not, its metadata first; OCR reads nothing.

    Raises InvalidRequest.
    """
    values, _ = _task("pdf_text", data, answer_bytes=0)
    return [str(line) for line in values["lines"]]


def _task(name: str, *arguments: Any, answer_bytes: int) -> tuple[dict[str, Any], bytearray]:
    try:
        return run(f"{_TASKS}:{name}", *arguments, answer_bytes=answer_bytes)
    except TaskFailed as error:
        raise InvalidRequest(
            "The document cannot be read.", remedy="Export it again and send it again."
        ) from error


def open_image(data: bytes) -> Image.Image:
    """A scanned page. Raises InvalidRequest, LimitExceeded."""
    return open_picture(data, thing="page", unreadable=UNREADABLE)


def read_image(image: Image.Image, number: int) -> Page:
    """What OCR sees on it. Raises InvalidRequest, LimitExceeded."""
    shown = image.copy()
    shown.thumbnail((_READ_SIDE_PIXELS, _READ_SIDE_PIXELS), Image.Resampling.LANCZOS)
    width, height = shown.size
    pixels = shown.tobytes()

    def read() -> dict[str, Any]:
        return _task("read_text", pixels, width, height, answer_bytes=0)[0]

    values = _read_once.values(pixels, shown.size, read)
    lines = [
        Line(
            str(text),
            _clipped((left / width, top / height, right / width, bottom / height)),
            float(score),
        )
        for text, score, left, top, right, bottom in values["lines"]
    ]
    slope = float(values["slope"])
    return Page(number, image, tuple(_in_order(lines)), is_read=True, slope=slope)


def _with_boxes(page: Page) -> Page:
    # With scipy, which the API needs for nothing else.
    from inference.language.documents.seen_boxes import boxes_on, with_boxes

    boxes = boxes_on(page.image, page.lines)
    return replace(page, lines=tuple(_in_order(with_boxes(page.lines, boxes)))) if boxes else page


def _check_image(data: bytes) -> None:
    try:
        checked_size(io.BytesIO(data), thing="page")
    except BROKEN as error:
        raise InvalidRequest(UNREADABLE, remedy="Export it again and send it again.") from error


def _clipped(box: Sequence[float]) -> Box:
    left, top, right, bottom = (min(max(float(value), 0.0), 1.0) for value in box)
    return left, top, right, bottom


def _in_order(lines: list[Line]) -> list[Line]:
    """From top to bottom; pieces that stand side by side on one line from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda one: one.box[1]):
        middle = (line.box[1] + line.box[3]) / 2
        row = next((row for row in rows[-3:] if row[0].box[1] <= middle <= row[0].box[3]), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    return [line for row in rows for line in sorted(row, key=lambda one: one.box[0])]
