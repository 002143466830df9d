"""The value that a document gives to a question, paired by layout; none where it gives none."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.language.answer import PassageBox
from inference.language.documents.page import around
from inference.language.documents.pairing.asking import (
    DATE,
    Asked,
    fits,
    in_text,
    names_person,
    of_document,
    without_kind,
    word_by_word,
)
from inference.language.documents.pairing.candidates import LEAST_SHARE, YES_NO, Found, score_of
from inference.language.documents.pairing.cells import by_table
from inference.language.documents.pairing.checkboxes import Choice
from inference.language.documents.pairing.fields import Field
from inference.language.documents.pairing.layout import Piece, Placed
from inference.language.documents.pairing.matching import BY, is_label_of_another, matched
from inference.language.documents.pairing.page_layout import PageLayout
from inference.language.documents.pairing.prose import Sentence, answering_part
from inference.language.documents.pairing.topics import (
    plain_units_of,
    same_unit,
    units_of,
    units_of_label,
    words_of_text,
)

LEAST_SCORE = 0.55
_SHOWN = 3
_WRITER = frozenset(("i", "we", "ich", "wir", "thank", "danke"))
_MAIN = re.compile(r"\b(?:main|principal|primary|chief)\b|\bhaupt", re.IGNORECASE)
_FIRST, _SECOND = re.compile(r"\(?1[.)]"), re.compile(r"\(?2[.)]")
# A label that says when or where leaves open of what: it stands above, at most so many lines.
_LINES_ABOVE = 12
# "Where should the patient go": to the appointment.
_ORDERED = re.compile(r"^where (?:should|must|does) .+ (?:need to |have to )?(?:go|come)\b", re.I)
_SCORE_OF_ABOVE = 0.6
_LONGEST_BEGINNING, _LONGEST_LINE = 5, 12
_VERY = 0.95
_LITTLE = 0.15
# Of topics with several names, and of labels that are alike.
_SAME_WORDS = 0.02
_VERBS = frozenset("is was are were has had ist war sind waren hat hatte".split())


@dataclass(frozen=True)
class LookedUp:
    passages: tuple[PassageBox, ...] = ()
    """What answers, the surest first."""
    is_blank: bool = False
    """Whether the document has the very field, and nothing in it."""


def look_up(asked: Asked, layouts: Sequence[PageLayout]) -> LookedUp:
    if not asked.weight:
        return LookedUp()
    asked = of_document(asked, layouts[0].title if layouts else "")
    found = sorted(
        (one for layout in layouts for one in _found(asked, layout)),
        key=lambda one: -one.score,
    )
    passages: list[PassageBox] = []
    for one in found:
        if one.score < LEAST_SCORE or len(passages) == _SHOWN:
            break
        if not one.words:
            # What answers worse is of something else.
            return LookedUp(tuple(passages), is_blank=not passages)
        if all(one.text != other.text for other in passages):
            box = around([word.page_box for word in one.evidence])
            passages.append(PassageBox(one.text, one.page_number, box, round(one.score, 3)))
    return LookedUp(tuple(passages))


def _found(asked: Asked, layout: PageLayout) -> Iterator[Found]:
    for field in layout.fields:
        yield from _by_field(asked, field)
        yield from _by_label_below(asked, field, layout.pieces)
    for choice in layout.choices:
        yield from _by_choice(asked, choice)
    for table in layout.tables:
        yield from by_table(asked, table)
    of_text = in_text(asked)
    for sentence in layout.sentences:
        yield from _by_sentence(of_text, sentence, layout.signatures)
    for piece in layout.pieces:
        yield from _by_beginning(asked, piece)


def _by_field(asked: Asked, field: Field) -> Iterator[Found]:
    text = field.value.text if field.value else ""
    value = text if asked.kind != "number" else ""
    label = units_of_label(field.label)
    if is_label_of_another(asked, label, field.label):
        return
    share, exact = matched(in_text(asked), label, value)
    by_words = matched(word_by_word(asked), plain_units_of(field.label))
    if score_of(*by_words) > score_of(share, exact):
        share, exact = by_words
    score = score_of(share, exact) * (0.7 + 0.3 * field.trust)
    score = min(score + _SAME_WORDS * _shared_words(asked, field.label), 1.0) if score else 0.0
    page = field.label_piece.page_number
    if field.value is None:
        if share >= 0.85 and exact >= 0.6:
            yield Found((), field.label_piece.words, page, score)
        return
    if not fits(asked, text):
        return
    if asked.kind == "person" and DATE.match(text):
        return
    words = _first_of_list(field.value.words) if _MAIN.search(asked.text) else field.value.words
    yield Found(words, (*field.label_piece.words, *words), page, score)


def _first_of_list(words: tuple[Placed, ...]) -> tuple[Placed, ...]:
    """Of numbered items the first; all words where they are not numbered."""
    if not _FIRST.fullmatch(words[0].text):
        return words
    end = next((at for at, word in enumerate(words) if _SECOND.fullmatch(word.text)), len(words))
    return words[1:end]


def _by_label_below(asked: Asked, field: Field, pieces: Sequence[Piece]) -> Iterator[Found]:
    """ "Appointment ... Date: 4 May": a label that says when or where, of what stands above it."""
    if asked.kind not in ("date", "place") or field.value is None:
        return
    topics = {unit.key for unit in units_of_label(field.label)}
    wanted = {"site"} if asked.kind == "place" else {"letter_date"}
    if any(unit.key == "clock" for unit in asked.units):
        wanted = {"clock"}
    if not topics or not topics <= wanted or not fits(asked, field.value.text):
        return
    rest = [unit for unit in asked.units if unit.key not in wanted and unit.weight > _LITTLE]
    if not rest and not _ORDERED.search(asked.text):
        # "When does he take it": of what, nothing says.
        return
    label = field.label_piece
    above = [
        unit
        for piece in pieces
        if 0 < label.top - piece.top < _LINES_ABOVE * label.height
        and piece.page_number == label.page_number
        for unit in units_of(piece.text)
    ]
    is_named = all(any(same_unit(unit, one) for one in above) for unit in rest)
    if is_named if rest else any(one.key == "appointment" for one in above):
        words = field.value.words
        yield Found(words, (*label.words, *words), label.page_number, _SCORE_OF_ABOVE)


def _shared_words(asked: Asked, label: str) -> float:
    """How much of the label stands in the question word for word: "from" and "until" tell."""
    words = words_of_text(label)
    asking = words_of_text(asked.text)
    return sum(word in asking for word in words) / max(len(words), 1)


def _by_choice(asked: Asked, choice: Choice) -> Iterator[Found]:
    if asked.names_thing and all(
        " ".join(word.text for word in words).casefold() in YES_NO for _, words in choice.options
    ):
        # Yes and no do not answer "which" and "how much".
        return
    label = units_of(choice.label)
    options = [word for _, words in choice.options for word in words]
    share, exact = matched(asked, label)
    score = score_of(share, exact)
    evidence = (*choice.pieces, *options)
    if choice.marked and score:
        marked = tuple(word for words in choice.marked for word in words)
        if fits(asked, " ".join(word.text for word in marked)):
            # "Weight bearing: full" is no weight.
            yield Found(marked, evidence, choice.page_number, score)
    elif score and choice.options:
        yield Found((), evidence or tuple(options), choice.page_number, score)
    # "[x] Diabetes": the option is what is asked about.
    for is_ticked, words in choice.options:
        text = " ".join(word.text for word in words)
        if not words or text.casefold() in YES_NO:
            continue
        share, exact = matched(asked, [*units_of(text), *label])
        own, _ = matched(asked, units_of(text))
        if own and asked.kind == "yes_no" and is_ticked:
            yield Found(tuple(words), tuple(words), choice.page_number, score_of(share, exact))


def _by_sentence(asked: Asked, sentence: Sentence, signatures: Sequence[Field]) -> Iterator[Found]:
    units = units_of(sentence.text)
    share, _ = matched(asked, units, sentence.text)
    if share < LEAST_SHARE or all(unit.weight <= _LITTLE for unit in asked.units):
        return
    score = share * (0.62 + 0.18 * min(len(asked.units) / 3, 1.0))
    if asked.kind == "person" and _WRITER.intersection(words_of_text(sentence.text)):
        # "I refer this patient": who signed it.
        for one in signatures:
            if one.value is not None:
                words = one.value.words
                yield Found(words, words, one.label_piece.page_number, score)
        return
    part = answering_part(asked, sentence)
    text = " ".join(word.text for word in part)
    if text.endswith(("?", ":")) or not fits(asked, text):
        return
    if asked.kind == "person" and not names_person(text):
        return
    yield Found(part, part, sentence.page_number, score)


def _by_beginning(asked: Asked, piece: Piece) -> Iterator[Found]:
    """ "Placenta posterior": a line that begins with the very name, and goes on with its value."""
    texts = [word.text for word in piece.words]
    if len(texts) > _LONGEST_LINE or any(text.endswith((":", "：")) for text in texts):
        return
    named = without_kind(asked)
    for size in range(1, min(len(texts) - 1, _LONGEST_BEGINNING) + 1):
        share, exact = matched(named, units_of(" ".join(texts[:size])))
        if share < _VERY or exact < _VERY:
            continue
        value = " ".join(texts[size:])
        if asked.kind == "person":
            if texts[size].casefold() not in BY or size + 1 == len(texts):
                return
            words = piece.words[size + 1 :]
            if not names_person(" ".join(texts[size + 1 :])):
                return
            yield Found(words, piece.words, piece.page_number, 0.9 * share)
            return
        is_value = texts[size].casefold() not in _VERBS and not value.startswith(("(", ":", "?"))
        if is_value and fits(asked, value):
            yield Found(piece.words[size:], piece.words, piece.page_number, 0.9 * share)
        return
