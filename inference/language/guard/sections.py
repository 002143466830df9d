"""The headings of a report, and what stands under each."""

import re

_HEADING = re.compile(r"^\s*([A-ZÄÖÜ][\w/&() ]{2,60}):\s*$")
# These need no colon.
_SECTIONS = re.compile(
    r"^\s*((?:other |main )?(?:findings?|impressions?|conclusions?|summary|opinion|comparison"
    r"|technique|procedure|recommendations?|examination|indication|history"
    r"|clinical (?:information|history|indication|data)|reason for (?:exam|examination|study)"
    r"|befund|beurteilung|zusammenfassung|technik|vergleich|fragestellung|anamnese"
    r"|klinische angaben))\s*$",
    re.IGNORECASE,
)
_CONCLUSIONS = re.compile(
    r"impression|conclusion|summary|opinion|recommend|beurteilung|zusammenfassung", re.I
)
_PREAMBLE = re.compile(
    r"clinical|indication|history|technique|comparison|procedure|exam|klinik|anamnese|technik"
    r"|fragestellung|vergleich|indikation|klinisch|angaben|vorgeschichte|\breason\b|\bquestion"
    r"|\brequest|\breferral|\brule out\b|verdacht|überweisung|zuweisung|\bpmh\b|\bhx\b|vordiagnose",
    re.I,
)
# These are of then even where they name findings: `Prior findings`, `Vorbefund`.
_BEFORE = re.compile(
    r"\b(?:priors?|previous(?:ly)?|earlier|last|old|past|known)\b|\bvor-?(?:befund|untersuchung|aufnahme"
    r"|bild|studie|geschichte|ct\b|mrt?\b)|\bvorherig|\bfrühere|\bletzte|\bbekannt|\balte\b"
    r"|\b(?:clinical|klinische[rs]?) (?:findings?|befunde?)\b",
    re.I,
)
_FINDINGS = re.compile(r"findings?|befunde?|results?|report|ergebnis", re.I)


def heading_of(line: str) -> str:
    """The heading that stands alone on a line, without its colon; empty where it is none."""
    match = _HEADING.match(line) or _SECTIONS.match(line)
    return match.group(1).strip() if match else ""


def is_section(heading: str) -> bool:
    """Whether it begins a section of the text."""
    known = (_CONCLUSIONS, _PREAMBLE, _FINDINGS, _BEFORE)
    return any(pattern.search(heading) for pattern in known)


def is_preamble(heading: str) -> bool:
    """Whether what stands under the heading was known before: indication, history, technique."""
    return bool(_BEFORE.search(heading)) or (
        bool(_PREAMBLE.search(heading))
        and not (_CONCLUSIONS.search(heading) or _FINDINGS.search(heading))
    )


def begins_findings(heading: str) -> bool:
    """Whether what was found stands under the heading, or the conclusion from it."""
    found = _CONCLUSIONS.search(heading) or _FINDINGS.search(heading)
    return bool(found) and not is_preamble(heading)


def concludes(heading: str) -> bool:
    """Whether the text's own conclusion stands under the heading."""
    return bool(_CONCLUSIONS.search(heading))
