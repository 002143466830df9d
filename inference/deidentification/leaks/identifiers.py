"""Identifiers in texts, however their digits are grouped and whatever zeros stand before them.

`00-12.345` is also 12345, 0012345 and 12 345, and of `Q-004711` there is Q4711.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from storage.core.text.text_folding import folded

_DIGITS = re.compile(r"\d+")
_GROUPED = re.compile(r"\d+(?:[ .,:/_-]{1,3}\d+)*")
_LETTERS_BEFORE = re.compile(r"([^\W\d_]{1,16})[\W_]{0,3}$")
_LOOKED_BACK = 19
_MEANS_ID = frozenset("id p pat pid nr no mrn acc patient".split())
"""Letters before four digits; others measure something, as in b1000."""
# Four digits are often measured; of the patient's own identifiers they count as a number by itself.
_SHORTEST, _SHORTEST_OF_PATIENT = 5, 4
_SHORTEST_WITH_LETTERS = 5
_MOST_GROUPS = 6
_SHORTEST_AT_THE_EDGE, _SHORTEST_ANYWHERE = 6, 8
LONGEST_STATED = 24
"""Digits of a component of a UID that may state something, such as a time with a counter behind it;
longer ones are random, as those that this node makes."""


class IdentifierFinder:
    def __init__(self, identifiers: Collection[str], of_patient: Collection[str]) -> None:
        """Texts; `of_patient` names the patient or a visit, the others devices and places, too."""
        of_anything = {one for text in (*identifiers, *of_patient) for one in _numbers(text)}
        self._numbers = {one for one in of_anything if len(one) >= _SHORTEST}
        self._of_patient = {
            one for text in of_patient for one in _numbers(text) if len(one) >= _SHORTEST_OF_PATIENT
        }
        self._with_letters = {
            one
            for text in of_patient
            for one in _with_letters(text)
            if len(one) >= _SHORTEST_WITH_LETTERS
        }

    def is_in(self, text: str) -> bool:
        plain = folded(text)
        for match in _GROUPED.finditer(plain):
            runs = _DIGITS.findall(match.group())
            found = set(_joined(runs))
            if not self._numbers.isdisjoint(found):
                return True
            if not self._with_letters.isdisjoint(_with_letters_before(plain, match.start(), runs)):
                return True
            before = _LETTERS_BEFORE.search(
                plain[max(0, match.start() - _LOOKED_BACK) : match.start()]
            )
            glued = before.group() if before is not None and before.group().isalpha() else ""
            is_measured = glued and glued not in _MEANS_ID
            if not is_measured and not self._of_patient.isdisjoint(found):
                return True
        return False

    def is_in_uid(self, components: Sequence[str]) -> bool:
        """Whether a UID has one as a component; as the beginning or end of one or as neighbours
        together from six digits on; anywhere from eight on.

        Fewer stand by chance in the many digits of a UID.
        """
        short = [one for one in components if len(one) <= LONGEST_STATED]
        if any(one in self._numbers or one.lstrip("0") in self._numbers for one in short):
            return True
        joined = {
            "".join(components[start:end])
            for start in range(len(components))
            for end in range(start + 2, min(start + _MOST_GROUPS, len(components)) + 1)
        }
        for number in self._numbers:
            if len(number) >= _SHORTEST_AT_THE_EDGE and (
                number in joined
                or any(one.startswith(number) or one.endswith(number) for one in short)
            ):
                return True
            if len(number) >= _SHORTEST_ANYWHERE and any(number in one for one in short):
                return True
        return False


def _numbers(text: str) -> Iterator[str]:
    """All digits of an identifier together, and those in a row."""
    runs = _DIGITS.findall(folded(text))
    for some in (runs, *([one] for one in runs)):
        yield from _with_and_without_zeros(some)


def _with_letters(text: str) -> Iterator[str]:
    """Letters with the digits that follow: `q4711`."""
    plain = folded(text)
    for match in _GROUPED.finditer(plain):
        runs = _DIGITS.findall(match.group())
        yield from _with_letters_before(plain, match.start(), runs)


def _with_letters_before(text: str, start: int, runs: list[str]) -> Iterator[str]:
    """Digits that begin at `start`, all of them and the first in a row, after what letters."""
    letters = _LETTERS_BEFORE.search(text[max(0, start - _LOOKED_BACK) : start])
    if letters is not None:
        for some in (runs[:1], runs[:_MOST_GROUPS]):
            yield from (letters.group(1) + one for one in _with_and_without_zeros(some))


def _joined(runs: list[str]) -> Iterator[str]:
    """Neighbours together."""
    for start in range(len(runs)):
        for end in range(start + 1, min(start + _MOST_GROUPS, len(runs)) + 1):
            yield from _with_and_without_zeros(runs[start:end])


def _with_and_without_zeros(runs: list[str]) -> tuple[str, str]:
    digits = "".join(runs)
    return digits, digits.lstrip("0")
