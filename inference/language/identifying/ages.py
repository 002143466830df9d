"""Ages of ninety and more, in figures and in words: 45 CFR 164.514(b)(2)(i)(C)."""

import re
from collections.abc import Iterator

_OLD = r"(?:9\d|1[0-2]\d)"
_ENGLISH = (
    r"(?:ninety|(?:a[ -]|one[ -])?hundred(?:[ -]and)?)"
    r"(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?"
)
_GERMAN = (
    r"(?:(?:ein|zwei|drei|vier|fünf|sechs|sieben|acht|neun)und)?neunzig"
    r"|(?:ein)?hundert(?:und)?(?:eins?|zwei|drei|vier|fünf|sechs|sieben|acht)?"
)
# A limit of time in a text is no age: "for 95 years", "seit 95 Jahren", "95 % years".
_FORMS = (
    rf"\b({_OLD})[ \t-]{{0,2}}(?:years?|yrs?|y|J)\.?[ \t-]{{0,2}}(?:old|of[ \t-]age|/?o)\b",
    rf"\b({_OLD})[ \t]?(?:y\.?[ \t]?/?o\.?|y/o|yo[mf]?)(?!\w)",
    rf"\b({_OLD})[ \t-]?(?:jährige[rnms]?|jhr\.|jähr\.|j\.|jg\.)(?!\w)",
    rf"(?<!seit )(?<!for )(?<!nach )(?<!after )\b({_OLD})[ \t](?:Jahre?|years|yrs|J\.?)(?![\w])",
    rf"\b({_OLD})\.[ \t]?(?:Lebensjahr|LJ|Geburtstag)\b|\b({_OLD})th[ \t]birthday\b",
    rf"\b(?:age[ds]?|alter|alt)\b[ \t]*[:=]?[ \t]*(?:of[ \t]|is[ \t]|von[ \t])?({_OLD})\b"
    r"(?![.,]\d|[ \t]?%|[ \t]?(?:mm|cm|ml))",
    # Not of technetium: "Tc-99m".
    rf"(?<![\w.-])(?<!Tc )({_OLD})[ \t]?(?:/[ \t]?)?(?:[MFmfwW♂♀])(?=[ \t,.;:)/]|$)(?![ \t]?\d)",
    rf"(?:,[ \t])({_OLD})(?=,[ \t](?:with|who|mit|presents|kommt|lives|lebt|was|has|is)\b)",
    rf"\b({_ENGLISH})[ \t-](?:years?|yrs?|y)\b(?:[ \t-](?:old|of[ \t]age)\b)?",
    rf"\b({_GERMAN})[ \t-]?jährig\w*|\b({_GERMAN})[ \t]jahre?[ \t]alt\b",
    rf"\b(?:aged?|is|turned|turns|almost|nearly|alter|fast|knapp|über)[ \t]"
    rf"({_ENGLISH}|{_GERMAN})\b",
    r"\b((?:(?:early|mid|late)[ -])?nineties|(?:early|mid|late|her|his|their)[ -]90['’]?s"
    r"|centenarian|nonagenarian)\b",
    r"\b((?:anfang|mitte|ende)[ \t](?:der[ \t])?(?:neunzig\w*|90)|hochneunzig\w*|neunzigerin?"
    r"|über[ \t]?neunzigjährig\w*|über[ \t]90-?jährig\w*|hundertjährig\w*)\b",
    rf"(?<!seit )(?<!for )(?<!nach )(?<!after )\b0?({_OLD})[ -]?(?:y|yrs?|years?|j|jhr|jahre?)\b",
    rf"\b(?:age[ds]?|alter|alt)[ \t:=]{{1,3}}0?({_OLD}[yja]?)\b(?![.,]\d|[ ]?(?:%|mm|cm|ml))",
    rf"(?<![\w.-])[FMWfmw♀♂][ ,/.]{{1,2}}({_OLD})\b(?![.,]\d|[ ]?(?:%|mm|cm|ml|mg|kg|HU|HE|bpm))",
    # Behind a name or a person: "Frau Huber (94)", "she is 92.", "wird 100,".
    r"\b(?:Frau|Herrn?|Fr\.|Hrn?\.|Mrs?\.?|Ms\.?|Miss)[ ](?:[A-ZÄÖÜ][\w.-]{0,30}[ ]){0,2}"
    rf"[A-ZÄÖÜ][\w-]{{1,30}}[ ]?[,(][ ]?({_OLD})[ ]?(?:[);]|,(?!\d))",
    r"\b(?:he|she|who|pt|patient|er|sie|wird|turned|turns|turning|now|schon|bereits|mit"
    r"|im[ ]Alter)"
    rf"(?:['’]s|[ ](?:is|was|ist|war|wird|von|now|jetzt))?[ ]({_OLD})(?=[ ]?[,.;)](?!\d)"
    rf"|[ ](?:and|und)\b)",
    rf"(?<![\w.,])({_OLD}a)(?![\w])|\b({_OLD}\+)",
    r"\b(ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?)\b"
    r"(?![ -](?:degrees?|per[ ]?cent|millimet|centimet|minutes|seconds|hertz|and|point|ml|mg))",
    r"\b((?:\w{3,6}und)?neunzig)\b(?![ ](?:grad|prozent|millimeter|zentimeter|minuten))",
)
_PATTERNS = tuple(re.compile(form, re.IGNORECASE) for form in _FORMS)


def ages(text: str) -> Iterator[tuple[str, int, int]]:
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            yield "AGE", match.start(match.lastindex or 0), match.end(match.lastindex or 0)
