"""Labels that a container may give: names of what was measured, and no statements.

They stand in the draft of the report with a number behind them, and nobody may take one for a
person's word.
"""

import re
import unicodedata

from storage.core.text.normalization import normalized
from storage.core.text.outside_text import text_from_outside

_LETTERS_AND_MARKS = frozenset({"Lu", "Ll", "Lt", "Lo", "Lm", "Mn", "Mc", "Nd", "No", "Nl"})
_SIGNS = frozenset(" -_/()[]%+.,'°²³µ#&:<>=*±×≤≥–")
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5")
"""Letters by their category that nobody sees."""
_CLAIMS = re.compile(
    r"\b(?:verified|unverified|approved|authori[sz]ed|(?:signed|confirmed|reviewed|read) by"
    r"|dr\.|prof\.|doctor|physician|radiologist|verifiziert|freigegeben|signiert|bestätigt|befundet"
    r"|arzt|ärztin|radiologe|radiologin)(?!\w)",
    re.IGNORECASE,
)
_STATEMENTS = re.compile(
    r"\s*(?:(?:no|not|without|absent|kein|keine|keinen|ohne)\b.*|normal|unremarkable|unauffällig)\s*",
    re.IGNORECASE,
)


def check_answer(text: str) -> str:
    """The label of an answer, which the draft quotes with its confidence: `normal` is one.

    Raises ValueError saying why it is none.
    """
    if "\\" in text or text_from_outside(text, len(text)) != text:
        raise ValueError("has a backslash, or a character of control or of direction")
    plain = normalized("NFKC", text)
    if not any(one.isalnum() and one not in _FILLERS for one in plain):
        raise ValueError("has no letter or digit that can be seen")
    for one in text:
        is_known = unicodedata.category(one) in _LETTERS_AND_MARKS or one in _SIGNS
        if one in _FILLERS or not is_known:
            raise ValueError(f"has U+{ord(one):04X}, which is no letter, digit or common sign")
    if _CLAIMS.search(plain):
        raise ValueError("says who verified it, which no program can")
    return text


def check_label(text: str) -> str:
    """The label of a number or a segment, which the draft states. Raises ValueError."""
    check_answer(text)
    if _STATEMENTS.fullmatch(normalized("NFKC", text)):
        raise ValueError("is a statement and not the name of what was measured")
    return text
