"""Which side of the body images state: of themselves, their frames, their region, their series."""

import re
from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DatasetSequence

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_OF_MODIFIERS = {
    # SCT, and the SNOMED-RT code that older senders write (PS3.16 CID 244).
    "7771000": "L",
    "G-A101": "L",
    "24028007": "R",
    "G-A100": "R",
    "51440002": "B",
    "G-A102": "B",
}
_OF_WORDS = {
    "L": "L",
    "LT": "L",
    "LEFT": "L",
    "LINKS": "L",
    "R": "R",
    "RT": "R",
    "RIGHT": "R",
    "RECHTS": "R",
}
_WORDS = re.compile(r"[A-Z]+")
_FRAMES_AT_MOST = 10_000


def laterality_of(header: Dataset) -> str:
    """`L`, `R` or `B`, by what is nearest to the pixels; empty where none is stated."""
    return next(_stated(header), "")


def side_of(headers: Sequence[Dataset]) -> str:
    """The same of all images together; empty as well where two statements contradict each other,
    or some of the images state none."""
    stated = [frozenset(_stated(header)) for header in headers]
    sides = frozenset().union(*stated)
    return next(iter(sides)) if len(sides) == 1 and all(stated) else ""


def _stated(header: Dataset) -> Iterator[str]:
    """ImageLaterality (PS3.3 C.7.6.1), FrameLaterality (C.7.6.16.2.8), the modifiers of
    AnatomicRegionSequence (10.5), Laterality of the series (C.7.3.1), and words of
    BodyPartExamined."""
    yield from _sides(header.get("ImageLaterality"))
    groups = [group for name in _GROUPS for group in _items(header, name)[:_FRAMES_AT_MOST]]
    frames = [item for group in groups for item in _items(group, "FrameAnatomySequence")]
    for frame in frames:
        yield from _sides(frame.get("FrameLaterality"))
    for holder in (header, *frames):
        for region in _items(holder, "AnatomicRegionSequence"):
            for modifier in _items(region, "AnatomicRegionModifierSequence"):
                side = _OF_MODIFIERS.get(str(modifier.get("CodeValue") or "").strip())
                if side:
                    yield side
    yield from _sides(header.get("Laterality"))
    words = _WORDS.findall(str(header.get("BodyPartExamined") or "")[:64].upper())
    named = {_OF_WORDS[word] for word in words if word in _OF_WORDS}
    if len(named) == 1:
        yield named.pop()


def _sides(value: object) -> Iterator[str]:
    text = str(value or "").strip().upper()
    if text in ("L", "R", "B"):
        yield text


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    return list(value) if isinstance(value, DatasetSequence) else []
