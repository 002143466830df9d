"""Which letters of a PDF's page are seen on it.

A letter is seen where the page looks different without it: the page is drawn with its text and
without, and the letter's place compared. That leaves out whatever hides it: no fill, the colour of
what is behind it, a box above it, a clip, transparency, a layer that is off, the page's edge.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.language.documents.page import Box
from inference.language.documents.pdf_words import Letter, lines_of_words, words_of_letters

Seen = Literal["seen", "above a picture", "not drawn", "hidden"]
"""Above a picture: not drawn itself, and something other than text is drawn at its place, as where
a scan has the text that OCR read in it. Not drawn: nothing is. Hidden: too small, off the page."""

_LEAST_HEIGHT_PIXELS = 7.0
"""Of the font: 2.5 points at 200 dots an inch."""
_LEAST_CONTRAST = 36
"""Of 255, in brightness; a light grey of 86 % on white has it."""
_OF_HUE = 4
"""Differences of hue alone count for a quarter: people read letters by brightness."""
_LEAST_SHARE = 0.06
"""Of a letter's outline box; those of thin slashes have 10 %."""
_LEAST_IN_PICTURE = 0.02
_LEAST_OVERLAP = 0.2
_SAME_LETTER = 0.5
_RING_PIXELS = 2
_CELL_PIXELS = 20
_MOST_IN_CELL = 64
"""Letters at one place; nobody can read more, and each pair of them is compared."""
_MOST_DRAWINGS = 5
_BAND_ROWS = 256
_END = Letter("")
_Pixels = tuple[int, int, int, int]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Drawn:
    image: Image.Image
    letters: tuple[tuple[Letter, Seen], ...]


def draw_and_look(page: Any, letters: Sequence[Letter], draw: Any) -> Drawn:
    """The page as it is, and what is seen of each letter. `draw`: makes its image.

    The page's text is away afterwards.
    """
    image = draw(page)
    whole = np.asarray(image)
    height, width = whole.shape[:2]
    places = [_pixels(one.ink, width, height) for one in letters]
    groups, crowded = _groups(letters, places)
    overlapping = len(set(groups.values())) > 1
    shown: dict[int, NDArray[np.bool_]] = {}
    objects = _text_objects(page)
    for group in sorted(set(groups.values())) if overlapping else ():
        some = [one for key, one in objects.items() if groups.get(key) == group]
        _set_active(some, False)
        shown[group] = _differs(whole, np.asarray(draw(page)))
        _set_active(some, True)
    _set_active(objects.values(), False)
    without = np.asarray(draw(page))
    if not overlapping:
        shown = dict.fromkeys(groups.values(), _differs(whole, without))
    found: list[tuple[Letter, Seen]] = []
    for number, (letter, place) in enumerate(zip(letters, places, strict=True)):
        seen: Seen = "hidden"
        left, top, right, bottom = place
        is_large = _font_pixels(letter.box, width, height) >= _LEAST_HEIGHT_PIXELS
        if letter.text and is_large and right > left and bottom > top:
            mask = shown.get(groups.get(letter.drawn_by, -1))
            if number in crowded:
                seen = "hidden"
            elif mask is not None and _has_ink(mask, place, whole if overlapping else None):
                seen = "seen"
            elif _has_picture(without[top:bottom, left:right]):
                seen = "above a picture"
            else:
                seen = "not drawn"
        found.append((letter, seen if letter.text else "not drawn"))
    return Drawn(image, tuple(found))


def seen_words(drawn: Drawn, shape: float) -> list[tuple[str, Box]]:
    """A word ends where another letter stood in it."""
    return list(
        words_of_letters((one if seen == "seen" else _END for one, seen in drawn.letters), shape)
    )


def unseen_words(drawn: Drawn, shape: float) -> tuple[list[tuple[str, Box]], int]:
    """Words of lines that lie above a picture, and how many others there are.

    Of a line above a picture half the letters are: the two never fit quite.
    """
    some = [(one, seen) for one, seen in drawn.letters if seen not in ("seen", "hidden")]
    words = list(words_of_letters((one for one, _ in some), shape))
    above = iter([seen == "above a picture" for one, seen in some if one.text])
    start = 0
    layer: list[tuple[str, Box]] = []
    for line, _ in lines_of_words(words, shape):
        count = len(line.split())
        letters = list(islice(above, len(line.replace(" ", ""))))
        if sum(letters) * 2 >= len(letters):
            layer += words[start : start + count]
        start += count
    hidden = words_of_letters(
        (one if seen == "hidden" else _END for one, seen in drawn.letters), shape
    )
    return layer, len(words) - len(layer) + sum(1 for _ in hidden)


def _text_objects(page: Any) -> dict[int, Any]:
    from ctypes import addressof

    from pypdfium2 import raw

    found = {}
    for one in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT], max_depth=15):
        found[addressof(one.raw.contents)] = one.raw
    return found


def _set_active(objects: Iterable[Any], is_active: bool) -> None:
    from pypdfium2 import raw

    for one in objects:
        raw.FPDFPageObj_SetIsActive(one, is_active)


def _groups(
    letters: Sequence[Letter], places: Sequence[_Pixels]
) -> tuple[dict[int, int], set[int]]:
    """By text object, a number: those of one number do not lie over each other.

    And the letters of places with too many. The same letter drawn twice, as for bold, is one.
    """
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, (left, top, right, bottom) in enumerate(places):
        if letters[number].text:
            for row in range(top // _CELL_PIXELS, (bottom - 1) // _CELL_PIXELS + 1):
                for column in range(left // _CELL_PIXELS, (right - 1) // _CELL_PIXELS + 1):
                    cells[row, column].append(number)
    crowded: set[int] = set()
    over: dict[int, set[int]] = defaultdict(set)
    with_it: dict[int, set[int]] = defaultdict(set)
    for some in cells.values():
        if len(some) > _MOST_IN_CELL:
            crowded |= set(some)
            continue
        for one, other in combinations(some, 2):
            mine, its = letters[one].drawn_by, letters[other].drawn_by
            if mine == its:
                continue
            share, likeness = _overlap(places[one], places[other])
            if letters[one].text == letters[other].text and likeness > _SAME_LETTER:
                with_it[mine].add(its)
                with_it[its].add(mine)
            elif share > _LEAST_OVERLAP:
                over[mine].add(its)
                over[its].add(mine)
    groups: dict[int, int] = {}
    for key in dict.fromkeys(one.drawn_by for one in letters if one.drawn_by):
        taken = {groups[one] for one in over[key] if one in groups}
        wanted = [groups[one] for one in with_it[key] if groups.get(one, -1) not in {-1, *taken}]
        free = [number for number in range(_MOST_DRAWINGS) if number not in taken]
        if wanted or free:
            groups[key] = min(wanted or free)
    return groups, crowded


def _overlap(one: _Pixels, other: _Pixels) -> tuple[float, float]:
    """As a share of the smaller, and of both together."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    areas = [max((box[2] - box[0]) * (box[3] - box[1]), 1) for box in (one, other)]
    return common / min(areas), common / max(sum(areas) - common, 1)


def _differs(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where two RGB images differ so that people see it."""
    result = np.zeros(one.shape[:2], np.bool_)
    for top in range(0, len(one), _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        change = one[rows].astype(np.int16) - other[rows]
        result[rows] = _visible(change.astype(np.float32)) >= _LEAST_CONTRAST
    return result


def _visible(change: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of differences of RGB, as ITU-R BT.601 has brightness and hue."""
    red, blue = change[..., 0], change[..., 2]
    brightness = 0.299 * red + 0.587 * change[..., 1] + 0.114 * blue
    hue = np.maximum(np.abs(red - brightness) * 0.713, np.abs(blue - brightness) * 0.564)
    visible: NDArray[np.float32] = np.maximum(np.abs(brightness), hue / _OF_HUE)
    return visible


def _has_ink(mask: NDArray[np.bool_], place: _Pixels, whole: NDArray[np.uint8] | None) -> bool:
    """Enough of it; in `whole`, where letters overlap, of a colour other than around it."""
    left, top, right, bottom = place
    if mask[top:bottom, left:right].mean() < _LEAST_SHARE:
        return False
    if whole is None:
        return True
    rows = slice(max(top - _RING_PIXELS, 0), bottom + _RING_PIXELS)
    columns = slice(max(left - _RING_PIXELS, 0), right + _RING_PIXELS)
    ink = mask[rows, columns]
    if ink.all():
        return False
    colours = whole[rows, columns].astype(np.float32)
    contrast = np.median(colours[ink], axis=0) - np.median(colours[~ink], axis=0)
    return bool(_visible(contrast.astype(np.float32)) >= _LEAST_CONTRAST)


def _has_picture(pixels: NDArray[np.uint8]) -> bool:
    change = pixels.astype(np.float32) - np.median(pixels, axis=(0, 1))
    return bool((_visible(change) >= _LEAST_CONTRAST).mean() >= _LEAST_IN_PICTURE)


def _font_pixels(box: Box, width: int, height: int) -> float:
    """Of letters that stand upright and of those that are turned."""
    left, top, right, bottom = box
    return max((right - left) * width, (bottom - top) * height)


def _pixels(box: Box, width: int, height: int) -> _Pixels:
    """The pixels that it touches, on the page."""
    left, top, right, bottom = box
    return (
        max(int(np.floor(left * width)), 0),
        max(int(np.floor(top * height)), 0),
        min(max(int(np.ceil(right * width)), int(left * width) + 1), width),
        min(max(int(np.ceil(bottom * height)), int(top * height) + 1), height),
    )
