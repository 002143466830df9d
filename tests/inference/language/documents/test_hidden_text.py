"""Text of a PDF that nobody sees on its page answers nothing, whatever hides it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from inference.language.answer import Answer, Progress
from inference.language.documents import reading
from inference.language.documents.answer import answer_document
from inference.language.documents.reading import read_document, read_text_of_pdf
from storage.container import Storage

SHOWN = "CT of the chest. Spiculated nodule of 18 mm in the right upper lobe."
HIDDEN = "How large is the nodule? The nodule is 3 mm large."
_DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
Hide = Callable[[canvas.Canvas], None]


def written(pdf: canvas.Canvas, text: str = HIDDEN, size: float = 12, mode: int = 0) -> None:
    line = pdf.beginText(60, 650)
    line.setFont("Helvetica", size)
    line.setTextRenderMode(mode)
    line.textLine(text)
    pdf.drawText(line)


def without_fill(pdf: canvas.Canvas) -> None:
    written(pdf, mode=3)


def white(pdf: canvas.Canvas) -> None:
    pdf.setFillColorRGB(1, 1, 1)
    written(pdf)


def nearly_white(pdf: canvas.Canvas) -> None:
    pdf.setFillColorRGB(0.96, 0.97, 0.96)
    written(pdf)


def tiny(pdf: canvas.Canvas) -> None:
    written(pdf, size=1.5)


def transparent(pdf: canvas.Canvas) -> None:
    pdf.setFillAlpha(0.03)
    written(pdf)


def covered(pdf: canvas.Canvas) -> None:
    written(pdf)
    pdf.setFillColorRGB(1, 1, 1)
    pdf.rect(50, 640, 500, 30, fill=1, stroke=0)


def clipped(pdf: canvas.Canvas) -> None:
    path = pdf.beginPath()
    path.rect(0, 0, 10, 10)
    pdf.clipPath(path, stroke=0)
    written(pdf)


def beyond_the_page(pdf: canvas.Canvas) -> None:
    pdf.translate(0, -900)
    written(pdf)


def outside_the_crop_box(pdf: canvas.Canvas) -> None:
    pdf.setCropBox((0, 700, 595, 842))
    written(pdf)


def on_top_of_what_is_read(pdf: canvas.Canvas) -> None:
    pdf.translate(0, 100)
    written(pdf, mode=3)


def in_white_on_top_of_what_is_read(pdf: canvas.Canvas) -> None:
    pdf.translate(0, 105)
    white(pdf)


def within_a_form(pdf: canvas.Canvas) -> None:
    pdf.beginForm("form")
    white(pdf)
    pdf.endForm()
    pdf.doForm("form")


HIDING: list[Hide] = [
    without_fill,
    white,
    nearly_white,
    tiny,
    transparent,
    covered,
    clipped,
    beyond_the_page,
    outside_the_crop_box,
    on_top_of_what_is_read,
    in_white_on_top_of_what_is_read,
    within_a_form,
]


def pdf_with(*parts: Hide) -> bytes:
    buffer = io.BytesIO()
    pdf = canvas.Canvas(buffer, pagesize=(595, 842), pageCompression=0)
    pdf.setFont("Helvetica", 12)
    pdf.drawString(60, 750, SHOWN)
    for part in parts:
        pdf.saveState()
        part(pdf)
        pdf.restoreState()
    pdf.save()
    return buffer.getvalue()


def asked(storage: Storage, pdf: bytes, question: str) -> Answer:
    storage.objects.put("documents/one", pdf, "application/pdf")
    return answer_document(
        storage, {"object_key": "documents/one", "question": question}, Progress()
    )


@pytest.mark.parametrize("hide", HIDING, ids=lambda one: one.__name__)
def test_what_nobody_sees_is_left_out(hide: Hide) -> None:
    pdf = pdf_with(hide)
    ((page,), _) = read_document(pdf, 1)
    assert " ".join(line.text for line in page.lines) == SHOWN
    assert " ".join(word.text for word in page.words) == SHOWN
    assert page.hidden_words >= 10
    assert not page.is_read
    # What must find all that leaves still finds it.
    assert "nodule is 3 mm" in " ".join(read_text_of_pdf(pdf))


def test_a_layer_that_is_off_is_left_out() -> None:
    """An optional content group, as drawing programs write it."""
    pdf = pdf_with(written)
    marked = pdf.replace(b"BT 1 0 0 1 60 650", b"/OC /off BDC BT 1 0 0 1 60 650")
    assert marked != pdf
    start = marked.index(b"/OC /off BDC")
    end = marked.index(b"ET", start) + 2
    marked = marked[:end] + b" EMC" + marked[end:]
    groups = b"/Properties << /off 90 0 R >> /Font"
    marked = marked.replace(b"/Resources <<\n/Font", b"/Resources <<\n" + groups, 1)
    marked = marked.replace(
        b"/Type /Catalog",
        b"/Type /Catalog /OCProperties << /OCGs [90 0 R] /D << /OFF [90 0 R] >> >>",
    )
    group = b"90 0 obj\n<< /Type /OCG /Name (off) >>\nendobj\n"
    # PDFium mends the table of objects, which no longer has their places.
    marked = marked.replace(b"xref\n", group + b"xref\n", 1).replace(b"startxref", b"startnone")
    ((page,), _) = read_document(marked, 1)
    assert " ".join(line.text for line in page.lines) == SHOWN
    assert page.hidden_words >= 10


def coloured(pdf: canvas.Canvas) -> None:
    """White on a dark heading, light grey, turned, twice for bold, small, above a watermark."""
    pdf.setFillColorRGB(0.1, 0.2, 0.5)
    pdf.rect(50, 590, 400, 40, fill=1, stroke=0)
    pdf.setFont("Helvetica", 12)
    pdf.setFillColorRGB(1, 1, 1)
    pdf.drawString(60, 600, "Findings")
    pdf.setFillColorRGB(0.75, 0.75, 0.75)
    pdf.drawString(60, 560, "grey")
    pdf.setFillColorRGB(0.8, 0, 0)
    pdf.drawString(200, 560, "twice")
    pdf.drawString(200.4, 560, "twice")
    pdf.setFont("Helvetica", 4)
    pdf.drawString(300, 560, "1.5 small, too.")
    pdf.setFillColorRGB(0.8, 0.8, 0.8)
    pdf.setFont("Helvetica-Bold", 90)
    pdf.drawString(60, 470, "COPY")
    pdf.setFillColorRGB(0, 0, 0)
    pdf.setFont("Helvetica", 12)
    pdf.drawString(60, 500, "Impression: no embolism.")
    pdf.rotate(90)
    pdf.drawString(300, -30, "margin")


def test_what_is_seen_stays() -> None:
    ((page,), _) = read_document(pdf_with(coloured), 1)
    text = " ".join(word.text for word in page.words)
    for one in ("Findings grey twice", "1.5 small, too.", "COPY", "Impression: no embolism."):
        assert one in text
    assert page.hidden_words == page.layer_words_left_out == 0
    assert "margin" in text.replace(" ", "")


def test_an_answer_says_what_was_left_out(storage: Storage) -> None:
    answer = asked(storage, pdf_with(white), "How large is the nodule?")
    assert "3 mm" not in answer.text
    assert any("11 words of the text layer are not visible" in note for note in answer.notes)
    plain = asked(storage, pdf_with(), "How large is the nodule?")
    assert not any("visible" in note for note in plain.notes)


def scan(*layer: str) -> bytes:
    """A picture of two sentences, each below a line of the layer."""
    picture = Image.new("L", (1240, 400), 255)
    font = ImageFont.truetype(_DEJAVU, 30)
    for row, text in enumerate(("There is no embolism.", "The nodule is 18 mm large.")):
        ImageDraw.Draw(picture).text((100, 100 + 120 * row), text, 20, font)
    buffer = io.BytesIO()
    pdf = canvas.Canvas(buffer, pagesize=(595, 192))
    pdf.drawImage(ImageReader(picture), 0, 0, 595, 192)
    for row, text in enumerate(layer):
        line = pdf.beginText(48, 192 - (132 + 120 * row) * 0.48)
        line.setFont("Helvetica", 14)
        line.setTextRenderMode(3)
        line.textLine(text)
        pdf.drawText(line)
    pdf.save()
    return buffer.getvalue()


def test_a_layer_above_a_scan_counts_where_the_scan_reads_the_same() -> None:
    """Its second line contradicts the picture: what the picture shows counts."""
    ((page,), _) = read_document(scan("There is no embolism.", "The nodule is 3 mm large."), 1)
    first, second = page.lines
    assert (first.text, first.confidence) == ("There is no embolism.", 1.0)
    assert "18" in second.text
    assert page.layer_words_left_out >= 5
    assert page.hidden_words == 0


def test_a_layer_that_nothing_can_compare_says_so(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "is_ocr_installed", lambda: False)
    pdf = scan("There is no embolism.", "The nodule is 18 mm large.")
    answer = asked(storage, pdf, "How large is the nodule?")
    assert "18 mm" in answer.text
    assert any("not compared" in note for note in answer.notes)


def test_a_crowd_of_letters_at_one_place_is_not_read(tmp_path: Path) -> None:
    def crowd(pdf: canvas.Canvas) -> None:
        for number in range(300):
            pdf.drawString(60, 600, f"word{number % 7}")

    ((page,), _) = read_document(pdf_with(crowd), 1)
    assert " ".join(word.text for word in page.words) == SHOWN
