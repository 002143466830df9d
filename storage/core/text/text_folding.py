"""Text as it is compared: without regard to case, accents and width (PS3.4 C.2.2.2.1).

What is folded is kept beside the value in the index, so that both databases compare
bytes and can use an index, and names with umlauts or in Cyrillic fold alike in both.
"""

import re
from unicodedata import east_asian_width

from storage.core.text.normalization import normalized

_ACCENTS = re.compile("[\u0300-\u036f]+")
"""Of Latin, Greek and Cyrillic letters. The marks of kana and of other scripts are letters of
their own and stay."""

_LONGEST_NAME = 8
"""Characters of a Chinese, Japanese or Korean name."""


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


def with_caret(word: str) -> list[str]:
    """How a name may stand in DICOM that a person types without a blank: 王小东 is 王^小东.

    The word itself, and for one of Chinese, Japanese or Korean characters also each way to
    divide it into a family name and a given name.
    """
    if not 2 <= len(word) <= _LONGEST_NAME or not all(map(_is_wide, word)):
        return [word]
    return [word, *(f"{word[:at]}^{word[at:]}" for at in range(1, len(word)))]


def _is_wide(character: str) -> bool:
    return east_asian_width(character) == "W"


def search_text(patient_name: str, patient_id: str, *texts: str) -> str:
    """What a word that someone types is looked for in, each field on a line of its own."""
    return "\n".join([folded_name(patient_name), folded(patient_id), *map(folded, texts)])
