"""PDFs show names in every script, with fonts of their own."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pypdfium2
import pytest
from pydicom.dataset import Dataset

from inference.results.sr.pdf import encode_pdf
from inference.typesetting.fonts import FONTS
from inference.typesetting.text import Typesetter
from tests import builders
from tests.inference.results_support import PIPELINE, job_for

NAMES = {
    "Люксембург^Иван": "Люксембург Иван",
    "Διονύσιος": "Διονύσιος",
    "Wang^XiaoDong=王^小东": "Wang XiaoDong (王 小东)",
    "Yamada^Tarou=山田^太郎=やまだ^たろう": "Yamada Tarou (山田 太郎)",
    "ﾔﾏﾀﾞ^ﾀﾛｳ": "ﾔﾏﾀﾞ ﾀﾛｳ",
    "Hong^Gildong=洪^吉洞=홍^길동": "Hong Gildong (洪 吉洞)",
    "김희중": "김희중",
    "สมชาย^ใจดี": "สมชาย ใจดี",
    "Yoshino^Tarou=𠮷野^太郎": "Yoshino Tarou (𠮷野 太郎)",
    "Müller^Jürgen": "Müller Jürgen",
    "Łukasz^Žižka": "Łukasz Žižka",
    "Nguyễn^Văn": "Nguyễn Văn",
    "Բաղդասարյան^Հովհաննես": "Բաղդասարյան Հովհաննես",
    "ბერიძე^თამარ": "ბერიძე თამარ",
}


def pdf_of(name: str, character_set: str = "ISO_IR 192", **attributes: str) -> bytes:
    sources = builders.series(np.zeros((2, 4, 5), np.int16), PatientName=name, **attributes)
    for source in sources:
        source.SpecificCharacterSet = character_set
    job = replace(job_for(None), finished_at=datetime(2026, 1, 2, tzinfo=UTC))
    document: Dataset = encode_pdf(job, PIPELINE, sources, [], [])
    return bytes(document.EncapsulatedDocument)


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as opened:
        return "\n".join(page.get_textpage().get_text_range() for page in opened)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_in_the_document_as_it_is_written(name: str) -> None:
    pdf = pdf_of(name)
    assert NAMES[name] in unicodedata.normalize("NFC", text_of(pdf))


def test_the_same_document_has_the_same_bytes() -> None:
    assert pdf_of("Wang=王^小东") == pdf_of("Wang=王^小东")


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        # Hebrew from right to left; a reader of the PDF gives it back in order.
        ("Sharon^D=שרון^דבורה", "שרון דבורה"),
        ("Qabbani^N=قباني^نزار", "قباني نزار"),
    ],
)
def test_right_to_left_is_drawn_from_the_right(name: str, seen: str) -> None:
    pdf = pdf_of(name)
    shown = unicodedata.normalize("NFKC", text_of(pdf))
    assert all(word in shown or word[::-1] in shown for word in seen.split())
    pairs = {seen[0], seen[-1]}
    with pypdfium2.PdfDocument(pdf) as opened:
        page = opened[0].get_textpage()
        at = {}
        for index in range(page.count_chars()):
            character = unicodedata.normalize("NFKC", page.get_text_range(index, 1))
            if character in pairs:
                at.setdefault(character, page.get_charbox(index)[0])
    assert at[seen[0]] > at[seen[-1]], "the first letter is right of the last"


def test_arabic_letters_are_joined_and_brackets_mirrored() -> None:
    text = Typesetter("Helvetica", str.isascii)
    text.markup("فحص (MRI) ثان", 400, 10)
    with text.loaded(""):
        markup = text.markup("فحص (MRI) ثان", 400, 10)
    assert "\ufed3" in markup, "the initial form of feh"
    assert markup.index("(MRI)") > 0


def test_long_lines_are_broken_in_the_order_in_which_they_are_read() -> None:
    words = [f"שלום{number}" for number in range(20)]
    text = Typesetter("Helvetica", str.isascii)
    text.markup(" ".join(words), 120, 10)
    with text.loaded(""):
        first, *_, last = text.markup(" ".join(words), 120, 10).split("<br/>")
    assert "0" in first
    assert "19" in last


def test_a_sign_that_no_font_has_is_shown_by_its_number() -> None:
    assert "Emoji [U+1F600]" in text_of(pdf_of("Emoji^\U0001f600"))


def test_the_language_of_the_set_chooses_the_shapes() -> None:
    by_set = {
        one: pdf_of("骨=骨", one) for one in ("\\ISO 2022 IR 87", "GB18030", "\\ISO 2022 IR 149")
    }
    for pdf, font in zip(by_set.values(), ("NotoSansJP", "NotoSansSC", "NotoSansKR"), strict=True):
        assert font.encode() in pdf


def test_all_fonts_are_installed() -> None:
    assert [font.name for font in FONTS if font.path() is None] == []
