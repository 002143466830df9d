"""What somebody holds to be true of each image: a table of boxes.

`boxes.csv`: the columns `image` (its SOP Instance UID), `label`, `x0`, `y0`, `x1`, `y1` in stored
pixels. An image in which there is nothing has a line with its UID alone.
"""

import csv
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import NoReturn

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from inference.models.cards.card_words import meant
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.folder_walk import files_below

BOXES_FILE = "boxes.csv"
_MAX_BYTES = 64 * 1024 * 1024
_CORNERS = ("x0", "y0", "x1", "y1")
_HEADER = ("image", "label", *_CORNERS)
_SHOWN_CHARACTERS = 70

Box = tuple[float, float, float, float]
"""Left, top, right, bottom: 0, 0 is the upper left corner of the upper left stored pixel."""


@dataclass(frozen=True)
class TrueBoxes:
    """Of one image; none where there is nothing in it."""

    labels: list[str] = field(default_factory=list)
    corners: list[Box] = field(default_factory=list)


def read_box_reference(folder: Path, known: Collection[str]) -> dict[str, TrueBoxes]:
    """By SOP Instance UID. `known`: the labels of the model.

    Raises InvalidRequest naming row, value and remedy.
    """
    sizes = _sizes(folder)
    found: dict[str, TrueBoxes] = {}
    for where, row in _rows(folder / BOXES_FILE):
        uid = row["image"]
        if uid not in sizes:
            _refuse(
                f'{where} names the image "{_shown(uid)}", and no case holds it',
                f"Write the SOP Instance UID of an image below {folder}, or take the row out.",
            )
        boxes = found.get(uid)
        is_empty = not any(row[name] for name in ("label", *_CORNERS))
        if boxes is not None and (is_empty or not boxes.labels):
            _refuse(
                f"{where} names an image again that has a line without a box",
                "Give an image either its boxes or one line without any.",
            )
        boxes = found.setdefault(uid, TrueBoxes())
        if not is_empty:
            boxes.labels.append(_label(where, row["label"], known))
            boxes.corners.append(_box(where, row, sizes[uid]))
    return found


def _label(where: str, stated: str, known: Collection[str]) -> str:
    names = {one.casefold(): one for one in known}
    label = names.get(stated.casefold())
    if label is None:
        labels = sorted(known)
        _refuse(
            f'{where} names the label "{_shown(stated)}", which the model does not know'
            f"{meant(stated, labels)}",
            f"It knows {', '.join(labels[:20])}{', …' if len(labels) > 20 else ''}.",
        )
    return label


def _box(where: str, row: Mapping[str, str], size: tuple[int, int]) -> Box:
    x0, y0, x1, y1 = (_corner(where, name, row[name]) for name in _CORNERS)
    rows, columns = size
    for low, high, first, last, edge, noun in (
        (x0, x1, "x0", "x1", columns, "columns"),
        (y0, y1, "y0", "y1", rows, "rows"),
    ):
        if low >= high:
            _refuse(
                f"{where} has {low:g} for {first} and {high:g} for {last}",
                "Write left and top first, then right and bottom, which are greater.",
            )
        if low < 0 or high > edge:
            beyond = f"{low:g} for {first}" if low < 0 else f"{high:g} for {last}"
            _refuse(
                f"{where} has {beyond}, and the image {edge} {noun}",
                "Write pixels as they are stored, not as they are displayed, turned or resized.",
            )
    return x0, y0, x1, y1


def _corner(where: str, name: str, word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    # Python reads 1_5 as 15.
    if not math.isfinite(value) or "_" in word:
        _refuse(
            f'{where} has "{_shown(word)}" for {name}',
            "Write a number of stored pixels with a decimal point.",
        )
    return value


def _sizes(folder: Path) -> dict[str, tuple[int, int]]:
    """Rows and columns of each image below `folder`, by its UID."""
    found = {}
    for path in files_below(folder):
        try:
            header = dcmread(path, specific_tags=["SOPInstanceUID", "Rows", "Columns"])
        except (InvalidDicomError, OSError):
            continue
        if "Rows" in header and "Columns" in header:
            found[str(header.get("SOPInstanceUID", ""))] = (int(header.Rows), int(header.Columns))
    return found


def _rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Where each stands, and its values by column."""
    heading = ",".join(_HEADER)
    if not path.is_file():
        _refuse(
            f"{path.parent} has no {path.name}",
            f"Write it with the heading {heading}: a line for each box in stored pixels, and for an"
            " image without any a line with its SOP Instance UID alone.",
        )
    if path.stat().st_size > _MAX_BYTES:
        _refuse(f"{path.name} has more than {_MAX_BYTES >> 20} MiB", "Leave out other columns.")
    as_csv = "Save it as CSV in UTF-8."
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        _refuse(f"{path.name} is not UTF-8", as_csv)
    first = text.partition("\n")[0]
    # Spreadsheets of countries with a decimal comma write semicolons.
    reader = csv.reader(StringIO(text, newline=""), delimiter=";" if ";" in first else ",")
    header = [one.strip() for one in next(reader, [])]
    if sorted(header) != sorted(_HEADER):
        _refuse(f"Line 1 of {path.name} is not the heading", f"Begin with: {heading}")
    found = []
    try:
        for cells in reader:
            where = f"Line {reader.line_num} of {path.name}"
            values = [one.strip() for one in cells]
            if not any(values):
                continue
            is_uid_alone = len(values) == 1 and header[0] == "image"
            if len(values) != len(header) and not is_uid_alone:
                _refuse(
                    f"{where} has {len(values)} values, and the heading {len(header)}",
                    "Give each column a value; of an image without a box the UID alone.",
                )
            values += [""] * (len(header) - len(values))
            found.append((where, dict(zip(header, values, strict=True))))
    except csv.Error as error:
        _refuse(f"Line {reader.line_num} of {path.name} is not CSV: {error}", as_csv)
    return found


def _shown(text: str) -> str:
    short = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return "".join(one if one.isprintable() else "?" for one in short)


def _refuse(what: str, remedy: str) -> NoReturn:
    raise InvalidRequest(f"{what}.", remedy=remedy)
