"""Documents that anyone may upload cost the node neither its memory nor its time.

What reads them runs in a decoding process, whose memory and time are bounded; here as a worker
has it, with the limits of a small one.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator

import pytest

from inference.language.documents.reading import read_document
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.pixels.processes import DecodingLimits, configure
from tests.attacks.support.running_api import MIB, watched_process

pytestmark = pytest.mark.fault
MEMORY_BYTES, TIME_S = 768 * MIB, 6.0
# The decoding process itself and what is sent back of a page that is read.
RISE_BYTES = MEMORY_BYTES + 300 * MIB
# Counting, drawing and reading are tasks of their own, and a process that was ended starts again.
WITHIN_S = 5 * TIME_S
_GIB = 1 << 30


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    configure(DecodingLimits(processes=1, memory_bytes=MEMORY_BYTES, time_s=TIME_S))
    yield
    configure(DecodingLimits())


def deflated(size_bytes: int) -> bytes:
    """Zeros."""
    made = zlib.compressobj(9)
    piece = bytes(MIB)
    return b"".join(made.compress(piece) for _ in range(size_bytes // MIB)) + made.flush()


def pdf(*objects: bytes) -> bytes:
    """Objects by their numbers, from 1; the first one is the catalogue."""
    body, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
    return body + table + trailer % (len(objects) + 1, len(body))


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d /Filter /FlateDecode %s >>\nstream\n%s\nendstream" % (
        len(content),
        entries,
        content,
    )


_CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
_ONE_PAGE = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"


def page(entries: bytes, box: bytes = b"0 0 600 800") -> bytes:
    return b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] %s >>" % (box, entries)


def pdf_of_a_long_page() -> bytes:
    """Two GiB of instructions, all blanks."""
    return pdf(_CATALOGUE, _ONE_PAGE, page(b"/Contents 4 0 R"), stream(deflated(2 * _GIB)))


def pdf_of_a_large_picture() -> bytes:
    entries = b"/Type /XObject /Subtype /Image /Width 40000 /Height 40000 /BitsPerComponent 8"
    return pdf(
        _CATALOGUE,
        _ONE_PAGE,
        page(b"/Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >>"),
        stream(zlib.compress(b"600 0 0 800 0 0 cm /I Do")),
        stream(deflated(1600 * MIB), entries + b" /ColorSpace /DeviceGray"),
    )


def pdf_of_a_large_sheet() -> bytes:
    return pdf(_CATALOGUE, _ONE_PAGE, page(b"", b"0 0 2000000000 2000000000"))


def pdf_of_forms_in_forms() -> bytes:
    """Each draws the next ten times: 10^9 pieces on one page."""
    entries = b"/Type /XObject /Subtype /Form /BBox [0 0 600 800]"
    forms = [
        stream(
            zlib.compress(b"/F Do " * 10),
            entries + b" /Resources << /XObject << /F %d 0 R >> >>" % (number + 1),
        )
        for number in range(5, 14)
    ]
    return pdf(
        _CATALOGUE,
        _ONE_PAGE,
        page(b"/Contents 4 0 R /Resources << /XObject << /F 5 0 R >> >>"),
        stream(zlib.compress(b"/F Do")),
        *forms,
        stream(zlib.compress(b"0 0 100 100 re f"), entries),
    )


def png(columns: int, rows: int) -> bytes:
    """One bit a pixel, all black."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        summed = struct.pack(">L", zlib.crc32(kind + content))
        return struct.pack(">L", len(content)) + kind + content + summed

    header = struct.pack(">LLBBBBB", columns, rows, 1, 0, 0, 0, 0)
    pixels = deflated((columns // 8 + 1) * rows // MIB * MIB)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def gif() -> bytes:
    """65,535 × 65,535 pixels in some fifty bytes."""
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0)
        + bytes(6)
        + (b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\x02\x44\x01\x00;")
    )


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(pdf_of_a_long_page, marks=pytest.mark.slow, id="long page"),
        pytest.param(pdf_of_a_large_picture, marks=pytest.mark.slow, id="large picture"),
        pytest.param(pdf_of_a_large_sheet, marks=pytest.mark.slow, id="large sheet"),
        pytest.param(pdf_of_forms_in_forms, marks=pytest.mark.slow, id="forms in forms"),
        pytest.param(lambda: png(60_000, 60_000), marks=pytest.mark.slow, id="PNG"),
        pytest.param(lambda: png(200, 1_000_000), id="PNG of a strip"),
        pytest.param(gif, id="GIF"),
    ],
)
def test_a_document_that_unfolds_is_read_within_bounds_or_refused(
    made: Callable[[], bytes],
) -> None:
    data, remedies = made(), list[str]()
    with watched_process(os.getpid()) as watch:
        try:
            read_document(data, 3)
        except (InvalidRequest, LimitExceeded) as refusal:
            remedies.append(refusal.remedy)
    assert all(remedies)
    assert watch.rise_bytes < RISE_BYTES
    assert watch.seconds < WITHIN_S
