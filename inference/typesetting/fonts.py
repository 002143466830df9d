"""Fonts for what a PDF's own font has no sign for: Noto Sans, from installed packages.

Armenian and Georgian, which no package of Noto has, are drawn in DejaVu Sans, which comes with
matplotlib.

A font of 20,000 characters is reduced to those that a document shows, at one weight, before
ReportLab takes it: that is 0.4 s instead of a minute.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from io import BytesIO
from pathlib import Path

from inference.typesetting.thai import RAISED, add_raised_marks, without_raised_marks

_REGULAR = {"wght": 400, "wdth": 100}


@dataclass(frozen=True)
class FontFile:
    """A TrueType font in a package; `name` is what ReportLab knows it by."""

    name: str
    package: str
    file: str

    def path(self) -> Path | None:
        """Where it lies, or None where the package is not installed."""
        try:
            files = metadata.distribution(self.package).files or ()
        except metadata.PackageNotFoundError:
            return None
        return next((Path(str(one.locate())) for one in files if one.name == self.file), None)


_SANS = FontFile("NotoSans", "fontpkg-noto-sans", "NotoSans[wdth,wght].ttf")
THAI = FontFile("NotoSansThai", "fontpkg-noto-sans-thai", "NotoSansThai[wdth,wght].ttf")
_ARABIC = FontFile("NotoSansArabic", "justmytype-intl-rtl", "NotoSansArabic[wdth,wght].ttf")
_HEBREW = FontFile("NotoSansHebrew", "justmytype-intl-rtl", "NotoSansHebrew[wdth,wght].ttf")
_JAPANESE = FontFile("NotoSansJP", "justmytype-intl-cjk", "NotoSansJP[wght].ttf")
_KOREAN = FontFile("NotoSansKR", "justmytype-intl-cjk", "NotoSansKR[wght].ttf")
_CHINESE = FontFile("NotoSansSC", "justmytype-intl-cjk", "NotoSansSC[wght].ttf")
_TRADITIONAL = FontFile("NotoSansTC", "justmytype-intl-cjk", "NotoSansTC[wght].ttf")
_DEJAVU = FontFile("DejaVuSans", "matplotlib", "DejaVuSans.ttf")
FONTS = (_SANS, THAI, _ARABIC, _HEBREW, _JAPANESE, _KOREAN, _CHINESE, _TRADITIONAL, _DEJAVU)

# One character has other shapes in each of the languages; the character set tells which.
_EAST_ASIAN = {
    "87": (_JAPANESE, _CHINESE, _KOREAN),
    "159": (_JAPANESE, _CHINESE, _KOREAN),
    "13": (_JAPANESE, _CHINESE, _KOREAN),
    "149": (_KOREAN, _JAPANESE, _CHINESE),
}
_SCRIPTS = {
    "THAI": (THAI,),
    "ARABIC": (_ARABIC,),
    "HEBREW": (_HEBREW,),
    "ARMENIAN": (_DEJAVU,),
    "GEORGIAN": (_DEJAVU,),
}


def is_east_asian(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F", "H") and character != "₩"


def fonts_for(text: str, character_set: str = "") -> dict[str, FontFile]:
    """The font of each character of a document that any of them has a sign for."""
    found = {}
    east_asian = _east_asian_order(text, character_set)
    for character in set(text):
        if is_east_asian(character):
            fonts = east_asian
        else:
            script = unicodedata.name(character, "THAI").partition(" ")[0]
            fonts = (*_SCRIPTS.get(script, ()), _SANS, *east_asian)
        font = next((one for one in fonts if ord(character) in _characters(one)), None)
        if font is not None:
            found[character] = font
    return found


def _east_asian_order(text: str, character_set: str) -> tuple[FontFile, ...]:
    names = {unicodedata.name(one, "").partition(" ")[0] for one in set(text)}
    order = next((_EAST_ASIAN[one] for one in _numbers(character_set) if one in _EAST_ASIAN), None)
    if order is None and names & {"HIRAGANA", "KATAKANA"}:
        order = _EAST_ASIAN["87"]
    if order is None and "HANGUL" in names:
        order = _EAST_ASIAN["149"]
    return (*(order or (_CHINESE, _JAPANESE, _KOREAN)), _TRADITIONAL)


def _numbers(character_set: str) -> Iterable[str]:
    return (term.rpartition(" ")[2] for term in character_set.split("\\"))


@cache
def _characters(font: FontFile) -> frozenset[int]:
    """Code points that the font has; none where its package is not installed."""
    from fontTools.ttLib import TTFont

    path = font.path()
    if path is None:
        return frozenset()
    with TTFont(path, lazy=True) as opened:
        return frozenset(opened.getBestCmap()) | (RAISED if font == THAI else frozenset())


def reduced(font: FontFile, characters: str) -> bytes:
    """The font with these characters alone, at regular weight; the same each time.

    Raises FileNotFoundError where its package is not installed.
    """
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    path = font.path()
    if path is None:
        raise FileNotFoundError(f"The font {font.name} is missing: install {font.package}.")
    options = Options()
    # ReportLab places signs by their widths alone.
    options.drop_tables += ["BASE", "GDEF", "GPOS", "GSUB", "MVAR", "STAT", "VVAR", "vhea", "vmtx"]
    options.hinting = False
    subsetter = Subsetter(options)
    shown = characters if font != THAI else without_raised_marks(characters)
    subsetter.populate(text=shown + " ")
    buffer = BytesIO()
    with TTFont(path, lazy=True, recalcTimestamp=False) as opened:
        subsetter.subset(opened)
        if "fvar" in opened:
            limits = {axis.axisTag: _REGULAR[axis.axisTag] for axis in opened["fvar"].axes}
            instancer.instantiateVariableFont(opened, limits, inplace=True)
        if font == THAI:
            add_raised_marks(opened)
        opened.save(buffer, reorderTables=False)
    return buffer.getvalue()
