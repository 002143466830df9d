"""Free text without what could identify somebody: what is not known to be harmless goes.

Kept are words of the codes that pydicom carries (SNOMED CT, DCM, LOINC, …), words of acquisition
and numbers of up to three digits. A name that is such a word too (Young, Brown) goes where the
study's own headers have it as a name.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from inference.language import identifiers
from storage.core.text.text_folding import folded

# Of protocols and descriptions, which no code's meaning has.
_ACQUISITION_WORDS = frozenset(
    (
        "abd ap asl av ax bh blade bold bravo cad ce cine ciss cor ct cta ctpa cube cxr dce"
        " de dess dixon dki dsa dti dual dyn dynamic echo ep epi fast fat fe ffe fgre fiesta"
        " flair flash fov fs fse fspgr gad gd gr gre grappa haste hires hr hrct ir iso km"
        " kontrast laa ldct lao lat lava loc localizer lung mag mdc mip mpr mprage mra mrcp mri"
        " mrv nativ native neuro nm opp oral pa pc pd pet pha phase plain post pre prop"
        " propeller ptx pv pw qc radial rao recon rest resolve rl sag scout se seg sense sos"
        " space spair spc spgr spin spine spir spiral ssfse std stir stress subtraction suv"
        " swi tfe tfl thin thick thrive tir tirm tof topo tra trace trufi tse turbo twist us"
        " vibe vol vr water wfs wh wholebody wb xr"
    ).split()
)
_TOKEN = re.compile(r"[^\W\d_]+|\d+|\s+|[^\w\s]|_")
_LETTERS = re.compile(r"[^\W\d_]+")
# As telephone numbers and identifiers are written. Each run of digits is read once.
_GROUPED_DIGITS = re.compile(r"(?<!\d)\d++(?:[ ./:-]++\d++)+")
# With or without a year, and beside any punctuation.
_DATES = (
    re.compile(
        rf"(?:(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?[\W_]{{0,3}})?(?<![^\W\d_]){identifiers.MONTHS}"
        r"(?![^\W\d_])(?:[\W_]{0,3}\d{1,4}(?!\d))?",
        re.IGNORECASE,
    ),
    re.compile(r"(?<![\d.])\d{1,2}\.\d{1,2}\.(?!\d)"),
)
_CHUNK = re.compile(r"[^\s_]+")
_MOST_DIGITS = 3
_SIDES = frozenset("LRlr")
_OF_ANIMALS = frozenset({7480, 7481, 7486})
"""Breeds and their registries (PS3.16), named after towns and persons: Göttingen, Murray."""
# In the place of a name that is gone; of no script.
_PERSON = "\ue000"


def cleaned(text: str, identifying: Collection[str]) -> str:
    """`text` with harmless words alone. `identifying`: folded words that go in any case."""
    spans = identifiers.merged(identifiers.by_patterns(text))
    without = identifiers.replaced(text, spans) if spans else text
    for kind in {span.kind for span in spans}:
        without = without.replace(f"[{kind}]", f" {_PERSON} " if kind == "NAME" else " ")
    for date in _DATES:
        without = date.sub(" ", without)
    for digits in (_GROUPED_DIGITS, _CHUNK):
        without = digits.sub(_unless_long, without)
    tokens = _TOKEN.findall(without)
    is_kept = [_is_harmless(token, identifying) for token in tokens]
    indexes = range(len(tokens))
    before, after = _words_beside(tokens, indexes), _words_beside(tokens, indexes[::-1])
    for index, token in enumerate(tokens):
        if len(token) == 1 and _LETTERS.fullmatch(token):
            beside = (before[index], after[index])
            gone = [tokens[at] for at in beside if at is not None and not is_kept[at]]
            is_kept[index] = not _is_initial(tokens, index, gone, identifying)
            if not is_kept[index] and tokens[index + 1 : index + 2] == ["."]:
                is_kept[index + 1] = False
    kept = [token for token, is_harmless in zip(tokens, is_kept, strict=True) if is_harmless]
    return re.sub(r"\s+", " ", "".join(kept)).strip(" ,;:-_^")


def _words_beside(tokens: Sequence[str], order: Iterable[int]) -> dict[int, int | None]:
    """Of each token, the index of the last word before it in that order, over spaces, punctuation
    and initials."""
    found: dict[int, int | None] = {}
    last = None
    for index in order:
        found[index] = last
        if not _is_between(tokens[index]):
            last = index
    return found


def _is_initial(
    tokens: Sequence[str], index: int, gone: Sequence[str], identifying: Collection[str]
) -> bool:
    """Whether a letter stands beside a word that goes, as that of a name does (`Weber M.`).

    `gone`: what goes of the words on either side. L and R are sides, and letters before a number
    vertebrae and weights (T 1): they stay, unless it is a name that they stand beside, or a full
    stop behind them.
    """
    following = "".join(tokens[index + 1 : index + 3])
    may_be_medical = not following.startswith(".") and (
        tokens[index] in _SIDES or following.strip().isdigit()
    )
    return any(
        token == _PERSON or folded(token) in identifying or not may_be_medical for token in gone
    )


def _is_between(token: str) -> bool:
    return token != _PERSON and (len(token) == 1 or token.isspace()) and not token.isdigit()


def is_known_word(word: str) -> bool:
    """Whether a folded word is one of medicine or acquisition, and no proof of a person."""
    return word in _vocabulary()


def _unless_long(match: re.Match[str]) -> str:
    digits = sum(one.isdigit() for one in match.group())
    return match.group() if digits <= _MOST_DIGITS else " "


def _is_harmless(token: str, identifying: Collection[str]) -> bool:
    if token.isdigit():
        return len(token) <= _MOST_DIGITS
    if not _LETTERS.fullmatch(token):
        return token != _PERSON
    word = folded(token)
    return len(word) == 1 or (word in _vocabulary() and word not in identifying)


@cache
def _vocabulary() -> frozenset[str]:
    from pydicom.sr import _concepts_dict

    concepts: Any = _concepts_dict.concepts
    return _ACQUISITION_WORDS.union(
        folded(word)
        for scheme in concepts.values()
        for codes in scheme.values()
        for meaning, context_groups in codes.values()
        if not (context_groups and _OF_ANIMALS.issuperset(context_groups))
        for word in _LETTERS.findall(meaning)
    )
