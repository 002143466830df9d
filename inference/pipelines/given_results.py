"""What other pipelines found, as a container is given it: JSON in the form of its own results."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from inference.pipeline import NamedInput, PipelineContext, ResultGiven
from storage.core.findings import Code, Finding, ImageRef

_NAMED_AT_MOST = 5


def write_results(
    inputs: Sequence[NamedInput],
    context: PipelineContext,
    folder: Path,
    images: Mapping[str, Dataset] | None = None,
) -> tuple[str, ...]:
    """`ROLE.json` of each that is there; what of them was given, in sentences.

    `images`: by role those that the run is given, under which is stated what is about each.
    """
    roles = {str(one.SOPInstanceUID): role for role, one in (images or {}).items()}
    notes = []
    for one in inputs:
        given = context.results.get(one.name)
        if given is None:
            continue
        stated, left_out = stated_result(given, roles)
        (folder / f"{one.name}.json").write_text(json.dumps(stated, indent=1), "utf-8")
        if one.has_voxels:
            continue
        note = f"Given as JSON: {one.title} by {stated['pipeline']} {stated['version']}."
        if left_out:
            more = len(left_out) - _NAMED_AT_MOST
            named = ", ".join(left_out[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
            note += f" Left out: {named}."
        notes.append(note)
    return tuple(notes)


def stated_result(
    given: ResultGiven, roles: Mapping[str, str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """As `results.json` would have it, and the labels of what it cannot state: what is not sound,
    about other images than those of `roles` (by SOP Instance UID), or neither number, answer nor
    box."""
    first = given.findings[0]
    stated: dict[str, Any] = {"pipeline": first.pipeline, "version": first.pipeline_version}
    segments = {
        one.segmentation.segment_number: one.segmentation.type
        for one in given.findings
        if one.segmentation is not None
    }
    if segments:
        stated["segments"] = [
            {"number": number, **_code(code)} for number, code in sorted(segments.items())
        ]
    together = _Statements()
    by_role: dict[str, _Statements] = defaultdict(_Statements)
    left_out = [*given.left_out]
    for one in given.findings:
        image = one.image
        if image is not None and image.sop_instance_uid not in roles:
            left_out.append(one.label)
            continue
        place = together if image is None else by_role[roles[image.sop_instance_uid]]
        if not place.take(one):
            left_out.append(one.label)
    stated |= together.as_json()
    if by_role:
        stated["images"] = {role: one.as_json() for role, one in by_role.items()}
    return stated, tuple(dict.fromkeys(left_out))


class _Statements:
    def __init__(self) -> None:
        self._measurements: list[dict[str, Any]] = []
        self._classifications: dict[str, float] = {}
        self._boxes: list[dict[str, Any]] = []

    def take(self, one: Finding) -> bool:
        if one.image is not None and one.image.points:
            self._boxes.append({"label": one.label, **_box(one, one.image), **_code(one.code)})
        elif one.value is not None and one.unit is not None:
            of = {} if one.segmentation is None else {"segment": one.segmentation.segment_number}
            self._measurements.append(
                {
                    "label": one.label,
                    "value": one.value,
                    "unit": one.unit.value,
                    **_code(one.code),
                    **of,
                }
            )
        elif one.confidence is not None:
            self._classifications[one.label] = one.confidence
        else:
            return False
        return True

    def as_json(self) -> dict[str, Any]:
        found = {
            "measurements": self._measurements,
            "classifications": self._classifications,
            "boxes": self._boxes,
        }
        return {key: value for key, value in found.items() if value}


def _box(one: Finding, image: ImageRef) -> dict[str, Any]:
    """Around its points, in pixels of the image as it was sent; a point alone has no extent."""
    columns, rows = zip(*image.points, strict=True)
    found: dict[str, Any] = {"box": [min(columns), min(rows), max(columns), max(rows)]}
    if one.confidence is not None:
        found["confidence"] = one.confidence
    if image.frame_number is not None:
        found["frame"] = image.frame_number
    return found


def _code(code: Code | None) -> dict[str, Any]:
    if code is None:
        return {}
    return {"code": [code.value, code.scheme_designator, code.meaning]}
