"""Whether two words are one, but for their endings, their spelling, or a German compound."""

import re
from functools import lru_cache

# German prefixes before which the "ge" of a participle stands.
_PARTICIPLE = re.compile(
    r"^(ab|an|auf|aus|ein|mit|nach|um|vor|zu|zuruck|weg|her|hin)?ge(?=\w{4,}(?:t|en)$)"
)
# Letters that readers of images take for one another.
_LIKE = str.maketrans("i10", "llo")
# Spellings of Latin and Greek words in English and German.
_SPELLINGS = (
    ("ae", "e"),
    ("oe", "e"),
    ("ph", "f"),
    ("th", "t"),
    ("rh", "r"),
    ("c", "k"),
    ("z", "k"),
    ("y", "i"),
)
# What words end with that mean the same; "phosphate" and "phosphatase" do not.
_ENDING = re.compile(
    r"(?:|e?nd(?:e[nrsm]?)?|e|s|es|en|er|ers|em|n|ns|r|d|ed|ing|ings|t|te|ter|tes|ten|et|etes|eten|st"
    r"|ung|ungs|ungen|i?on|i?ons|ionen|t?ional|a?tions?|a?tionen|i[kc]|i[kc]s|i[kc]al|i[kc]ally"
    r"|is[kc]h(?:e[nrsm]?)?|s[kc]h(?:e[nrsm]?)?|al|als|ally|y|i|ies|ied|it[iy]|ian|ians|ar|ari|ar[iy]|ive|ives|or|ors"
    r"|ist|isten|ists|ment|ments|l[iy]|li[kc]h(?:e[nrsm]?)?|ig(?:e[nrsm]?)?|ig?keit|heit"
    r"|ate|ated|ates|ating|ant|anke?|ankie|ent|ents|ente|enke|an[kc][iy]|en[kc][iy]|en[kc]e|an[kc]e"
    r"|ise|ised|isier(?:t|en|ung)?|ier(?:t|te|en|ung|ungen)|um|us|a|e?in|ine)"
)
_LEAST = 4
# What a German compound ends with that is measured of the thing it begins with.
_MEASURES = re.compile(
    r"(?:s|es|n|en)?(?:grosse|lange|breite|dicke|tiefe|hohe|gewicht|volumen|durchmesser|flache|werte?|spiegel"
    r"|konzentration|zahl|menge|druck|frequenz|temperatur|dosis|nummer|nr|name|datum|tag)"
)

_WHOLE = ("gesamt", "korper", "patienten", "labor")


@lru_cache(1 << 16)
def are_alike(one: str, other: str, own: frozenset[str]) -> bool:
    """`own`: names of measurements of the patient, which compounds are not of."""
    if one == other:
        return True
    if min(len(one), len(other)) < _LEAST:
        return False
    if one.translate(_LIKE) == other.translate(_LIKE):
        return True
    if any(sign.isdigit() for sign in one + other):
        return False
    first, second = _PARTICIPLE.sub(r"\1", one), _PARTICIPLE.sub(r"\1", other)
    if _differ_by_ending(_plain(first), _plain(second)):
        return True
    # "Milzgewicht" is no weight of the patient.
    return own.isdisjoint((one, other)) and _is_compound(first, second)


@lru_cache(1 << 14)
def is_by_modifier(one: str, other: str) -> bool:
    """Whether one is but what the other, a compound, begins with: "Serum", "Serumnatrium".

    What is measured of it names it still: "Leber", "Lebergröße".
    """
    short, long = sorted((one, other), key=len)
    stem = _stem(short)
    return (
        len(long) >= len(short) + 3
        and long.startswith(stem)
        and not long.endswith(short)
        and not _differ_by_ending(_plain(one), _plain(other))
        and not _MEASURES.fullmatch(long.removeprefix(short if long.startswith(short) else stem))
    )


@lru_cache(1 << 14)
def is_narrower(one: str, other: str) -> bool:
    """Whether one is a compound of something more: "Urinkreatinin", of "Kreatinin"."""
    return (
        len(one) >= len(other) + 3
        and one.endswith(other)
        and not one.startswith(_WHOLE)
        and not _MEASURES.fullmatch(other)
    )


def _is_compound(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) < _LEAST + 1 or len(long) < len(short) + 3:
        return False
    return long.startswith(_stem(short)) or long.endswith(short)


def _stem(word: str) -> str:
    return word.rstrip("ens") if len(word) > 6 else word


def _plain(word: str) -> str:
    for spelling, plain in _SPELLINGS:
        word = word.replace(spelling, plain)
    return word


def _differ_by_ending(one: str, other: str) -> bool:
    same = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        same += 1
    # "ovary", "ovarian": the same letters may be part of both endings.
    return any(
        _ENDING.fullmatch(one[at:]) and _ENDING.fullmatch(other[at:])
        for at in range(max(_LEAST, same - 2), same + 1)
        if at <= same and at >= 0.6 * max(len(one), len(other)) - 0.5
    )
