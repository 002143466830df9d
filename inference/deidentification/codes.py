"""Codes and units that say nothing but what was measured.

A pipeline of others states codes as it likes: those of a scheme of its own may be any text.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from inference.deidentification.words import is_known_word
from storage.core.text.text_folding import folded

_OWN_SCHEME = "99MEDIVIEW"
_OWN = frozenset(
    (
        "DIFFERENCE EXPOSEDSHARE FREQUENCY ICV ICVSHARE IMAGEFALL IMAGESHARE IMPLAUSIBLE LAA950"
        " MEASUREDPART MLD MODELHEAT NOTASSESSABLE NUMBERFOUND PARENCHYMA PERC15 PICTURESHARE"
        " PROBABILITYFALL RULE SATURATEDSHARE SUVCAVEAT TAKENOVERFROM VALUEINTERVAL VELOCITY"
        " change-per-year classification AREACHANGE FRAMENUMBER"
    ).split()
)
# Besides those of which pydicom has codes (PS3.16 Table 8-1).
_SCHEMES = frozenset({"SRT", "SNM3", "UCUM"})
_FORM = re.compile(r"[A-Z]{0,3}-?(?=[A-F]*\d)[\dA-F]{1,18}(?:-\d)?")
"""SNOMED CT `10200004`, LOINC `21889-1`, SRT `T-62000`, RADLEX `RID58`, NCIt `C94970`."""
_LETTERS = re.compile(r"[^\W\d_]+")
_SHORTEST_NAME = 4
_LONG_NUMBER = re.compile(r"\d{4}")
# Of UCUM, beside the units of the standard's context groups.
_UNIT_LETTERS = frozenset({"hu", "kg", "ng", "ug", "pixels", "pg", "suv"})


def has_form_of_scheme(value: str, scheme_designator: str) -> bool:
    """Whether a code can be one of its scheme (PS3.16 Table 8-1); of a scheme that is not known,
    whether it has no word that may be a name."""
    if scheme_designator == "UCUM":
        return is_known_unit(value)
    if scheme_designator in _SCHEMES | _codes().keys():
        return is_known_code(value, scheme_designator)
    return bool(_FORM.fullmatch(value)) or names_nobody(value)


def meaning_of(value: str, scheme_designator: str) -> str:
    """As PS3.16 has it; empty for a code that it does not name."""
    return _meanings().get((scheme_designator, value), "")


def is_known_code(value: str, scheme_designator: str) -> bool:
    if scheme_designator == _OWN_SCHEME:
        return value in _OWN
    codes = _codes()
    if value in codes.get(scheme_designator, ()):
        return True
    return scheme_designator in _SCHEMES | codes.keys() and bool(_FORM.fullmatch(value))


def names_nobody(value: str) -> bool:
    """Whether a code of a scheme of somebody's own has no word that may be a name."""
    return value in _OWN or all(
        len(letters) < _SHORTEST_NAME or is_known_word(folded(letters))
        for letters in _LETTERS.findall(value)
    )


def is_known_unit(value: str) -> bool:
    """Whether it is made of UCUM's units, and its annotations of words of medicine."""
    if value in _codes()["UCUM"]:
        return True
    return not _LONG_NUMBER.search(value) and all(map(_is_unit_word, _LETTERS.findall(value)))


def _is_unit_word(letters: str) -> bool:
    word = folded(letters)
    return len(word) == 1 or word in _unit_letters() or is_known_word(word)


@cache
def _unit_letters() -> frozenset[str]:
    return _UNIT_LETTERS.union(
        folded(letters) for code in _codes()["UCUM"] for letters in _LETTERS.findall(code)
    )


@cache
def _codes() -> dict[str, frozenset[str]]:
    """The codes of pydicom by scheme."""
    from pydicom.sr import _concepts_dict

    concepts: Any = _concepts_dict.concepts
    return {scheme: frozenset(_values(named)) for scheme, named in concepts.items()}


@cache
def _meanings() -> dict[tuple[str, str], str]:
    from pydicom.sr import _concepts_dict

    concepts: Any = _concepts_dict.concepts
    return {
        (scheme, value): meaning
        for scheme, named in concepts.items()
        for codes in named.values()
        for value, (meaning, *_) in codes.items()
    }


def _values(named: dict[str, dict[str, Any]]) -> Iterator[str]:
    for codes in named.values():
        yield from codes
