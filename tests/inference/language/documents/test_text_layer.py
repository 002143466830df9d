"""Text of an archive's OCR above a scan counts where the scan shows the same, numbers included."""

import io
from collections.abc import Sequence

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from inference.language.documents.answer import find_answers
from inference.language.documents.page import Page
from inference.language.documents.reading import read_document
from inference.language.documents.text_layer import is_read_alike

_DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
_WIDTH, _HEIGHT = 595, 260
_PIXELS_A_POINT = 2
_LINE = 40
Row = tuple[str, str, str]
"""What the picture shows, what the layer has above it, and what was typed beside it."""


def page_of(rows: Sequence[Row]) -> Page:
    size = (_WIDTH * _PIXELS_A_POINT, _HEIGHT * _PIXELS_A_POINT)
    picture = Image.new("L", size, 255)
    font = ImageFont.truetype(_DEJAVU, 14 * _PIXELS_A_POINT)
    buffer = io.BytesIO()
    pdf = canvas.Canvas(buffer, pagesize=(_WIDTH, _HEIGHT))
    for row, (shown, _, _) in enumerate(rows):
        at = (40 * _PIXELS_A_POINT, (30 + row * _LINE) * _PIXELS_A_POINT)
        ImageDraw.Draw(picture).text(at, shown, 20, font)
    pdf.drawImage(ImageReader(picture), 0, 0, _WIDTH, _HEIGHT)
    for row, (shown, layer, typed) in enumerate(rows):
        bottom = _HEIGHT - (30 + row * _LINE + 13)
        width = ImageDraw.Draw(picture).textlength(shown, font) / _PIXELS_A_POINT
        pdf.saveState()
        line = pdf.beginText(40, bottom)
        line.setFont("Helvetica", 14)
        line.setTextRenderMode(3)
        line.textLine(layer)
        pdf.drawText(line)
        pdf.restoreState()
        pdf.setFont("Helvetica", 13)
        pdf.drawString(46 + width, bottom, typed)
    pdf.save()
    ((page,), _) = read_document(buffer.getvalue(), 1)
    return page


def answer(page: Page, question: str) -> str:
    found = find_answers(question, [page])
    return found[0].text if found else ""


def test_the_picture_counts_where_a_number_a_sign_or_a_date_differs() -> None:
    page = page_of(
        [
            ("Nodule size: 18 mm", "Nodule size: 1.8 mm", ""),
            ("T-score: -2.7", "T-score: 2.7", ""),
            ("D-dimer: >50", "D-dimer: <5,0", ""),
            ("Date of birth: 11.2.1965", "Date of birth: 1.12.1965", ""),
            ("Allergies:latex", "", ""),
            ("There is no embolism.", "There is no embolism.", ""),
        ]
    )
    assert answer(page, "What is the size of the nodule?") == "18 mm"
    assert answer(page, "What is the T-score?") == "-2.7"
    assert answer(page, "What is the D-dimer?") == ">50"
    assert answer(page, "When was the patient born?") == "11.2.1965"
    assert answer(page, "Which allergies are known?") == "latex", "read as without a layer"
    assert page.layer_words_left_out == 4 + 2 + 2 + 4
    assert [line.confidence for line in page.lines].count(1.0) == 1


def test_a_scanned_form_that_was_filled_in_by_typing_has_its_labels() -> None:
    page = page_of(
        [
            ("Surname:", "Surname:", "Okonkwo"),
            ("Allergies:", "Allergies:", "penicillin"),
            ("Weight:", "Height:", "72 kg"),
            ("Ward:", "", "4B"),
        ]
    )
    assert answer(page, "What is the patient's surname?") == "Okonkwo"
    assert answer(page, "Which allergies are known?") == "penicillin"
    assert answer(page, "What is the patient's weight?") == "72 kg"
    assert answer(page, "Which ward is the patient on?") == "4B"
    assert page.layer_words_left_out == 1
    text = " ".join(line.text for line in page.lines)
    assert text == "Surname: Okonkwo Allergies: penicillin Weight: 72 kg Ward: 4B"


@pytest.mark.parametrize(
    ("shown", "layer"),
    [
        ("18 mm", "1.8 mm"),
        ("1. 8 mm", "1.8 mm"),
        ("5 mg", ".5 mg"),
        ("<5", ">5"),
        ("-2.7", "2.7"),
        ("−2.7", "2.7"),
        ("HER2: -", "HER2: +"),
        ("11.2.2025", "1.12.2025"),
        ("Ramipril 1 0 1", "Ramipril 101"),
        ("1,250 ml", "1.250 ml"),
        ("O2 2 l/min", "O2 21/min"),
        ("2½ tablets", "21/2 tablets"),
        ("5 %", "5"),
        ("☐ Yes ☒ No", "☒ Yes ☐ No"),
        ("Metastases?", "Metastases"),
        ("Blood group A-", "Blood group A"),
    ],
)
def test_what_changes_a_value_is_not_read_alike(shown: str, layer: str) -> None:
    assert not is_read_alike(shown, layer)


@pytest.mark.parametrize(
    ("read", "layer"),
    [
        ("Thereisnoembolism", "There is no embolism."),
        ("Grosse:18mm", "Größe: 18 mm"),
        ("lbuprofen 1-0-1", "Ibuprofen 1–0–1"),
        ("0xycodone", "Oxycodone"),
        ("T-score:-2.7", "T-score: −2.7"),
        ("followup 37.2 C", "follow-up 37.2 °C"),
    ],
)
def test_what_ocr_loses_is_read_alike(read: str, layer: str) -> None:
    assert is_read_alike(read, layer)
