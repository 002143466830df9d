"""Weight folders of TotalSegmentator: its parts recognised by their classes, with its own codes.

The tables of classes and codes are read from its wheel when a model is added, and kept in the
card of the model, so that the wheel may go afterwards.
"""

import csv
import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from inference.models.cards.card_file import CARD_FILE, Card, parsed
from inference.models.files import file_sha256
from inference.nnunet.card import Combined, NnunetCard, Part
from inference.nnunet.conversion import checkpoint_reader
from inference.nnunet.dataset import read_dataset
from inference.nnunet.description import (
    COMBINED_FILE,
    NnunetDescription,
    convert_part,
    install_converted,
    is_nnunet,
)
from inference.nnunet.plans import read_configuration, read_plans
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest
from storage.settings import Settings

_PACKAGE = "totalsegmentator"
_INSTALL = "Its tables alone are read: pip install --no-deps totalsegmentator."
_CODES = "resources/totalsegmentator_snomed_mapping.csv"
_OF_CT = "Wasserthal et al., Radiology: Artificial Intelligence 2023, doi:10.1148/ryai.230024."
_OF_MR = "Akinci D'Antonoli et al., Radiology 2025, doi:10.1148/radiol.241613."
# By task: the modality, what its wheel calls the classes of each part, and who describes them.
_TASKS = {
    "total": ("CT", "class_map_5_parts", _OF_CT),
    "total_v3": ("CT", "class_map_5_parts_total_v3", _OF_CT),
    "total_mr": ("MR", "class_map_parts_mr", _OF_MR),
}
_STEP = 0.8
_SIDES = {"Left": "left", "Right": "right"}
_LUNG, _VERTEBRA = ("39607008", "SCT", "Lung"), ("51282000", "SCT", "Vertebra")
# Of classes that the table of 2.18 leaves out. For a sixth lumbar vertebra pydicom's codes have no
# concept of its own; its label says which vertebra it is.
_MISSING: dict[str, dict[str, Any]] = {
    "lung_left": {"code": _LUNG, "laterality": "left"},
    "lung_right": {"code": _LUNG, "laterality": "right"},
    "vertebrae": {"code": _VERTEBRA},
    "vertebrae_L6": {"code": _VERTEBRA},
    "intervertebral_discs": {"code": ("360499006", "SCT", "Intervertebral disc")},
}


ClassMaps = Mapping[str, Mapping[str, Mapping[int, str]]]
"""By task and part the names of classes by value; the part "" has all of the task."""


@dataclass(frozen=True)
class _Found:
    """A trained model that is a part of a task, or all of it."""

    folder: Path
    part: str
    classes: Mapping[int, str]


def trained_folders(folder: Path) -> list[Path]:
    """Models that nnU-Net trained, in a folder of its results or of one of their data sets."""
    candidates = (folder, *folder.glob("*__*__*"), *folder.glob("Dataset*/*__*__*"))
    return sorted(one for one in candidates if is_nnunet(one))


def add_totalsegmentator(settings: Settings, folder: Path) -> NnunetDescription:
    """Convert the parts of a task, with a card of their classes, to where models lie.

    Of several models the one with the smallest voxels is taken. Raises InvalidRequest,
    ModelUnusable.
    """
    maps = _class_maps()
    task, spacing_mm, chosen = _finest(folder, maps)
    numbers = {name: value for value, name in maps[task][""].items()}
    with (
        tempfile.TemporaryDirectory(prefix="mediview-nnunet-") as converted,
        checkpoint_reader(one.folder for one in chosen) as processes,
    ):
        target = Path(converted)
        stated = _card(folder, task, spacing_mm, numbers, _release(chosen))
        (target / CARD_FILE).write_text(json.dumps(stated, indent=1))
        card = parsed(NnunetCard, target / CARD_FILE)
        parts = []
        for one in chosen:
            place = one.part.removeprefix("class_map_part_") or task
            (target / place).mkdir()
            convert_part(one.folder, target / place, card, processes)
            values = {str(own): numbers[name] for own, name in one.classes.items()}
            parts.append(Part(folder=place, values=values))
        combined = Combined(task=task, spacing_mm=spacing_mm, parts=tuple(parts))
        (target / COMBINED_FILE).write_text(combined.model_dump_json(indent=1))
        return install_converted(settings, target)


def _class_maps() -> ClassMaps:
    """The tables of the wheel. Raises ModelUnusable where it is not installed."""
    try:
        from totalsegmentator import map_to_binary
    except ImportError as error:
        raise ModelUnusable(
            "The folder looks like weights of TotalSegmentator, whose package is not installed.",
            remedy=f"{_INSTALL} Of any other model of nnU-Net name the folder with plans.json.",
        ) from error
    maps = {}
    for task, (_, parts, _) in _TASKS.items():
        classes = map_to_binary.class_map[task]
        names = set(classes.values())
        maps[task] = {"": dict(classes)} | {
            part: dict(own)
            for part, own in getattr(map_to_binary, parts).items()
            if names.issuperset(own.values())
        }
    return maps


def _spacing_mm(folder: Path) -> float:
    """The edge of the voxels that a model was trained with, which TotalSegmentator resamples to."""
    name = folder.name.rpartition("__")[2]
    spacing = read_configuration(folder, read_plans(folder), name).spacing
    if len(set(spacing)) != 1 or len(spacing) != 3:
        raise InvalidRequest(
            f"{folder} was trained with voxels of {' × '.join(map(str, spacing))} mm;"
            " TotalSegmentator's are cubes.",
            remedy="Get the weights again.",
        )
    return spacing[0]


def _finest(folder: Path, maps: ClassMaps) -> tuple[str, float, list[_Found]]:
    """Of the tasks whose classes are all there, the one with the smallest voxels: its name, the
    edge of its voxels, and its models in the order in which they are run."""
    own = {one: _classes(one) for one in trained_folders(folder)}
    complete: list[tuple[float, str, list[_Found]]] = []
    missing = ""
    for task, parts in maps.items():
        by_spacing: dict[float, dict[str, _Found]] = {}
        for part, classes in parts.items():
            for one in [one for one, stated in own.items() if stated == classes]:
                spacing_mm = _spacing_mm(one)
                found = by_spacing.setdefault(spacing_mm, {})
                if part in found:
                    raise _equal(folder, found[part].folder, one)
                found[part] = _Found(one, part, classes)
        for spacing_mm, found in by_spacing.items():
            wanted = [""] if "" in found else [part for part in parts if part]
            absent = [part for part in wanted if part not in found]
            if absent:
                missing = missing or f"{', '.join(absent)} of the task {task}"
            else:
                complete.append((spacing_mm, task, [found[part] for part in wanted]))
    if complete:
        complete.sort(key=lambda one: one[0])
        spacing_mm, task, chosen = complete[0]
        if complete[1:] and complete[1][0] == spacing_mm:
            raise _equal(folder, chosen[0].folder, complete[1][2][0].folder)
        return task, spacing_mm, chosen
    if missing:
        raise InvalidRequest(
            f"{folder} lacks {missing}.", remedy="Name the folder that holds all parts."
        )
    raise InvalidRequest(
        f"{folder} has no model with the classes of TotalSegmentator {metadata.version(_PACKAGE)}.",
        remedy=f"Known are those of {', '.join(_TASKS)}; of another model of nnU-Net name the"
        " folder with plans.json, and put a card there: docs/pipelines/nnunet.md.",
    )


def _equal(folder: Path, one: Path, other: Path) -> InvalidRequest:
    return InvalidRequest(
        f"{folder} has two models of the same classes or the same size of voxels:"
        f" {one.relative_to(folder)} and {other.relative_to(folder)}.",
        remedy="Name a folder with one of them.",
    )


def _release(chosen: Iterable[_Found]) -> str:
    """Of the weights, as the wheel's table names the release of their folders; of others, which
    may be older or an operator's own, what is in them."""
    from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS

    known = {one["foldername"]: one.get("version") for one in TASK_ID_WEIGHTS_CONFIGS.values()}
    places = [one.folder for one in chosen]
    releases = {known.get(place.parent.name) for place in places}
    release = releases.pop()
    if release and not releases:
        return str(release)
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(place.glob("fold_*/checkpoint_*.pth")):
            digest.update(bytes.fromhex(file_sha256(path)))
    return f"sha256-{digest.hexdigest()[:16]}"


def _classes(folder: Path) -> dict[int, str]:
    """What a trained model calls its classes; none of regions."""
    structures = read_dataset(folder).structures
    return {values[0]: name for name, values in structures.items() if len(values) == 1}


def _card(
    folder: Path, task: str, spacing_mm: float, numbers: Mapping[str, int], release: str
) -> dict[str, Any]:
    """The operator's card where there is one, completed by codes, colours and how it is run."""
    modality, _, described_in = _TASKS[task]
    name = f"TotalSegmentator {task} {spacing_mm:g} mm"
    card: dict[str, Any] = {
        "title": name,
        "licence": "Apache-2.0",
        "accepts": {
            "all": [
                {"Modality": modality},
                {"slices": {"at_least": 10}},
                {"not": {"ImageType": "LOCALIZER"}},
            ]
        },
        "accepts_text": f"{modality}: one regular stack of 10 slices or more.",
        "training_data": described_in,
        "model": {
            "name": name,
            "version": release,
            "modality": modality,
            "orientation": "RAS",
            "mirroring": False,
            "step": _STEP,
        },
    }
    stated: dict[str, Any] = {}
    if (folder / CARD_FILE).is_file():
        parsed(Card, folder / CARD_FILE)
        stated = json.loads((folder / CARD_FILE).read_text("utf-8"))
    segments = {str(numbers[one]): segment for one, segment in _coded(numbers).items()}
    return {**card, **stated, "segments": {**segments, **stated.get("segments", {})}}


def _coded(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Each class as TotalSegmentator's table codes and colours it, as a segment of a card."""
    path = next(
        Path(str(one.locate()))
        for one in metadata.files(_PACKAGE) or ()
        if one.as_posix().endswith(_CODES)
    )
    with path.open(newline="", encoding="utf-8") as stream:
        rows = {row["Structure"]: row for row in csv.DictReader(stream)}
    return {name: _segment(name, rows.get(name)) for name in names}


def _segment(name: str, row: Mapping[str, str] | None) -> dict[str, Any]:
    label = name.replace("_", " ")
    label = label[:1].upper() + label[1:]
    if row is None:
        own = {"code": (label[:16], "99MEDIVIEW", label)}
        return {"label": label, **_MISSING.get(name, own)}
    side = (
        row["SegmentedPropertyTypeModifierCodeSequence.CodeMeaning"]
        or (row["AnatomicRegionModifierSequence.CodeMeaning"])
    )
    return {
        "label": label,
        "code": _code(row, "SegmentedPropertyTypeCodeSequence"),
        "category": _code(row, "SegmentedPropertyCategoryCodeSequence"),
        "laterality": _SIDES.get(side),
        "color_rgb": [int(one) for one in row["DicomRGBColor"].split(",")],
    }


def _code(row: Mapping[str, str], sequence: str) -> tuple[str, str, str]:
    return (
        row[f"{sequence}.CodeValue"],
        row[f"{sequence}.CodingSchemeDesignator"],
        row[f"{sequence}.CodeMeaning"],
    )
