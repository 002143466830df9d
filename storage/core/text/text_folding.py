"""Text as it is compared: without regard to case, accents and width (PS3.4 C.2.2.2.1).

What is folded is kept beside the value in the index, so that both databases compare
bytes and can use an index, and names with umlauts or in Cyrillic fold alike in both.
"""

import re

from storage.core.text.normalization import normalized

_ACCENTS = re.compile("[\u0300-\u036f]+")
"""Of Latin, Greek and Cyrillic letters. The marks of kana and of other scripts are letters of
their own and stay."""


def folded(text: str) -> str:
    """`Müller` → `muller`, `Straße` → `strasse`, full-width letters as the narrow ones."""
    if text.isascii():
        return text.casefold()
    decomposed = normalized("NFKD", text)
    return normalized("NFC", _ACCENTS.sub("", decomposed).casefold())


def folded_name(name: str) -> str:
    """A person name folded; components and groups without a value at its end do not count.

    `Smith^John^^^` and `SMITH^JOHN` are one name (PS3.5 6.2.1).
    """
    groups = (folded(group).strip().rstrip("^ ") for group in name.split("="))
    return "=".join(groups).rstrip("=")


def search_text(patient_name: str, patient_id: str, *texts: str) -> str:
    """What a word that someone types is looked for in, each field on a line of its own."""
    return "\n".join([folded_name(patient_name), folded(patient_id), *map(folded, texts)])
