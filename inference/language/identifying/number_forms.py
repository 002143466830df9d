"""Numbers in groups, codes of people who wrote or typed, extensions, and the tails of numbers."""

import re
from collections.abc import Iterator, Sequence

_NO_UNIT = r"(?![ \t]?(?:mm|cm|ml|mg|kg|g\b|%|HU|HE|Hz|kHz|kV|mA|mGy|ms|bpm|x\b))"
_FORMS: tuple[tuple[str, str], ...] = (
    # Three groups and seven digits at least: "19 204 417".
    (
        "ID",
        rf"(?<![\w.,/-])(?=\d+(?:[ ]\d+){{2}})(?=(?:\d[ ]?){{7}})"
        rf"\d{{1,5}}(?:[ ]\d{{2,5}}){{2,6}}\b(?![.,/]\d){_NO_UNIT}",
    ),
    ("ID", r"(?<![\w-])[A-Z]{2,6}-[A-Z]{1,6}-\d{2,8}(?:-\w{1,6})?\b"),
    (
        "ID",
        r"(?<![\w-])(?!PI-|BI-|TI-|LI-|CO-|O-|LUNG-|VI-"
        r"|NI-)[A-Z]{1,5}-\d{1,4}-[A-Z\d]{2,8}(?:-\w{1,6})*\b",
    ),
    (
        "ID",
        r"\b(?:[A-Z]{2,4}/[a-z]{2,3}|[A-Z][a-z]/[a-z]{2,3}"
        r"|[a-z]{2}/[A-Z]{2,3})(?:/\d{2,})?(?!\w)",
    ),
    ("ID", r"\b[A-Z]{1,4}/[A-Za-z]{1,4}/\d{2,}\b"),
    ("ID", r"(?<![\w.-])(?=\d{1,3}[A-Z])(?=\w*[a-z])\d{1,3}[A-Z][a-z]\d\w{1,6}\b"),
    ("ID", r"(?<![\w/-])(?:[A-Z]\d{3}[A-Z]{2,3}|[A-Z]{2,3}\d{3,6}[A-Z]{1,3})\b"),
    ("ID", r"(?<![\w/-])[A-Z]{2,4}\d{4,}\b"),
    (
        "NAME",
        r"\b(?:by|user|login|von|durch|per)[ \t:]+(?=[a-z._]{2,20}\d)([a-z._]{2,20}\d{1,4})\b",
    ),
    ("DEVICE", r"(?<![\w/-])[A-Z]\d{4}(?:[ -]\d{3,5})+\b"),
    ("NAME", r"@[a-z]\w{2,20}\b"),
    (
        "ID",
        r"\b(?:GZ|Gz\.|Az\.?|Geschäftszahl|Aktenzahl"
        r"|Zl\.)[ \t:]*(\d{1,3}[ ][A-Z]{1,3}[ ]\d{1,5}/\d\d\w?)\b",
    ),
    (
        "ID",
        r"\b(?:[Cc]ode|[Kk]ennwort|[Pp]asswor[dt]|PIN|[Bb]efundcode|[Ll]icen[cs]e"
        r"|Führerschein(?:-?[Nn]r\.?)?|Lizenz|[Bb]adge|Ausweis|IK|BSNR|LANR|KV|"
        r"VNR|VN|Vers\.-?Nr\.?|SVNR|Matrikel(?:nr\.?)?|Dienst-?[Nn]r\.?|[Pp]olice|[Pp]lates?"
        r"|[Rr]eg(?:istration)?\.?)[ \t:#]+((?=[\w ./-]{0,12}\d)[A-Z\d][\w/.-]{1,16}"
        r"(?:[ ](?=\w*\d)\w{2,10}){0,3})",
    ),
    ("DEVICE", r"\b[A-Z]{2,4}-(?:SN|S/N|REF|LOT)[ \t:#]*(?=\w*\d)[\w-]{4,20}"),
    (
        "PHONE",
        r"(?<!\w)(?:App\.?|Kl\.?|DW|Nst\.?|NSt\.?|Nebenstelle|Klappe|intern|[Ee]xt\.?|[Xx]"
        r"|[Ee]xtension|[Pp]age[rd]?|[Bb]leep|[Bb]eeper|DECT|Piepser|Funk|Tel\.?)"
        r"[ \t:#]{0,2}(#?\d[\d -]{0,10}\d)\b(?![.,]\d)(?![ \t]?(?:mm|cm|ml|mg))",
    ),
    ("PHONE", r"(?<!\w)#\d{1,2}-\d{3,5}\b|(?<=[ ,(])-\d{5,6}\b|(?<=, )-\d{3,4}\b(?=[;,.)\n])"),
    # As OCR reads them: letters for digits, and a bracket lost.
    (
        "PHONE",
        r"(?<![\w.])\(?(?=[\dOolI]*\d)[\dOolI]{3}\)?[ .-]"
        r"[\dOolI]{3}[.-](?=[\dOolI]*\d)[\dOolI]{4}\b",
    ),
    ("ID", r"(?<![\w/.-])(?=[\dOlI]*\d[\dOlI]*\d)(?=\d*[OlI])[\dOlI]{5,10}(?:-[\dOlI]+)?\b"),
    ("ID", r"(?<![\w-])[xX*•]{2,3}-[xX*•]{2}-[\dOlI]{4}\b"),
    (
        "PHONE",
        r"(?<![\w.,/-])0\d{1,5}/\d{2,4}(?:[ -]\d{2,4}){1,4}(?:[ ]?(?:Kl\.?|DW"
        r"|App\.?)[ ]?\d{1,4})?",
    ),
    ("PHONE", r"(?<![\w.,/-])0\d{2,4}(?:[ ]?[-–/ ][ ]?\d{2,4}){2,5}\b(?![.,/]\d)"),
)
_COMPILED = tuple((kind, re.compile(form)) for kind, form in _FORMS)
_TAIL = re.compile(
    r"(?:[ ]?[/-]?[ ]?(?:(?=\w{0,6}\d)(?=\w{0,6}[A-Z])[A-Z\d]{2,8}(?![\w.,]*\d)"
    r"|(?<=\d )\d{2,6}(?![\w.,/:]))"
    r"(?![ \t]?(?:mm|cm|ml|mg|kg|g\b|%|x\b|HU|HE|Uhr|[Yy]ears|Jahre)))+"
    r"|[ ](?:DW|Kl\.?|App\.?|ext\.?)[ ]?\d{1,5}\b"
)
_SPINE = re.compile(
    r"[ /-]{0,3}(?:[CTLS]|Th|BWK|LWK|HWK)\d{1,2}\b|[ /-]{0,3}(?:T\d[a-c]?|N\d"
    r"|M\d)"
)


def number_forms(text: str) -> Iterator[tuple[str, int, int]]:
    for kind, pattern in _COMPILED:
        for match in pattern.finditer(text):
            group = 1 if match.lastindex else 0
            yield kind, match.start(group), match.end(group)


def tails(text: str, ends: Sequence[int]) -> Iterator[tuple[str, int, int]]:
    """Groups of digits and capitals that go on where a number was taken to end."""
    for end in ends:
        match = _TAIL.match(text, end)
        if match and not _SPINE.match(match[0]):
            yield "ID", match.start(), match.end()
