"""Fields that running text and letters have without a form: dates and numbers behind their names,
stays, the signature, and the date of the letter."""

import re
from collections.abc import Iterator, Sequence

from inference.language.documents.pairing.asking import DATE
from inference.language.documents.pairing.fields import Field, is_blank, label_of
from inference.language.documents.pairing.layout import Piece, Row
from inference.language.documents.pairing.topics import places_of_words, units_of

_GREETING = re.compile(
    r"^(?:(?:yours|sincerely|(?:with )?(?:kind |best )?regards|with best wishes)\b"
    r"|mit (?:freundlichen|kollegialen|besten|herzlichen) grüßen|hochachtungsvoll)",
    re.IGNORECASE,
)
_BETWEEN = frozenset("am on is was no no. nr nr. den the vom of : =".split())
_CODE = re.compile(r"[+(]?\d[\d /().-]{4,24}\d|\b[^\W_]{0,20}\d[^\s,;]*")
# "who was with us from ... to ...".
_STAY = re.compile(
    rf"\b(?:vom|from|between)\s+({DATE.pattern})\s+(?:bis(?: zum)?|to|until|and)\s+({DATE.pattern})"
    r"(?=.{0,200}(?:station|behandlung|klinik|inpatient|hospital|admitted|ward|in our care))",
    re.IGNORECASE,
)


def within(piece: Piece) -> Iterator[Field]:
    """In running text: "born 3 June 1975, hospital number 77-31"."""
    text = piece.text
    places = places_of_words([word.text for word in piece.words])
    units = [unit for unit in units_of(text) if unit.topic is not None]
    for unit in units:
        if unit.topic is None or unit.topic.kind not in ("date", "code") or unit.end > len(places):
            continue
        start, end = places[unit.at], places[unit.end - 1] + 1
        while end < len(piece.words) and piece.words[end].text.casefold() in _BETWEEN:
            end += 1
        rest = " ".join(word.text for word in piece.words[end:])
        found = (DATE if unit.topic.kind == "date" else _CODE).match(rest)
        if found:
            size = len(found.group().split())
            value = piece.part(piece.words[end : end + size])
            named = piece.part(piece.words[start:end])
            yield Field(label_of(named) or "", named, value, 0.9)
    stay = _STAY.search(text)
    if stay:
        for label, group in (("Admission", 1), ("Discharge", 2)):
            at = text[: stay.start(group)].count(" ")
            size = len(stay.group(group).split())
            yield Field(label, piece, piece.part(piece.words[at : at + size]), 0.8)


def signed(rows: Sequence[Row]) -> Iterator[Field]:
    """The name under a letter's closing words."""
    for index, row in enumerate(rows):
        if _GREETING.match(row[0].text) and len(row[0].words) <= 6:
            for after in rows[index + 1 : index + 3]:
                if not is_blank(after[0].text):
                    yield Field("Signed by", row[0], after[0], 0.9)
                    break


def dated(rows: Sequence[Row]) -> Iterator[Field]:
    """A date that stands alone on a line is the letter's, with or without a town before it."""
    for row in rows[:15]:
        for piece in row if len(row) == 1 else ():
            date = DATE.search(piece.text)
            around = len(piece.text) - len(date.group()) if date else 0
            if date and around <= 25 and piece.text.endswith(date.group()):
                before = piece.text[: date.start()].rstrip()
                if not before or before.endswith((",", "den")):
                    yield Field("Letter date", piece, piece, 0.8)
