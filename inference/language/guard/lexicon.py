"""The small ontology: which words name which concept, in English and German.

Concepts carry a SNOMED CT code where pydicom has one. Words of another site are added to
the files under `data/`; nothing of a language stands in the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from inference.language.guard.languages import LANGUAGES

Category = Literal[
    "anatomy",
    "thing",
    "property",
    "relation",
    "modifier",
    "soft",
    "change",
    "measure",
    "modality",
    "side",
    "trigger",
    "grammar",
    "word",
]
_DATA = Path(__file__).parent / "data"
NAMES: tuple[tuple[str, Category], ...] = (
    ("sides", "side"),
    ("changes", "change"),
    ("measures", "measure"),
    ("modalities", "modality"),
    ("observations", "thing"),
    ("anatomy", "anatomy"),
    ("more_anatomy", "anatomy"),
    ("tumors", "thing"),
    ("diagnoses", "thing"),
    ("procedures", "thing"),
    ("devices", "thing"),
    ("descriptions", "thing"),
    ("modifiers", "modifier"),
)
"""The files of names with what each holds; what is read first has the word."""
_ENDINGS = ("", "e", "en", "er", "es", "em")
_PIECE = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+(?:[.,]\d+)*(?:st|nd|rd|th)?|[^\w\s]")
# A hyphen within a word; between two digits it may mean a range.
_JOINER = re.compile(r"(?<=[^\W\d_])-(?=\w)|(?<=\w)-(?=[^\W\d_])")
_SHORTEST_COMPOUND, _LONGEST_COMPOUND = 9, 40
LEFT, RIGHT = "left", "right"
_SPELLINGS = (
    ("haem", "hem"),
    ("oedem", "edem"),
    ("oesoph", "esoph"),
    ("tumour", "tumor"),
    ("ischaem", "ischem"),
    ("anaem", "anem"),
    ("calibre", "caliber"),
    ("centre", "center"),
    ("fibre", "fiber"),
    ("grey", "gray"),
    ("noea", "nea"),
    ("alis", "aliz"),
    ("artefact", "artifact"),
)
_GREEK = ("ases", "oses", "eses", "yses")
_LATIN = {
    plural: f"{plural[:-1]}us"
    for plural in "bronchi hippocampi menisci thrombi emboli calculi nuclei sulci gyri hili".split()
} | {"diverticula": "diverticulum", "septa": "septum", "foramina": "foramen", "ganglia": "ganglion"}
# What an entry may be called, in place of what its file holds.
_OWN_CATEGORY: tuple[Category, ...] = ("property", "relation", "soft")


@dataclass(frozen=True)
class Entry:
    """What one form stands for."""

    concept: str
    category: Category
    code: str = ""
    expands: tuple[str, ...] = ()
    """The concepts that the form stands for at once, in place of its own."""
    side: str = ""
    """Left or right, where the form itself says so."""
    reach: str = ""
    """Of a trigger: it stands `before` or `after` what it changes, or between `both`;
    `either`: before, where a name follows."""
    restricts: bool = False
    """Saying it with fewer words says more: `normal in size`, `normal`."""
    uncountable: bool = False
    """Scars are scarring: the plural tells of no more than the singular."""
    procedure: bool = False
    """Is past by its nature: `lobectomy`, `status post lobectomy`."""
    removes: bool = False
    """What it is done to is there no longer: `the drain has been removed`."""
    light: bool = False
    """May be left out, or stated of what is there: `projects`."""
    toward: int | None = None
    """Of a change: the direction of the value."""
    part_of: str = ""
    """Of a place: the larger one that holds it."""
    kind_of: tuple[str, ...] = ()
    """Of a thing: the wider ones. What is there is its wider kind too; where that is denied, so
    is each narrower one."""
    site: str = ""
    """Of a thing: the place where it always is, which need not be named with it."""
    german: bool = False


@dataclass(frozen=True)
class Lexicon:
    """Forms by their first piece, the longest first."""

    forms: Mapping[str, Sequence[tuple[tuple[str, ...], Entry]]]
    concepts: Mapping[str, Entry] = field(default_factory=dict)
    requests: Sequence[tuple[str, ...]] = ()
    """What asks for something where nothing stands before it, as it is spelled."""

    def request(self, pieces: Sequence[str], at: int) -> tuple[int, Entry] | None:
        """As `longest`, of an imperative that begins a clause: `Rule out appendicitis.`"""
        if at and pieces[at - 1][0].isalnum():
            return None
        for form in self.requests:
            if tuple(pieces[at : at + len(form)]) == form:
                return len(form), Entry("asked", "trigger", reach="before")
        return None

    def longest(self, pieces: Sequence[str], at: int) -> tuple[int, Entry] | None:
        """How many pieces from `at` on name a concept, and which."""
        for form, entry in self.forms.get(base(pieces[at]), ()):
            if len(form) <= len(pieces) - at and all(
                base(pieces[at + offset]) == piece for offset, piece in enumerate(form)
            ):
                return len(form), entry
        return None

    def parts_of(self, piece: str) -> tuple[Entry, ...]:
        """The concepts of a compound that is written as one word: `Lungenödem`."""
        if len(piece) < _SHORTEST_COMPOUND or len(piece) > _LONGEST_COMPOUND:
            return ()
        for cut in range(len(piece) - 4, 3, -1):
            head = self._alone(piece[cut:])
            if head is None or head.category == "grammar":
                continue
            for linking in ("", "s", "n", "en", "es"):
                first = piece[:cut].removesuffix(linking) if linking else piece[:cut]
                entry = self._alone(first) if len(first) > 3 else None
                if entry is not None and entry.category in ("anatomy", "thing"):
                    return (entry, head)
        return ()

    def _alone(self, piece: str) -> Entry | None:
        found = self.forms.get(base(piece), ())
        return next((entry for form, entry in found if len(form) == 1), None)


def base(piece: str) -> str:
    """A word without its English plural or genitive."""
    piece = _plain_spelling(piece.removesuffix("'s"))
    latin = _LATIN.get(piece)
    if latin is not None:
        return latin
    if len(piece) > 6 and piece.endswith(_GREEK) and not piece.endswith("eases"):
        return f"{piece[:-2]}is"
    if len(piece) > 5 and piece.endswith("ies"):
        return f"{piece[:-3]}y"
    if len(piece) > 5 and piece.endswith("ae"):
        return piece[:-1]
    is_plural = piece.endswith("ions") or not piece.endswith(("ss", "us", "is", "ns", "ös"))
    if len(piece) > 3 and piece.endswith("s") and is_plural:
        return piece[:-1]
    return piece


def is_plural(text: str) -> bool:
    """Whether an English or Latin name stands for several."""
    return base(text) != _plain_spelling(text.removesuffix("'s"))


def _plain_spelling(piece: str) -> str:
    """One spelling for those of Britain and America."""
    for british, american in _SPELLINGS:
        if british in piece:
            piece = piece.replace(british, american)
    return piece


def pieces_of(text: str) -> tuple[str, ...]:
    """Words, numbers and marks of a form, as sentences are cut, too."""
    return tuple(piece for piece, _, _ in located_pieces(text))


def located_pieces(text: str) -> Iterator[tuple[str, int, int]]:
    """Each piece in small letters, with where it starts and ends."""
    for match in _PIECE.finditer(_JOINER.sub(" ", text)):
        yield match.group().casefold(), match.start(), match.end()


@cache
def lexicon() -> Lexicon:
    """Read once from the files beside this one."""
    forms: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    concepts: dict[str, Entry] = {}
    seen: set[tuple[str, ...]] = set()
    for text, entry in _entries():
        concepts.setdefault(entry.concept, entry)
        for variant in _inflected(text):
            form = tuple(base(piece) for piece in pieces_of(variant))
            # The file that is read first has the word.
            if form and form not in seen:
                seen.add(form)
                forms.setdefault(form[0], []).append((form, entry))
    ordered = {first: sorted(group, key=lambda one: -len(one[0])) for first, group in forms.items()}
    asking = str(read_data("triggers")["asked"]["first"]).split("|")
    return Lexicon(ordered, concepts, [tuple(pieces_of(one.strip())) for one in asking])


def _inflected(text: str) -> Iterator[str]:
    if "~" not in text:
        yield text
        return
    for ending in _ENDINGS:
        yield text.replace("~", ending)


def _entries() -> Iterator[tuple[str, Entry]]:
    yield from _triggers()
    for name, category in NAMES:
        yield from _of(name, category)
    for language, words in read_data("grammar").items():
        for word in words.split():
            yield word, Entry(f"grammar:{word}", "grammar", german=language == "de")


def _of(name: str, category: Category) -> Iterator[tuple[str, Entry]]:
    for concept, given in read_data(name).items():
        own: Category = category
        for key in _OWN_CATEGORY:
            if given.get(key):
                own = key
        for language in LANGUAGES:
            for form in str(given.get(language, "")).split("|"):
                text, _, also = form.strip().partition("=")
                if not text:
                    continue
                yield (
                    text,
                    Entry(
                        concept=concept,
                        category=own,
                        code=str(given.get("code", "")),
                        expands=_expansion(concept, given, also),
                        side=also if also in (LEFT, RIGHT) else "",
                        restricts=bool(given.get("restricts")),
                        procedure=bool(given.get("procedure")),
                        removes=bool(given.get("removes")),
                        light=bool(given.get("light")),
                        toward=given.get("toward"),
                        part_of=str(given.get("part_of", "")),
                        kind_of=tuple(str(given.get("kind_of", "")).split()),
                        uncountable=bool(given.get("uncountable")),
                        site=str(given.get("site", "")),
                        german=language == "de",
                    ),
                )


def _expansion(concept: str, given: Mapping[str, Any], also: str) -> tuple[str, ...]:
    if also and also not in (LEFT, RIGHT):
        return (concept, also)
    return tuple(given.get("expands", ()))


def _triggers() -> Iterator[tuple[str, Entry]]:
    for kind, reaches in read_data("triggers").items():
        found: dict[str, str] = {}
        for reach in ("after", "both", "before"):
            for form in map(str.strip, str(reaches.get(reach, "")).split("|")):
                found[form] = "either" if form in found else reach
        for form, reach in found.items():
            if form:
                yield form, Entry(kind, "trigger", reach=reach)


def read_data(name: str) -> dict[str, Any]:
    """A file of `data/`."""
    text = (_DATA / f"{name}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def boilerplate() -> tuple[str, ...]:
    """Sentences that assert nothing."""
    text = (_DATA / "boilerplate.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text))
