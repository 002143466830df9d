"""Ways to write one thing, in the one way that the rules read."""

from __future__ import annotations

import re

from inference.language.guard.assertions.paraphrases import in_plain_turns
from inference.language.guard.numbers.dates import MONTHS

_PREFIXES = "intra|extra|supra|infra|prä|pre|post|para|retro|peri|sub"
_SHORT = (
    (
        re.compile(
            rf"\b({_PREFIXES})-\s(and|und|or|oder)\s({_PREFIXES})-?(\w{{3,}})", re.IGNORECASE
        ),
        r"\1\4 \2 \3\4",
    ),
    (re.compile(r"\bthe (larger|smaller|largest|smallest) (?:one )?of the \w+ ", re.I), r"the \1 "),
    (re.compile(r", da (?=(?:sie|er|es)\b)"), ", weil "),
    (re.compile(r"\b[Ss]eg\.?\s?(?=(?:\d|[IVX]+[ab]?\b))"), "Segment "),
    (re.compile(r"\bli\.?(?=[\s,])"), "links"),
    (re.compile(r"\bre\.(?=[\s,])"), "rechts"),
    (re.compile(r"\bc/w\b"), "consistent with"),
    (re.compile(r"\bw/o\b", re.IGNORECASE), "without"),
    (re.compile(r"\bw/(?=\s)"), "with"),
    (re.compile(r"\bUS\b"), "ultrasound"),
    (re.compile(r"\b(?:CXR|XR)\b"), "radiograph"),
    (re.compile(r"(?<=\d)[\s-]?(?:%-?ige|prozentige)[rsnm]?\b"), " %"),
    (re.compile(r"\bsteinfrei\b"), "ohne Konkremente"),
)
# A German participle at the end of a phrase without its verb.
_CLOSED = re.compile(r"(?:^|(?<=[.,;:]))[^.,;:]*?\b(?:verschlossen)(?=\s*(?:[.,;]|$))")
_VERB = re.compile(r"\b(?:ist|sind|war|waren|wird|wurde|wurden|nicht|kein\w*)\b", re.IGNORECASE)
_NUMBERS = {
    str(number): word
    for number, word in enumerate("two three four five six seven eight nine".split(), start=2)
}
# `A 6 mm large stone`: the adjective says no more than that the number is a size.
_LARGE = re.compile(
    r"(?<=[\d ](?:mm|cm|ml)) (?:gro(?:ß|ss)|messend|haltend|durchmessend)(?:e[rsnm]?)?\b",
    re.IGNORECASE,
)
# Folded, the verb is written like the English noun.
_MEASURED = re.compile(r"\bmaß(?:en)?\b")
_WAS = re.compile(r"\((?:was|war|waren|were|vormals|ehemals)\s(?=[\d(])", re.IGNORECASE)
_FORMERLY = re.compile(r"\b(?:vormals|ehemals|vordem)\b", re.IGNORECASE)
_SUPERLATIVES = (
    (re.compile(r"\b(?:the )?largest\b", re.IGNORECASE), "the larger"),
    (re.compile(r"\b(?:the )?smallest\b", re.IGNORECASE), "the smaller"),
    (re.compile(r"\b(?:d(?:er|ie|as)|deren) größte[rs]?\b", re.IGNORECASE), "die größere"),
    (re.compile(r"\bderen größere[rs]?\b", re.IGNORECASE), "die größere"),
    (re.compile(r"\bderen kleinere[rs]?\b", re.IGNORECASE), "die kleinere"),
)
_NO_LONGER = re.compile(
    r"\bkein(?:e[rsnm]?)?\s((?:(?!und\b|oder\b|kein)[\w-]+\s){0,4}?[\w-]+)\smehr\b"
    r"(?:\s(?:nachweisbar|abgrenzbar|erkennbar|sichtbar))?",
    re.IGNORECASE,
)
_SEGMENT = r"(?:\d{1,2}[ab]?|[ivx]{1,4}[ab]?)"
_SEGMENTS = re.compile(
    rf"\b(segment)(?:s|e|en)?\s({_SEGMENT}(?:(?:\s?,\s?|\s?/\s?|\s(?:and|und|or|oder|&)\s){_SEGMENT})+)\b",
    re.IGNORECASE,
)
_ONE_SEGMENT = re.compile(rf"\b({_SEGMENT})\b", re.IGNORECASE)
# `Microdiscectomy 2018.`
_YEAR = re.compile(
    r"(?:(?<=[a-zäöüß] )|(?<=[a-zäöüß] \())((?:19|20)\d\d)(?=\s?(?:[.,;)]|$))",
    re.IGNORECASE,
)
_BEFORE_YEAR = frozenset(
    "in im jahr jahre from since seit aus of von vom with bis to until before vor nach after"
    " und and vs".split()
)
_COUNT = re.compile(
    r"(?:^|(?<=, ))([2-9])\s(?=(?!mm|cm|month|week|day|year|hour|minute|monat|woche|jahr|tag"
    r"|stunde|uhr|pack|cycle|zyklen|o'clock|axes)[a-zäöü]{5,})",
    re.IGNORECASE,
)


# `One nodule`, `1 nodule` say that there is a single one; `a nodule` does not.
_NO_COUNT = "month|week|day|year|hour|minute|side|third|half|quarter|another|lobe"
_ONE = re.compile(
    rf"\b(?:(?:(?i:one)|1)\s(?=(?!{_NO_COUNT})[a-z]{{4,}}|new\b|rib\b)|(?i:one)\s(?=\d))"
)
# Behind these, it counts; not in `segment 1 metastasis`, `the larger one measures`.
_BEFORE_COUNT = frozenset(
    "is as only with and of has have there show shows contains displays demonstrates reveals"
    " exhibits".split()
)


def in_one_spelling(sentence: str) -> str:
    """Before folding: of letters that folding makes alike, and of orders of words."""
    plain = in_plain_turns(_MEASURED.sub("misst", sentence))
    for form, written in _SHORT:
        plain = form.sub(written, plain)
    plain = _CLOSED.sub(_with_verb, plain)
    plain = _LARGE.sub("", plain)
    plain = _WAS.sub("(previously ", plain)
    plain = _FORMERLY.sub("zuvor", plain)
    for form, written in _SUPERLATIVES:
        plain = form.sub(written, plain)
    plain = _NO_LONGER.sub(r"\1 nicht mehr nachweisbar", plain)
    plain = _SEGMENTS.sub(_each_segment, plain)
    plain = _YEAR.sub(_year, plain)
    plain = _ONE.sub(_single, plain)
    return _COUNT.sub(lambda one: f"{_NUMBERS[one.group(1)]} ", plain)


def _single(match: re.Match[str]) -> str:
    before = match.string[: match.start()].rstrip()
    leads = not before or before[-1] in ",;:(" or before.split()[-1].casefold() in _BEFORE_COUNT
    return "single " if leads else match.group()


def _year(match: re.Match[str]) -> str:
    before = match.string[: match.start()].split()[-1].casefold()
    is_date = before in _BEFORE_YEAR or before in MONTHS
    return match.group() if is_date else f"in {match.group()}"


def _with_verb(match: re.Match[str]) -> str:
    phrase = match.group()
    if _VERB.search(phrase):
        return phrase
    return phrase.replace("verschlossen", "ist verschlossen")


def _each_segment(match: re.Match[str]) -> str:
    named = [f"{match.group(1)} {one}" for one in _ONE_SEGMENT.findall(match.group(2))]
    return " and ".join(named)
