"""What reads documents, in a decoding process: PDFium and OCR are native code, and documents
come from outside.

OCR is RapidOCR, whose weights come with its package; nothing leaves the node.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from inference.language.documents.pdf_words import (
    letters_of_pdf_page,
    lines_of_words,
    shape_of,
    words_of_pdf_page,
)
from inference.language.documents.visible_letters import draw_and_look, seen_words, unseen_words
from storage.core.errors import InvalidRequest, NotFound
from storage.pixels import tasks

# Points are 1/72 inch; OCR wants letters of some twenty pixels.
_DOTS_PER_INCH = 200
MAX_SIDE_PIXELS = 5000
_MAX_PNG_SIDE_PIXELS = 2000
_LEAST_CONFIDENCE = 0.5
# More than that (11 degrees) is no page that lies askew.
_MOST_SLOPE = 0.2

Box = tuple[float, float, float, float]


def pdf_page(data: bytes, page_number: int) -> tuple[dict[str, Any], bytes]:
    """One page, counted from 1, as RGB, with its own text as far as it is seen, line by line; text
    that lies above a picture; how many words are not seen; and how many pages there are.

    Raises NotFound, InvalidRequest.
    """
    with _opened(data) as document:
        page = _page(document, page_number)
        shape = shape_of(page)
        drawn = draw_and_look(page, list(letters_of_pdf_page(page)), _drawn)
        words = seen_words(drawn, shape)
        layer, hidden = unseen_words(drawn, shape)
        values = {
            "count": len(document),
            "size": list(drawn.image.size),
            "lines": [[text, *box] for text, box in lines_of_words(words, shape)],
            "words": [[text, *box] for text, box in words],
            "layer": [[text, *box] for text, box in layer],
            "hidden": hidden,
        }
        return values, drawn.image.tobytes()


def pdf_text(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The text that the document carries, seen or not, its metadata first. Raises InvalidRequest.

    For what must find all that leaves, and for nothing that is stated to people.
    """
    with _opened(data) as document:
        lines = [value for value in document.get_metadata_dict().values() if value]
        for page in document:
            words = list(words_of_pdf_page(page))
            lines += [text for text, _ in lines_of_words(words, shape_of(page))]
        return {"lines": lines}, b""


def count_pdf_pages(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Raises InvalidRequest."""
    with _opened(data) as document:
        return {"count": len(document)}, b""


def pdf_page_png(data: bytes, page_number: int) -> tuple[dict[str, Any], bytes]:
    """One page as PNG for people, at most 2000 pixels wide or high. Raises as `pdf_page`."""
    with _opened(data) as document:
        return {}, _png(_drawn(_page(document, page_number)))


def picture_png(data: bytes, unreadable: str) -> tuple[dict[str, Any], bytes]:
    """A PNG or JPEG in that size. Raises InvalidRequest."""
    values, pixels = tasks.open_picture(data, unreadable)
    width, height = values["size"]
    return {}, _png(Image.frombytes("RGB", (width, height), pixels))


def read_text(pixels: bytes, width: int, height: int) -> tuple[dict[str, Any], bytes]:
    """What OCR sees on an RGB image: text, confidence and the box in pixels of each line."""
    # OpenCV's order of colours.
    shown = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)[:, :, ::-1]
    found = _ocr()(np.ascontiguousarray(shown))
    # Where nothing was seen, all three are None.
    seen = zip(found.boxes, found.txts, found.scores, strict=True) if found.txts else ()
    lines = []
    slopes = []
    for corners, text, score in seen:
        if float(score) >= _LEAST_CONFIDENCE and str(text).strip():
            points = np.asarray(corners, float)
            box = [*points.min(0).tolist(), *points.max(0).tolist()]
            lines.append([str(text), float(score), *box])
            slopes.append(_slope(points))
    return {"lines": lines, "slope": _middle_slope(slopes)}, b""


def _slope(corners: Any) -> tuple[float, float]:
    """How far a line falls for each pixel to the right, and its width."""
    (left, left_top), (right, right_top) = corners[:2]
    width = float(right - left)
    return (float(right_top - left_top) / width if width > 0 else 0.0), width


def _middle_slope(slopes: list[tuple[float, float]]) -> float:
    """That of the middle one of the longer half of the lines: short ones are measured badly."""
    longest = sorted(slopes, key=lambda one: -one[1])[: max(len(slopes) // 2, 1)]
    slope = float(np.median([one for one, _ in longest])) if longest else 0.0
    return slope if abs(slope) < _MOST_SLOPE else 0.0


@lru_cache(maxsize=1)
def _ocr() -> Any:
    """Loaded when first asked, and kept: 250 MB."""
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1}
    return RapidOCR(params={"Global.log_level": "error", **threads})


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    import pypdfium2 as pdfium

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


def _page(document: Any, page_number: int) -> Any:
    if not 1 <= page_number <= len(document):
        raise NotFound(
            f"The document has {len(document)} pages; there is no page {page_number}.",
            remedy="Count pages from 1.",
        )
    return document[page_number - 1]


def _drawn(page: Any) -> Image.Image:
    width, height = page.get_size()
    scale = min(_DOTS_PER_INCH / 72, MAX_SIDE_PIXELS / max(width, height, 1))
    image: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
    return image


def _png(image: Image.Image) -> bytes:
    image.thumbnail((_MAX_PNG_SIDE_PIXELS,) * 2, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
