"""Whether two names may be read as those of one person, in whatever order and form."""

import re
from functools import lru_cache

from storage.core.text.lookalikes import skeleton
from storage.core.text.normalization import normalized

# Skeletons of what stands before and after names and is none.
_TITLES = frozenset(
    map(
        skeleton,
        "dr dres prof professor med md dipl ing phd mr mrs ms miss herr frau rer nat habil hc pd"
        " priv doz univ sir dame facr frcr do mbbs".split(),
    )
)
_APART = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def person_words(name: str) -> frozenset[str]:
    """The words of a name as `skeleton` compares them, without titles; signs part them.

    A name of titles alone keeps them.
    """
    words = frozenset(
        filter(None, map(skeleton, _APART.split(normalized("NFKC", name)))),
    )
    return (words - _TITLES) or words


def may_be_one_person(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether all words of the shorter name are in the longer one, as words or by their initials.

    `Jones`, `I. Jones` and `Dr. Indira Jones` for `Jones^Indira^Maria^Dr.`; also written as one
    word, `JonesIndira`.
    """
    few, many = sorted((one, other), key=len)
    if not few:
        return False
    if len(few) == 1 and _is_made_of(next(iter(few)), many):
        return True
    left = set(many)
    for word in sorted(few, key=len, reverse=True):
        partner = next((its for its in sorted(left, key=len) if _agree(word, its)), None)
        if partner is None:
            return False
        left.remove(partner)
    return True


def _agree(word: str, other: str) -> bool:
    if word == other:
        return True
    short, long = sorted((word, other), key=len)
    return len(short) == 1 and long.startswith(short)


def _is_made_of(word: str, parts: frozenset[str]) -> bool:
    """Whether at least two of the parts are put together to it."""
    return any(word == first + second for first in parts for second in parts if first is not second)
