"""A table that states of each image, or frame of it, what is in it: boxes or masks.

Its columns are `image` (the SOP Instance UID), `label`, and those of what is stated; `frame`, from
1, where images have several. An image in which there is nothing has a line with its UID alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NoReturn

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from inference.evaluation.cases import BadCase
from inference.evaluation.images.csv_table import MAX_TABLE_BYTES, csv_lines, shortened
from inference.imaging.frames import number_of_frames
from inference.models.cards.card_words import meant
from inference.pipeline import ImageResult
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.folder_walk import files_below
from storage.core.untrusted_input.whole_numbers import read_whole_number

_SHOWN_CHARACTERS = 70

FrameKey = tuple[str, int]
"""SOP Instance UID and frame number, 1 of a single image."""


@dataclass(frozen=True)
class TableForm:
    file: str
    columns: tuple[str, ...]
    """Beside image and label."""
    thing: str
    """What a line states, for its refusals: a box or a mask."""

    @property
    def heading(self) -> tuple[str, ...]:
        return ("image", "label", *self.columns)


@dataclass(frozen=True)
class Stated:
    """One line that is not of an image without anything."""

    where: str
    label: str
    values: Mapping[str, str]
    rows: int
    columns: int
    """Of the image."""


@dataclass(frozen=True)
class _Size:
    rows: int
    columns: int
    frames: int


def read_image_table(
    folder: Path, form: TableForm, known: Collection[str]
) -> dict[FrameKey, list[Stated]]:
    """`known`: the labels of the model. Raises InvalidRequest naming row, value and remedy."""
    sizes = _sizes(folder)
    found: dict[FrameKey, list[Stated]] = {}
    for where, row in _rows(folder / form.file, form):
        uid = row["image"]
        if uid not in sizes:
            refuse(
                f'{where} names the image "{shown(uid)}", and no case holds it',
                f"Write the SOP Instance UID of an image below {folder}, or take the row out.",
            )
        size = sizes[uid]
        is_empty = not any(row[name] for name in ("label", *form.columns))
        frames = _frames(where, row.get("frame", ""), size, is_empty=is_empty)
        for key in ((uid, frame) for frame in frames):
            if key in found and (is_empty or not found[key]):
                refuse(
                    f"{where} names an image again that has a line without a {form.thing}",
                    "Give an image, or a frame, either its lines or one without any.",
                )
            of_frame = found.setdefault(key, [])
            if not is_empty:
                label = _label(where, row["label"], known)
                of_frame.append(Stated(where, label, row, size.rows, size.columns))
    return found


def measured_frames(
    reference: Collection[FrameKey],
    form: TableForm,
    results: Sequence[ImageResult],
    images: Sequence[Dataset],
) -> Iterator[tuple[ImageResult, FrameKey]]:
    """Of the images of a case, those frames that the table states. Raises BadCase where it states
    none of an image that the model takes, or one of an image that it does not take."""
    stated: dict[str, list[int]] = {}
    for uid, frame in reference:
        stated.setdefault(uid, []).append(frame)
    taken = {one.sop_instance_uid for one in results}
    missing = [one for one in taken if one not in stated]
    if missing:
        raise BadCase(
            f"{form.file} does not state the image {missing[0]}: add its lines, or one with its UID"
            " alone where there is nothing in it."
        )
    left = [
        uid for uid in (str(one.SOPInstanceUID) for one in images) if uid in stated.keys() - taken
    ]
    if left:
        raise BadCase(f"{form.file} states the image {left[0]}, which the model does not take.")
    for result in results:
        uid = result.sop_instance_uid
        yield from ((result, (uid, frame)) for frame in sorted(stated[uid]))


def _frames(where: str, stated: str, size: _Size, *, is_empty: bool) -> list[int]:
    """Which frames a line is of: all of them where it states no frame and nothing in it."""
    if not stated and (is_empty or size.frames == 1):
        return list(range(1, size.frames + 1))
    if not stated:
        refuse(
            f"{where} states no frame, and the image has {size.frames}",
            "Add the column frame, which counts from 1.",
        )
    frame = read_whole_number(stated)
    if frame is None or not 1 <= frame <= size.frames:
        refuse(
            f'{where} has "{shown(stated)}" for frame, and the image {size.frames}',
            "Count frames from 1.",
        )
    return [frame]


def _label(where: str, stated: str, known: Collection[str]) -> str:
    names = {one.casefold(): one for one in known}
    label = names.get(stated.casefold())
    if label is None:
        labels = sorted(known)
        refuse(
            f'{where} names the label "{shown(stated)}", which the model does not know'
            f"{meant(stated, labels)}",
            f"It knows {', '.join(labels[:20])}{', …' if len(labels) > 20 else ''}.",
        )
    return label


def _sizes(folder: Path) -> dict[str, _Size]:
    """Of each image below `folder`, by its UID."""
    found = {}
    wanted = ["SOPInstanceUID", "Rows", "Columns", "NumberOfFrames"]
    for path in files_below(folder):
        try:
            header = dcmread(path, specific_tags=wanted)
        except (InvalidDicomError, OSError):
            continue
        if "Rows" in header and "Columns" in header:
            size = _Size(int(header.Rows), int(header.Columns), number_of_frames(header))
            found[str(header.get("SOPInstanceUID", ""))] = size
    return found


def _rows(path: Path, form: TableForm) -> list[tuple[str, dict[str, str]]]:
    """Where each stands, and its values by column."""
    heading = ",".join(form.heading)
    if not path.is_file():
        refuse(
            f"{path.parent} has no {path.name}",
            f"Write it with the heading {heading}: a line for each {form.thing}, and for an image"
            " without any a line with its SOP Instance UID alone.",
        )
    if path.stat().st_size > MAX_TABLE_BYTES:
        refuse(f"{path.name} has more than {MAX_TABLE_BYTES >> 20} MiB", "Leave out other columns.")
    lines = csv_lines(path)
    _, header = next(lines, ("", []))
    if sorted(header) not in (sorted(form.heading), sorted((*form.heading, "frame"))):
        refuse(f"Line 1 of {path.name} is not the heading", f"Begin with: {heading}")
    found = []
    for where, values in lines:
        is_uid_alone = len(values) == 1 and header[0] == "image"
        if len(values) != len(header) and not is_uid_alone:
            refuse(
                f"{where} has {len(values)} values, and the heading {len(header)}",
                f"Give each column a value; of an image without a {form.thing} the UID alone.",
            )
        found.append((where, dict(zip_longest(header, values, fillvalue=""))))
    return found


def shown(stated: str) -> str:
    return shortened(stated, _SHOWN_CHARACTERS)


def refuse(what: str, remedy: str) -> NoReturn:
    raise InvalidRequest(f"{what}.", remedy=remedy)
