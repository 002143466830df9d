"""Read a PDF, PNG or JPEG: its own text where it carries one, else what OCR sees.

OCR is RapidOCR, whose weights come with its package; nothing leaves the node.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from inference.language.documents.page import Box, Line, Page
from inference.picture_files import open_picture
from storage.errors import InvalidRequest, NotFound

PDF_MARK = b"%PDF-"
# Points are 1/72 inch; OCR wants letters of some twenty pixels.
_DOTS_PER_INCH = 200
_MAX_SIDE_PIXELS = 5000
# Scans are read smaller than they are: above this nothing is read better.
_READ_SIDE_PIXELS = 4000
_LEAST_CONFIDENCE = 0.5
_reader: list[Any] = []
_lock = threading.Lock()


def tell_nobody(page_number: int, of: int) -> None:
    """For callers that do not follow the reading."""


def read_document(
    data: bytes, max_pages: int, on_page: Callable[[int, int], None] = tell_nobody
) -> tuple[list[Page], int]:
    """The first `max_pages` pages, and how many there are. Raises InvalidRequest, LimitExceeded."""
    if data[:1024].lstrip().startswith(PDF_MARK):
        return _read_pdf(data, max_pages, on_page)
    return [_read_image(open_image(data), 1)], 1


def _read_pdf(
    data: bytes, max_pages: int, on_page: Callable[[int, int], None]
) -> tuple[list[Page], int]:
    with _opened(data) as document:
        count = len(document)
        drawn = []
        for index in range(min(count, max_pages)):
            page = document[index]
            lines = tuple(_text_lines(page))
            drawn.append((_drawn(page), lines))
    pages = []
    for number, (image, lines) in enumerate(drawn, start=1):
        on_page(number, len(drawn))
        if lines:
            pages.append(Page(number, image, lines, is_read=False))
        else:
            pages.append(_read_image(image, number))
    return pages, count


def draw_pdf_page(data: bytes, page_number: int) -> Image.Image:
    """One page, counted from 1. Raises NotFound, InvalidRequest."""
    with _opened(data) as document:
        if not 1 <= page_number <= len(document):
            raise NotFound(
                f"The document has {len(document)} pages; there is no page {page_number}.",
                remedy="Count pages from 1.",
            )
        return _drawn(document[page_number - 1])


def count_pdf_pages(data: bytes) -> int:
    """Raises InvalidRequest."""
    with _opened(data) as document:
        return len(document)


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    """A PDF, for one thread at a time: PDFium is not safe for more."""
    import pypdfium2 as pdfium

    with _lock:
        try:
            document = pdfium.PdfDocument(data)
            try:
                yield document
            finally:
                document.close()
        except pdfium.PdfiumError as error:
            raise InvalidRequest(
                "The PDF is damaged or locked by a password.",
                remedy="Export it again, without a password.",
            ) from error


def _drawn(page: Any) -> Image.Image:
    width, height = page.get_size()
    scale = min(_DOTS_PER_INCH / 72, _MAX_SIDE_PIXELS / max(width, height, 1))
    image: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
    return image


def _text_lines(page: Any) -> Iterator[Line]:
    """The text that the page itself carries, line by line."""
    width, height = page.get_size()
    text_page = page.get_textpage()
    try:
        for index in range(text_page.count_rects()):
            left, bottom, right, top = text_page.get_rect(index)
            text = text_page.get_text_bounded(left, bottom, right, top).strip()
            if text:
                box = (left / width, 1 - top / height, right / width, 1 - bottom / height)
                yield Line(" ".join(text.split()), _clipped(box), 1.0)
    finally:
        text_page.close()


def open_image(data: bytes) -> Image.Image:
    """A scanned page. Raises InvalidRequest, LimitExceeded."""
    return open_picture(
        data,
        thing="page",
        unreadable="The file is no readable PDF, PNG or JPEG.",
    )


def _read_image(image: Image.Image, number: int) -> Page:
    shown = image.copy()
    shown.thumbnail((_READ_SIDE_PIXELS, _READ_SIDE_PIXELS), Image.Resampling.LANCZOS)
    # OpenCV's order of colours.
    pixels = np.ascontiguousarray(np.asarray(shown)[:, :, ::-1])
    found = _ocr()(pixels)
    # Where nothing was seen, all three are None.
    seen = zip(found.boxes, found.txts, found.scores, strict=True) if found.txts else ()
    lines = [
        Line(str(text), _box_of(corners, shown.size), float(score))
        for corners, text, score in seen
        if float(score) >= _LEAST_CONFIDENCE and str(text).strip()
    ]
    return Page(number, image, tuple(_in_order(lines)), is_read=True)


def _ocr() -> Any:
    """Loaded when first asked, and kept: 250 MB."""
    with _lock:
        if not _reader:
            from rapidocr import RapidOCR

            _reader.append(RapidOCR(params={"Global.log_level": "error"}))
        return _reader[0]


def _box_of(corners: Any, size: tuple[int, int]) -> Box:
    points = np.asarray(corners, float)
    width, height = size
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return _clipped((left / width, top / height, right / width, bottom / height))


def _clipped(box: tuple[float, ...]) -> Box:
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
