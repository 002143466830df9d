"""Names that people take for one another, although they are different texts.

The skeleton of UTS 39 (4), by a table of the letters that Latin names are imitated with: its whole
table is not among what the standard library has. What the table lacks is caught by its scripts.
"""

import unicodedata

from storage.core.text.normalization import normalized
from storage.core.text.text_folding import folded

_PAIRS = (
    # Cyrillic
    ("АВЕЅІЈКМНОРСТУХҮԌԚԜҺЬ", "ABESIJKMHOPCTYXYGQWHB"),
    ("аеѕіјорсухүԁһԛԝӏгпьквмнт", "aesijopcyxydhqwlrnbkbmht"),
    # Greek
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXC"),
    ("αβγεηικνορτυχωϲϳ", "abyenikvoptuxwcj"),
    # Armenian
    ("օսհոցքյգ", "ouhngpjq"),
    # Latin letters that do not decompose
    ("ıɩȷɑɡøØđĐłŁħĦƖǀ", "iijagoOdDlLhHll"),
    ("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"),
)
_LOOK_ALIKE = str.maketrans(
    "".join(imitating for imitating, _ in _PAIRS), "".join(latin for _, latin in _PAIRS)
)
# Blanks and variation selectors that Python calls printable: Hangul fillers (NFKD makes one of
# two), Khmer's inherent vowels, Mongolian and other selectors, the empty pattern of Braille.
_UNSEEN = frozenset("\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800").union(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
# Of one shape in many typefaces.
_ONE_SHAPE = str.maketrans("l1|!0", "iiiio")
_TWO_FOR_ONE = (("rn", "m"), ("vv", "w"))
# Written together in one name: Japanese, Chinese and Korean, with Latin letters among them.
_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "LATIN"})
# In everyday use (UAX 31, table 5), as the names of their letters begin.
_IN_USE = _EAST_ASIAN | {
    *("ARABIC", "ARMENIAN", "BENGALI", "CYRILLIC", "DEVANAGARI", "ETHIOPIC", "GEORGIAN", "GREEK"),
    *("GUJARATI", "GURMUKHI", "HEBREW", "KANNADA", "KHMER", "LAO", "MALAYALAM", "MYANMAR"),
    *("ORIYA", "SINHALA", "TAMIL", "TELUGU", "THAANA", "THAI", "TIBETAN"),
}


def skeleton(name: str) -> str:
    """What names that look alike have in common; for comparing alone.

    Case, accents, width, spaces and invisible characters do not count.
    """
    shapes = normalized("NFKD", name).translate(_LOOK_ALIKE)
    visible = "".join("-" if _is_dash(one) else one for one in shapes if is_visible(one))
    found = "".join(folded(visible).split()).translate(_ONE_SHAPE)
    for two, one in _TWO_FOR_ONE:
        found = found.replace(two, one)
    return found


def mixes_scripts(name: str) -> bool:
    """Whether letters of different scripts, or of one that nobody writes today, imitate a name."""
    scripts = {
        unicodedata.name(one, "UNKNOWN").partition(" ")[0]
        for one in normalized("NFKD", name)
        if unicodedata.category(one).startswith(("L", "Nl"))
    }
    return not (scripts <= _IN_USE and (len(scripts) <= 1 or scripts <= _EAST_ASIAN))


def is_visible(one: str) -> bool:
    """Whether a reader sees anything of it, a blank apart."""
    return one.isprintable() and one not in _UNSEEN


def _is_dash(one: str) -> bool:
    return unicodedata.category(one) == "Pd"
