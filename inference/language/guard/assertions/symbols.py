"""Levels and grades (`L4/5`, `segment 7`, `TI-RADS 5`) as single words, not as numbers."""

from __future__ import annotations

import re
from functools import lru_cache

from inference.language.guard.assertions.spelling_variants import in_one_spelling
from inference.language.guard.characters import folded

LEVEL, GRADE = "level:", "grade:"
_PREFIX = "zsym"
_REGIONS = {"bwk": "th", "lwk": "l", "hwk": "c", "t": "th", "swk": "s"}
_REGION = "BWK|LWK|HWK|SWK|Th|[CTLS]"
_ONE = (
    rf"(?:(?P<{{n}}>{_REGION})\s?(?P<{{n}}a>\d{{{{1,2}}}})"
    rf"(?:\s?[/]\s?(?P<{{n}}b>{_REGION})?\s?(?P<{{n}}c>\d{{{{1,2}}}}))?(?![\w.,]?\d))"
)
_VERTEBRAL = re.compile(
    rf"\b{_ONE.format(n='x')}(?:\s?(?:to|bis|through|-)\s?{_ONE.format(n='y')})?(?![\w-])"
)
# Not `T1-2`, which may be a weighting.
_DISC = re.compile(
    r"\b(L|C|Th|LWK|HWK|BWK|T(?!1-2))\s?(\d{1,2})\s?-\s?(S?)(\d{1,2})(?![\w.,/-]|\s?[-/]\s?\d)"
)
_SCALES = {
    "segment": LEVEL + "segment",
    "segments": LEVEL + "segment",
    "segmente": LEVEL + "segment",
    "grad": GRADE + "grade",
    "grades": GRADE + "grade",
    "stadium": GRADE + "stage",
    "typ": GRADE + "type",
}
_GRADED = re.compile(
    r"\b((?:leber|lungen)?segmente?s?|grades?|grad|stage|stadium|type|typ"
    r"|(?:ti|bi|li|pi|lung|cad)[- ]?rads"
    r"|fazekas|bosniak|kellgren|deauville|modic|outerbridge|gleason|isup|rutherford|fontaine)(?:\s(?:category|kategorie|grade|grad|score|type|typ))?\s?:?\s?"
    r"(\d{1,2}[a-e]?|[ivx]{1,4}[ab]?)\b(?![.,]?\d)",
    re.IGNORECASE,
)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8"}
_ORDINALS = {
    word: f"{number}th"
    for number, word in enumerate(
        "fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), start=4
    )
}
_RIB = re.compile(rf"\b(?:({'|'.join(_ORDINALS)})|(\d{{1,2}})\.)(?=\s(?:rib|rippe))", re.IGNORECASE)
_NTH = r"\d{1,2}(?:st|nd|rd|th)"
_NTH_RIB = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)(?=(?:(?:,|\sand|\sund|\sto|\sbis)\s{_NTH}){{0,6}}\s(?:rib|rippe))",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"\b(\d{1,2})\s?o'?clock(?:\sposition)?\b", re.IGNORECASE)
_ABOVE = re.compile(
    r"\b(?:as )?(?:detailed|described|noted|mentioned) (?:above|below)\b", re.IGNORECASE
)
_SUSPICIOUS = re.compile(r"\b(\w{4,}?)s?(?:verdächtig|suspekt)(?:e[rsnm]?)?\b", re.IGNORECASE)
_LAST = frozenset((("c", 7, "th"), ("th", 12, "l"), ("l", 5, "s")))
_WRITTEN = {"lenden": "L", "brust": "Th", "hals": "C"}
_VERTEBRA = re.compile(r"\b(\d{1,2})\. ?(lenden|brust|hals)wirbel(?:körpers?)?\b", re.IGNORECASE)
# `M1-Segment` of an artery; not of the spine.
_OF_ARTERY = re.compile(r"\b([MAPV][1-4])[- ]Segment(?:e?s)?\b", re.IGNORECASE)
_DASH = re.compile(r"(?<=\s)-(?=\s)")
_MOST = 24
_ALONE = re.compile(rf"\(({_PREFIX}[a-x])\)")


@lru_cache(maxsize=4096)
def with_symbols(sentence: str) -> tuple[str, dict[str, str]]:
    """The sentence with a made-up word for each level and grade, and what each stands for."""
    symbols: dict[str, str] = {}

    def word(meaning: str) -> str:
        for name, known in symbols.items():
            if known == meaning:
                return name
        name = f"{_PREFIX}{chr(ord('a') + len(symbols) % _MOST)}"
        symbols[name] = meaning
        return name

    def graded(match: re.Match[str]) -> str:
        scale = match.group(1).casefold().replace(" ", "-")
        organ = next((one for one in ("leber", "lungen") if scale.startswith(one)), "")
        scale = scale.removeprefix(organ)
        number = match.group(2).casefold()
        if scale.endswith("rads") and "-" not in scale:
            scale = f"{scale[:-4]}-rads"
        number = _ROMAN.get(number, number)
        named = word(f"{_SCALES.get(scale, GRADE + scale)} {number}")
        return f"{organ} {named}" if organ else named

    def vertebral(match: re.Match[str]) -> str:
        levels = _levels(match)
        return " and ".join(word(LEVEL + one) for one in levels) if levels else match.group()

    plain = _DASH.sub(";", folded(in_one_spelling(sentence)))
    plain = _ABOVE.sub("", plain)
    plain = _SUSPICIOUS.sub(r"verdächtig auf \1", plain)
    plain = _VERTEBRA.sub(lambda one: f"{_WRITTEN[one.group(2).casefold()]}{one.group(1)}", plain)
    plain = _RIB.sub(
        lambda one: _ORDINALS.get((one.group(1) or "").casefold()) or f"{one.group(2)}th", plain
    )
    plain = _NTH_RIB.sub(lambda one: word(f"{LEVEL}rib {one.group(1)}"), plain)
    plain = _CLOCK.sub(lambda one: word(f"{LEVEL}clock {one.group(1)}"), plain)
    plain = _OF_ARTERY.sub(lambda one: word(f"{LEVEL}{one.group(1).casefold()} segment"), plain)
    plain = _GRADED.sub(graded, plain)
    plain = _DISC.sub(_disc, plain)
    plain = _VERTEBRAL.sub(vertebral, plain)
    # `The lower lobe (segment 9)`
    return _ALONE.sub(r"\1", plain), symbols


def _disc(match: re.Match[str]) -> str:
    """`L4-5` as `L4/5`, where the numbers are neighbours."""
    region, first, sacral, second = match.groups()
    neighbours = int(second) == int(first) + 1 and not sacral
    return f"{region}{first}/{second}" if neighbours else match.group()


def _levels(match: re.Match[str]) -> list[str]:
    first = _level(match, "x")
    if not (_is_disc(match, "x") and _is_disc(match, "y")):
        return []
    if match.group("y") is None:
        # `T2` is a sequence as well as a vertebra.
        alone = match.group("xc") is None and match.group("x") == "T"
        return [] if alone and match.group("xa") in ("1", "2") else [first]
    last = _level(match, "y")
    region, start = _region(match.group("x")), int(match.group("xa"))
    stop = int(match.group("ya"))
    alone = match.group("xc") is None and match.group("yc") is None
    if alone and _are_neighbours(region, start, _region(match.group("y")), stop):
        # `L4-L5` is the disc between them.
        return [f"{first}/{last}"]
    if region != _region(match.group("y")) or not start < stop <= start + 12:
        return [first, last]
    discs = match.group("xc") is not None
    return [
        f"{region}{one}/{region}{one + 1}" if discs else f"{region}{one}"
        for one in range(start, stop + 1)
    ]


def _are_neighbours(region: str, number: int, other: str, next_number: int) -> bool:
    if region == other:
        return next_number == number + 1
    return next_number == 1 and (region, number, other) in _LAST


def _is_disc(match: re.Match[str], name: str) -> bool:
    """Whether two numbers name neighbours, as `L4/5` and `L5/S1` do."""
    if match.group(name) is None or match.group(name + "c") is None:
        return True
    first, second = int(match.group(name + "a")), int(match.group(name + "c"))
    return second == first + 1 or (second == 1 and bool(match.group(name + "b")))


def _level(match: re.Match[str], name: str) -> str:
    region = _region(match.group(name))
    first = f"{region}{int(match.group(name + 'a'))}"
    if match.group(name + "c") is None:
        return first
    other = match.group(name + "b")
    return f"{first}/{_region(other) if other else region}{int(match.group(name + 'c'))}"


def _region(written: str) -> str:
    plain = written.casefold()
    return _REGIONS.get(plain, plain)
