"""Code strings (CS), into which a sender writes what it likes."""

import re
from collections.abc import Collection

from inference.deidentification.dummies import REMOVED
from inference.deidentification.leaks.names import words_of
from inference.deidentification.standard_terms import is_standard_term, is_word_of_terms
from inference.deidentification.words import is_known_word
from storage.core.text.text_folding import folded

_PIECE = re.compile(r"[^\W\d_]+|\d+")
_CHARACTER_SET = re.compile(r"(?:ISO[_ ](?:2022 )?IR[ _]\d{1,3}|GB18030|GBK)?")
_MOST_DIGITS = 3
_SHORTEST_NAME = 4


def cleaned_code_string(value: str, keyword: str, identifying: Collection[str]) -> str:
    """A value of CS, or what stands in its place where it may name somebody.

    Beyond the terms of the standard those stay whose words are of the standard, of medicine or
    short, and not `identifying`.
    """
    value = value.strip(" \0")
    if keyword == "SpecificCharacterSet":
        return value if _CHARACTER_SET.fullmatch(value) else "ISO_IR 192"
    if is_standard_term(value):
        return value
    is_free = not any(word in identifying for word in words_of(value))
    return value if is_free and all(map(_names_nobody, _PIECE.findall(value))) else REMOVED


def _names_nobody(piece: str) -> bool:
    if piece.isdigit():
        return len(piece) <= _MOST_DIGITS
    word = folded(piece)
    return len(piece) < _SHORTEST_NAME or is_word_of_terms(word) or is_known_word(word)
