"""Words of which OCR reads one letter at a time, by where the letters stand."""

import pytest

from inference.deidentification.pixels.pixel_text import is_text, is_written
from inference.deidentification.pixels.spelled_out import spelled_out
from inference.language.documents.page import Line

SHAPE = (400, 500)


def letters(text: str, step: tuple[float, float], confidence: float = 0.9) -> list[Line]:
    """Of 20 × 15 pixels each, `step` rows and columns from one to the next."""
    found = []
    for at, one in enumerate(text):
        top, left = 10 + at * step[0], 10 + at * step[1]
        box = (left / 500, top / 400, (left + 15) / 500, (top + 20) / 400)
        found.append(Line(one, box, confidence))
    return found


@pytest.mark.parametrize("step", [(30, 0), (60, 2), (0, 40), (3, 90)])
def test_letters_in_a_row_or_a_column_are_a_word(step: tuple[float, float]) -> None:
    lines = letters("WEBE", step)
    (box,) = spelled_out(lines, SHAPE, is_written)
    assert box[:2] == lines[0].box[:2]
    assert box[2:] == lines[-1].box[2:]


def test_pieces_that_ocr_joins_belong_to_it() -> None:
    first, second, *_, last = letters("WEBER", (60, 0))
    joined = Line("BE", (10 / 500, 130 / 400, 25 / 500, 155 / 400), 0.9)
    (box,) = spelled_out([last, joined, first, second], SHAPE, is_written)
    assert (box[1], box[3]) == (first.box[1], last.box[3])


@pytest.mark.parametrize(
    "lines",
    [
        # Sides of the patient, marks of a film, and the scale beside an image
        [*letters("A", (0, 0)), *letters("xxxxxxxxxxxxxxxxxxxP", (20, 0))[19:]],
        letters("AP", (30, 0)),
        letters("ERECT", (30, 0)),
        letters("12345", (40, 0)),
        letters("WEB", (30, 60)),
        letters("WEB", (30, 0), confidence=0.4),
    ],
    ids=["sides", "two", "mark", "scale", "scattered", "unsure"],
)
def test_what_stands_alone_names_nobody(lines: list[Line]) -> None:
    assert spelled_out(lines, SHAPE, is_written) == []


def test_where_text_is_likely_unsure_letters_count() -> None:
    assert len(spelled_out(letters("WEB", (30, 0), confidence=0.4), SHAPE, is_text)) == 1
