"""Whether a value is of the very kind that a question asks for."""

import re
from functools import lru_cache

from inference.language.documents.pairing.asking import DATE, Asked, fits, names_person
from inference.language.documents.pairing.topics import folded

_TIME_OF_DAY = r"\b\d{1,2}[:.]\d{2}\b(?![.\d])"
_DAY = re.compile(
    rf"{DATE.pattern}|\b\d{{1,2}}\.\s?\d{{1,2}}\.(?!\d)|\b(?:19|20)\d\d\b|{_TIME_OF_DAY}",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|once|twice|ein(?:e[nrm]?|mal)?|zwei"
    r"|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zweimal|dreimal|daily|täglich|weekly|monthly"
    r"|wöchentlich|monatlich|none|keine?)\b",
    re.IGNORECASE,
)
# What a question of a measure wants beside the number: words of the question, and of the value.
_MEASURES = tuple(
    (re.compile(asks, re.IGNORECASE), re.compile(has, re.IGNORECASE))
    for asks, has in (
        (r"\bhow heavy\b|\bweigh|\bweight\b|\bwie schwer\b|\bwiegt\b|\bwog\b|gewicht\b",
         r"\d ?(?:kg|g|lbs?|pounds?|st)\b|^\W*\d+(?:[.,]\d+)?\W*$"),
        (r"\bhow (?:large|big|wide|thick|narrow|far)\b|\bwie (?:gross|breit|dick|eng|weit)\b"
         r"|\bsize\b|\bdiameter\b|durchmesser\b|grosse\b",
         r"\d ?(?:mm|cm|m|µm|ml|km|°|deg\w*|grad)\b|\d ?[x×] ?\d|\d ?°"),
        (r"\bhow tall\b|\bwie gross ist (?:der|die) patient", r"\d ?(?:cm|m|ft|in)\b"),
        (r"\bhow old\b|\bwie alt\b", r"\d{1,3}(?:[ -](?:years?|y|jahre?)|\W*$)"),
        (r"\bper ?cent|prozent|%", r"%|per ?cent|prozent|^\W*\d+(?:[.,]\d+)?\W*$"),
        (r"\b(?:how long|how soon|wie lange|wie bald)\b",
         r"\d ?(?:s|sec|min|h|hrs?|d)\b|(?:second|minute|hour|day|week|month|year|sekunde|minute"
         r"|stunde|tag|woche|monat|jahr|today|immediate|same|heute|sofort|urgent|dringend)"),
        (r"\bdos(?:e|is)\b|\bhow many (?:mg|milligrams?)\b", r"\d"),
        (r"\bblood pressure\b|\bblutdruck\b", r"\d{2,3} ?/ ?\d{2,3}"),
    )
)  # fmt: skip
_ASKS_NUMBER = re.compile(
    r"\bhow (?:often|soon|frequent)\b|\bwie (?:oft|haufig|bald)\b",
    re.IGNORECASE,
)
_ASKS_DAY = re.compile(r"\b(?:what|which) (?:day|date)\b|\bwelche[mns]? (?:tag|datum)\b")
_ASKS_CODE = re.compile(
    r"\b(?:number|no\.?|code|id|lot|batch|serial)\b|\b(?:\w{3,})?(?:nummer|nr|charge|kennung)\b"
)
_CODE = re.compile(r"(?=[\w./-]*\d)[\w./-]{4,}")
_ASKS_SIDE = re.compile(
    r"\b(?:which|what|welche[mnrs]?) (?:side(?! effect)|seite|knee|knie|ear|ohr|eye|auge|arm|leg"
    r"|bein|hand|foot|fuss|hip|huft\w*|shoulder|schulter|breast|brust|kidney|niere|lung|lunge|wrist"
    r"|ankle|elbow)\b"
)
_SIDE = re.compile(
    r"\b(?:left|right|both|bilateral|links?|rechts?|linke[rnms]?|rechte[rnms]?|link?s?seitig\w*"
    r"|rechtsseitig\w*|beid\w*|[LR])\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"^\W*(?:yes|no|ja|nein|none|keine?r?|not|nicht|never|nie|denied|verneint|negative?|positive?)\b",
    re.IGNORECASE,
)


@lru_cache(1 << 10)
def _plain(question: str) -> str:
    return folded(question)


def is_of_kind(asked: Asked, value: str) -> bool:
    """A date for "when", a number with its unit for "how heavy", a person for "who"."""
    question = _plain(asked.text)
    if asked.kind == "person":
        return names_person(value) and not DATE.fullmatch(value.strip())
    for is_asked, pattern in (
        (asked.kind == "yes_no", _YES_NO),
        (asked.kind == "date" or _ASKS_DAY.search(question), _DAY),
        (_ASKS_SIDE.search(question), _SIDE),
        *((asks.search(question), has) for asks, has in _MEASURES),
        (asked.kind == "code" or _ASKS_CODE.search(question), _CODE),
        (asked.kind == "number" or _ASKS_NUMBER.search(question), _NUMBER),
    ):
        if is_asked:
            # The year of a date is no number of a batch.
            text = DATE.sub(" ", value) if pattern is _CODE else value
            return bool(pattern.search(text))
    return fits(asked, value)
