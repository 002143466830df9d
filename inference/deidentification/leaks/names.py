"""Names of persons in the forms in which people and systems write them."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from inference.deidentification.words import is_known_word
from storage.core.text.normalization import normalized
from storage.core.text.text_folding import folded

_WORD = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]+"
)
"""Of no width, wherever they stand (Unicode's Default_Ignorable_Code_Point)."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_SPELLED_OUT = re.compile(r"(?<=[aou])e")
_UPPER, _LOWER = "A-ZÀ-ÖØ-Þ", "a-zß-öø-ÿ"
_CAMEL = re.compile(rf"(?<=[{_LOWER}])(?=[{_UPPER}])|(?<=[{_UPPER}])(?=[{_UPPER}][{_LOWER}])")
_PARTICLES = frozenset(
    "van von der den del dos das und and bin ibn abu mac the med dr prof".split()
)
# In the place of a name in instances that were de-identified before.
NOBODY = frozenset(
    "anon anonym anonymised anonymized anonymous deidentified nobody none removed unknown".split()
)
_SHORTEST_NAME = 2
_SHORTEST_FAMILY_NAME = 4
_SHORTEST_SPELLED_OUT = 5
_SHORTEST_JOINED = 6
_MOST_JOINED = 6
_SHORTEST_BROKEN, _SHORTEST_SPACED = 5, 4
# Of names that stand in other words: beside digits, beside capitals, and anywhere.
_BESIDE_DIGITS, _BESIDE_CAPITALS, _INSIDE = 3, 4, 8
_INDEXED = 4


@dataclass
class NameForms:
    """Folded; collected name by name."""

    parts: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    """Two parts of a name without a space between them."""
    short_joined: set[str] = field(default_factory=set)
    """All parts of a name in a row, from either end, which may be few letters: `libo`."""
    with_initial: set[str] = field(default_factory=set)
    """`weberm` and `mweber`."""
    initials: set[str] = field(default_factory=set)

    def add(self, value: str) -> None:
        """A value of PN (PS3.5 6.2.1): each of its groups is a name of its own."""
        for group in value.split("="):
            words = [[*_WORD.findall(one)] for one in group.split("^")]
            self._add_parts([spellings(one) for component in words for one in component])
            self._add_initials(*[*words, [], [], []][:3])
            self._add_in_a_row([one for component in words for one in component])
            # In scripts without spaces the whole name is one word.
            joined = "".join(words_of(group.replace("^", "")))
            if is_unspaced(joined):
                self.parts.add(joined)

    def merge(self, other: "NameForms") -> None:
        self.parts |= other.parts
        self.joined |= other.joined
        self.short_joined |= other.short_joined
        self.with_initial |= other.with_initial
        self.initials |= other.initials

    def _add_parts(self, parts: list[set[str]]) -> None:
        named = [
            {one for one in spelled if len(one) >= _SHORTEST_NAME and not one.isdigit()}
            for spelled in parts
            if not spelled & (_PARTICLES | NOBODY)
        ]
        self.parts |= {one for spelled in named for one in spelled}
        self.joined |= {
            one + other
            for first, second in permutations(named[:_MOST_JOINED], 2)
            for one in first
            for other in second
            if len(one) + len(other) >= _SHORTEST_JOINED
        }

    def _add_in_a_row(self, words: list[str]) -> None:
        some = words[:_MOST_JOINED]
        for ordered in (some, some[::-1], [*some[1:], *some[:1]]):
            joined = "".join(folded(one) for one in ordered)
            if len(ordered) > 1 and len(joined) >= _BESIDE_CAPITALS:
                self.short_joined.add(joined)

    def _add_initials(self, family: list[str], given: list[str], middle: list[str]) -> None:
        first = [folded(one)[:1] for one in (*given, *middle) if folded(one)[:1].isalpha()]
        for name in (one for one in family if folded(one) not in _PARTICLES | NOBODY):
            if first and len(name) >= _SHORTEST_FAMILY_NAME:
                for one in spellings(name):
                    self.with_initial |= {one + first[0], first[0] + one}
            last = folded(name)[:1]
            for some in {first[0], "".join(first)} if first else ():
                self.initials |= {some + last, last + some}


class NameFinder:
    """Finds joined names, and names beside digits and capitals, in time that grows with the text.

    Words of medicine name nobody here: a name by itself is looked for elsewhere.
    """

    def __init__(self, forms: NameForms) -> None:
        self._parts = {one for one in forms.parts if len(one) >= _BESIDE_DIGITS}
        backwards = {one[::-1] for one in forms.parts if len(one) >= _SHORTEST_BROKEN}
        self._whole = forms.joined | forms.with_initial | forms.short_joined | backwards
        self._broken = {
            one
            for one in forms.parts
            if len(one) >= _SHORTEST_SPACED and one.isalpha() and not is_known_word(one)
        }
        self._longest = max(map(len, self._broken), default=0)
        self._inside: dict[str, list[str]] = {}
        for one in forms.joined:
            if len(one) >= _INSIDE:
                self._inside.setdefault(one[:_INDEXED], []).append(one)

    def is_in(self, text: str) -> bool:
        seen = _UNSEEN.sub("", text)
        if seen != text and (
            self.is_in(seen) or any(one in self._broken for one in words_of(seen))
        ):
            return True
        for letters in _LETTERS.findall(normalized("NFC", text)):
            if any(self._is_name(one) for one in words_of(letters)):
                return True
            pieces = _CAMEL.sub(" ", letters).split()
            if len(pieces) > 1 and any(
                len(one) >= _BESIDE_CAPITALS and one in self._parts and not is_known_word(one)
                for piece in pieces
                for one in words_of(piece)
            ):
                return True
        return self._is_broken_in(text)

    def _is_broken_in(self, text: str) -> bool:
        """Whether a name is written with a hyphen, a line break or anything else within it.

        Pieces count that are a name together, from the first one's beginning to the last one's
        end: in the middle of words most names stand by chance. Words of medicine alone are
        what they say (`ARM BRUST`).
        """
        words = _WORD.findall(normalized("NFC", text))
        return len(words) > 1 and any(
            self._is_joined_in(pieces)
            for pieces in (
                [folded(one) for one in words],
                [folded(one.casefold().translate(_UMLAUTS)) for one in words],
            )
        )

    def _is_joined_in(self, pieces: Sequence[str]) -> bool:
        for start in range(len(pieces) - 1):
            for end in range(start + 2, len(pieces) + 1):
                some = pieces[start:end]
                whole = "".join(some)
                if len(whole) > self._longest:
                    break
                is_spaced = len(whole) == len(some)
                shortest = _SHORTEST_SPACED if is_spaced else _SHORTEST_BROKEN
                if len(whole) >= shortest and whole in self._broken and not _are_known(some):
                    return True
        return False

    def _is_name(self, word: str) -> bool:
        if len(word) < _BESIDE_DIGITS or is_known_word(word):
            return False
        if word in self._parts or word in self._whole:
            return True
        return any(
            word.startswith(one, start)
            for start in range(len(word) - _INSIDE + 1)
            for one in self._inside.get(word[start : start + _INDEXED], ())
        )


def spellings(word: str) -> set[str]:
    """Folded, and with umlauts as people write them: of `Müller` and `Mueller` each other's, and
    `muller` of both."""
    found = set(words_of(word))
    for one in tuple(found):
        if len(one) >= _SHORTEST_SPELLED_OUT:
            found.add(_SPELLED_OUT.sub("", one))
    return found


def words_of(text: str) -> list[str]:
    """Folded words, and those with umlauts also as they are written without (`mueller`)."""
    found = []
    for word in _WORD.findall(normalized("NFC", text)):
        found.append(folded(word))
        plain = folded(word.casefold().translate(_UMLAUTS))
        if plain != found[-1]:
            found.append(plain)
    return found


def written(forms: Collection[str]) -> Iterator[str]:
    """As they stand in bytes, of which nobody knows the case."""
    for one in forms:
        yield from (one, one.upper(), one.lower(), one.capitalize())


def _are_known(words: Sequence[str]) -> bool:
    return all(len(one) > 1 and is_known_word(one) for one in words)


def is_unspaced(text: str) -> bool:
    """Chinese, Japanese, Korean: words without spaces between them."""
    return len(text) >= _SHORTEST_NAME and any(ord(one) > 0x2E7F for one in text)
