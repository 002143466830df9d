"""Which words are of the language, of medicine, first names, or towns."""

import re
from functools import cache
from importlib import resources
from typing import Any

import yaml

UPPER = r"[A-ZÀ-ÖØ-ÞĀ-ŽȘȚĐẞ]"
NAME_TOKEN = rf"(?:{UPPER}\.|{UPPER}[\w'’]{{0,40}}(?:-{UPPER}[\w'’]{{1,40}}){{0,3}})"
"""An initial, or a word of a name, which may be double."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_FOLDERS = ("inference.language.guard", "inference.language.critical")
# Endings that a family name hardly has, and German and English nouns of medicine have.
_NOUN_ENDINGS = re.compile(
    r"(?:ung|heit|keit|schaft|tion|itis|ose|osis|ismus|ogie|omie|phie|ämie|emia|ektomie|ectomy"
    r"|graphie|graphy|skopie|scopy|pathie|pathy|plasie|plasia|metrie|therapie|therapy|sklerose"
    r"|stenose|fraktur|fracture|tumor|zyste|karzinom|oma|arterie|artery|vene|nerv|muskel|gelenk"
    r"|knochen|lappen|drüse|gewebe|befund|bild|aufnahme|kontrolle|klinik|zeichen|band|sehne|ment"
    r"|ness|ity|ous|ism|ancy|ency|ance|ence|ieren|alis|aris|orum|arum|uren|ungen|tionen|ografie"
    r"|onographie|ogramm|ogram|ängig|fläche|größe|menge|gabe|wert|werte|lage|gang|stelle|raum"
    r"|grad|stadium|wirbel|körper|scheibe|kanal|wand|mittel|schmerz|schmerzen|erguss|ödem"
    r"|blutung|läsion|läsionen|herde|herd|knoten|kranke|leiden)s?$",
    re.IGNORECASE,
)
_DISEASE = re.compile(
    r"(?:['’]s)?[- ](?:type|grade|stage|score|class|classification|criteria|sign|line|lines"
    r"|disease|syndrome|fracture|nodes?|"
    r"cyst|lymph|Lymph|operation|procedure|units?|coma|Coma|anomaly|diverticulum|index|ratio"
    r"|contracture|thyroiditis|esophagus|cardiomyopathy"
    r"|Tumor|Zyste|Fettkörper|Fraktur|Krankheit|Syndrom|Ligament\w*|Kriterien|Stadium"
    r"|Klassifikation|Zeichen|Winkel|[IVX]+\b|\d)"
)
_MORBUS = re.compile(r"(?:Morbus|M\.|Z\.n\.|nach)[ \t]+$")
_COMMON = frozenset(
    "the a an and or of in on at to for from with without by as is are was were be been has have"
    " had he she it they we you i his her its their our this that these those there here not no"
    " new old prior previous current known right left both upper lower middle large small today"
    " findings finding impression technique comparison indication history conclusion summary"
    " addendum report exam examination study procedure operation note reason referral contact"
    " dear yours sincerely faithfully regards kind signed thank see seen seit vom der die das ein"
    " eine und oder mit ohne bei von zu zum zur im am ist sind war wurde wird nach aus auf für"
    " durch über unter als auch nicht kein keine sie er es wir ich ihr sehr geehrter geehrte"
    " freundlichen grüßen befund beurteilung klinik patient patientin patienten fragestellung"
    " vorbefund nachtrag konsil station zimmer datum gerät oberarzt oberärztin chefarzt"
    " chefärztin assistenzarzt assistenzärztin hausarzt hausärztin facharzt fachärztin kollege"
    " kollegin kollegen doctor professor consultant radiologist surgeon physician department"
    " hospital clinic ward theatre phone telephone tel fax mobil handy mobile"
    " cell email mail date time page"
    ""
    " rn md phd np frcr monday tuesday wednesday thursday friday saturday sunday montag dienstag"
    " mittwoch donnerstag freitag samstag sonntag january february march april may june july"
    " august september october november december januar februar märz mai juni juli oktober"
    " dezember blutverlust kontrolle rückfragen rückruf kopie uhr copy account visit order policy"
    " insurance passport station serial number implant device pump mutter vater ehefrau ehemann"
    " tochter sohn kind angehörige schule herr frau herrn familie height weight female male man"
    " woman mr mrs ms dr prof discussed dictated transcribed read reviewed spoke reported".split()
)  # fmt: skip


@cache
def of_medicine() -> frozenset[str]:
    """Words of the codes that pydicom carries and of the node's own lists, in small letters."""
    # Here, since few processes ask, and it takes 18 MB of each.
    from pydicom.sr._concepts_dict import concepts

    schemes: dict[str, Any] = dict(concepts)
    words = {
        word.lower()
        for scheme in schemes.values()
        for codes in scheme.values()
        for meaning, _ in codes.values()
        for word in _WORD.findall(meaning)
    }
    for package in _FOLDERS:
        for file in (resources.files(package) / "data").iterdir():
            words |= {word.lower() for word in _WORD.findall(file.read_text(encoding="utf-8"))}
    return frozenset(words)


def is_word(word: str) -> bool:
    """Whether it is known as a word, so that its capital says nothing of a name."""
    bare = word.strip("-'’").lower()
    return (
        bare in _COMMON
        or bare in of_medicine()
        or bare.rstrip("s") in of_medicine()
        or bool(_NOUN_ENDINGS.search(bare))
        or is_eponym(bare)
    )


def of_disease(text: str, match: re.Match[str]) -> bool:
    """Whether the word names a sign, a disease or a scale by what stands beside it."""
    before = text[max(0, match.start() - 10) : match.start()]
    return bool(_DISEASE.match(text, match.end()) or _MORBUS.search(before))


def is_common(word: str) -> bool:
    return word.lower().rstrip(".") in _COMMON


def is_ordinary(word: str) -> bool:
    """Whether it is one of the few hundred words of each language that stand in every text."""
    return word.lower() in _ordinary()


@cache
def _ordinary() -> frozenset[str]:
    return frozenset(_names("ordinary").split())


def is_eponym(word: str) -> bool:
    return word.lower().removesuffix("'s").removesuffix("’s") in _eponyms()


def is_term(word: str) -> bool:
    """Whether it is a drug, a maker of devices, a test or a germ: a model takes these for names."""
    return word.lower() in _terms()


def is_first_name(word: str) -> bool:
    return word in _first_names() or (word.isupper() and word.title() in _first_names())


@cache
def towns() -> frozenset[str]:
    return frozenset(part.strip() for part in _names("cities").split(","))


def is_last_name(word: str) -> bool:
    return word in _last_names() or (word.isupper() and word.title() in _last_names())


@cache
def _last_names() -> frozenset[str]:
    return frozenset(_names("last_names").split())


@cache
def _first_names() -> frozenset[str]:
    return frozenset(_names("first_names").split())


@cache
def _terms() -> frozenset[str]:
    return frozenset(_names("terms").lower().split())


@cache
def _eponyms() -> frozenset[str]:
    return frozenset(_names("eponyms").lower().split())


def _names(name: str) -> str:
    file = resources.files(__package__) / "data" / f"{name}.yaml"
    read: dict[str, Any] = yaml.load(
        file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return str(read["names"])
