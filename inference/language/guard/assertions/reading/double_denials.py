"""Denials of denials: what they leave open, and what nobody follows."""

from __future__ import annotations

from collections.abc import Sequence

from inference.language.guard.assertions.assertion import PRESENT, Assertion
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.reading import Reading, Word
from inference.language.guard.scope import NONE, reaches

PLAIN, OPEN, DOUBLE = "plain", "open", "double"
_TURNING = frozenset(("negation", "possible"))
_EXCLUDING = frozenset(
    (
        "ruled out", "excluded", "excludes", "rules out", "exclude", "rule out", "ausgeschlossen",
        "auszuschließen", "ausschluss", "ausschließen",
    )
)  # fmt: skip
_ABSENCE = frozenset(
    (
        "absent", "absence of", "absence", "lack of", "lacks", "fehlt", "free of", "negative for",
        "fails to", "failed to", "missing", "fehlen", "abwesend", "never",
    )
)  # fmt: skip


_UNSEEN = frozenset(
    (
        "not seen", "not present", "not visible", "not identified", "not demonstrated",
        "not detected", "not visualized", "nicht vorhanden", "nicht erkennbar", "nicht abgrenzbar",
        "nicht nachweisbar",
    )
)  # fmt: skip


def newly_seen(clause: Sequence[Item]) -> bool:
    """`Not seen previously`: it is there now, and was not then."""
    for position, item in enumerate(clause):
        if item.text in _UNSEEN:
            behind = clause[position + 1 : position + 5]
            return any(
                mention.concept == "comparison_exam" for one in behind for mention in one.mentions
            )
    return False


def without_effect(clause: Sequence[Item], reading: Reading) -> list[str]:
    """Denials and doubts that reach no name of their clause: what they mean is not understood."""
    places = {mention.word.at for item in clause for mention in item.mentions}
    # `Kann nicht ausgeschlossen werden` doubts once, with two of its words.
    doubted = any("possible" in one.labels for item in clause for one in item.mentions)
    names = [word for word in reading.words if word.at in places]
    triggers = {item.at: item.text for item in clause if item.kind == "trigger"}
    return [
        triggers[word.at]
        for word in reading.words
        if word.at in triggers
        and word.entry.category == "trigger"
        and not (triggers[word.at] in NONE and _is_answer(word, reading))
        and not (word.entry.concept == "possible" and doubted)
        and not any(reaches(word, name, reading) for name in names)
    ]


def lost_triggers(clause: Sequence[Item], assertions: Sequence[Assertion]) -> list[str]:
    """The first denial or doubt of a clause with which nothing is stated there.

    `No small nodes and an enlarged one` must not become two enlarged nodes.
    """
    if len(assertions) < 2 or any(one.changes or one.labels for one in assertions):
        return []
    if any(one.polarity != PRESENT for one in assertions):
        return []
    lost = [one for one in clause if one.kind == "trigger" and one.meaning in _TURNING]
    return [one.text for one in lost[:1]]


def _is_answer(word: Word, reading: Reading) -> bool:
    """`None.` of what a heading asks, `Metastases: none.`"""
    before = reading.pieces[: word.at]
    behind = set(reading.pieces[word.end :])
    return behind <= {"."} and (not before or before[-1] == ":")


def denial_of(clause: Sequence[Item]) -> str:
    """OPEN of `has not been ruled out`, DOUBLE of `is not absent`, else PLAIN."""
    denying = [
        item
        for item in clause
        if item.text in _EXCLUDING
        or item.text in _ABSENCE
        or item.text.startswith("fehlend")
        or (item.kind == "trigger" and item.meaning in ("negation", "resolved"))
    ]
    denying = [one for one in denying if one.text not in ("nor", "noch")]
    excluding = [one for one in denying if one.text in _EXCLUDING]
    absence = [one for one in denying if one.text in _ABSENCE or one.text.startswith("fehlend")]
    if len(denying) < 2 or not (excluding or absence):
        return PLAIN
    if len(denying) == 2 and len(excluding) == 1:
        first, last = denying[0], denying[-1]
        names = any(
            item.kind == "name" and item not in denying
            for item in clause
            if first.end <= item.at and item.end <= last.at
        )
        # `No effusion, pneumothorax excluded` denies two things; it is not read as one.
        return OPEN if last.text in _EXCLUDING and not names else DOUBLE
    return DOUBLE
