"""Text of a PDF that nobody sees on its page does not leave."""

import io

import pydicom
import pytest
from reportlab.pdfgen.canvas import Canvas

from inference.language.documents.reading import read_document, read_text_of_pdf
from tests.inference.deidentification.planting import Planter, document
from tests.inference.deidentification.test_planted_identifiers import part10, study


@pytest.mark.filterwarnings("ignore:The value length")
def test_text_that_nobody_sees_is_removed() -> None:
    dataset = document(Planter(7))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0)
    canvas.drawString(72, 700, "Impression: normal.")
    line = canvas.beginText(72, 600)
    line.setTextRenderMode(3)
    line.textLine("Weissenborner, Kunigunde")
    canvas.drawText(line)
    canvas.save()
    pdf = buffer.getvalue()
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    assert "Weissenborner" not in str(read_document(pdf, 1))
    data = part10(dataset)
    left = study(data, []).apply(data).part10
    assert b"Weissenborner" not in left
    assert not any(
        "Weissen" in line
        for line in read_text_of_pdf(pydicom.dcmread(io.BytesIO(left)).EncapsulatedDocument)
    )
