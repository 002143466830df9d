"""Boxes on scans: found by their outlines, named by heads of their columns or labels above."""

from collections.abc import Sequence

import pytest
from PIL import Image, ImageDraw

from inference.language.documents.answer import find_answers
from inference.language.documents.page import Line, Page
from inference.language.documents.seen_boxes import EMPTY, TICKED, boxes_on, with_boxes

_WIDTH, _HEIGHT, _SIDE, _LINE = 1200, 900, 26, 40


def scan(texts: Sequence[tuple[int, int, str]], boxes: Sequence[tuple[int, int, bool]]) -> Page:
    """As OCR reads it: without the boxes, and a line goes on over them."""
    image = Image.new("L", (_WIDTH, _HEIGHT), 235)
    draw = ImageDraw.Draw(image)
    for left, top, is_ticked in boxes:
        right, bottom = left + _SIDE, top + _SIDE
        draw.rectangle((left, top, right, bottom), outline=40, width=3)
        if is_ticked:
            draw.line((left + 3, top + 3, right - 3, bottom - 3), fill=40, width=4)
            draw.line((left + 3, bottom - 3, right - 3, top + 3), fill=40, width=4)
    lines = [
        Line(
            text,
            (
                left / _WIDTH,
                top / _HEIGHT,
                (left + 18 * len(text)) / _WIDTH,
                (top + _LINE) / _HEIGHT,
            ),
            0.98,
        )
        for left, top, text in texts
    ]
    found = with_boxes(lines, boxes_on(image, lines))
    return Page(1, image, tuple(found), is_read=True)


FORM = scan(
    [
        (60, 60, "Transfusion before"),
        (700, 60, "yes"),
        (800, 60, "no"),
        (60, 130, "Bleeding disorder"),
        (60, 200, "Metal implant"),
        (900, 200, "hip screw"),
        (60, 330, "Transport"),
        (560, 330, "Isolation"),
        (100, 400, "walking chair bed"),
        (600, 400, "none contact"),
    ],
    [
        (710, 137, False),
        (806, 137, True),
        (710, 207, True),
        (806, 207, False),
        (66, 407, False),
        (240, 407, True),
        (350, 407, False),
        (566, 407, False),
        (690, 407, True),
    ],
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Does the patient have a bleeding disorder?", "no"),
        ("Is there a metal implant?", "yes hip screw"),
        ("Which transport is needed?", "chair"),
        ("Which isolation is needed?", "contact"),
        ("How many units were transfused?", ""),
    ],
)
def test_a_ticked_box_of_a_scan_answers(question: str, answer: str) -> None:
    found = find_answers(question, [FORM])
    assert (found[0].text if found else "") == answer


def test_a_line_is_cut_at_its_boxes() -> None:
    texts = [line.text for line in FORM.lines]
    assert texts.count(EMPTY) == 5
    assert texts.count(TICKED) == 4
    assert {"walking", "chair", "bed"} <= set(texts)


def test_letters_are_no_boxes_where_no_box_is_empty() -> None:
    page = scan([(60, 60, "HISTOLOGY")], [(300, 67, True)])
    assert [line.text for line in page.lines] == ["HISTOLOGY"]
