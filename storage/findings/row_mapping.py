"""Table rows to findings and the feedback on them."""

from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping

from storage.core.acquisition import limit_doubted
from storage.core.findings import (
    Acquisition,
    Axis,
    Code,
    Curve,
    Feedback,
    Finding,
    ImageRef,
    Interval,
    NormalRange,
    Prior,
    SegmentRef,
    Surface,
    Validity,
)
from storage.core.results.heat_maps import HeatMap
from storage.core.variation import known_before
from storage.db.row_mapping import fields_of
from storage.findings.stored_caveats import read_caveats


def to_finding(row: RowMapping) -> Finding:
    fields = fields_of(Finding, row)
    fields["code"] = Code(**row["code"])
    fields["unit"] = Code(**row["unit"]) if row["unit"] else None
    if row["segmentation"]:
        fields["segmentation"] = _to_segment(row["segmentation"])
    fields["prior"] = Prior(**row["prior"]) if row["prior"] else None
    validity = row["validity"]
    if validity:
        surface, acquisition = validity.get("surface"), validity.get("acquisition")
        validity = Validity(
            **{
                **validity,
                "cut_off_at": tuple(validity["cut_off_at"]),
                "caveats": read_caveats(validity.get("caveats", ())),
                "surface": Surface(**surface) if surface else None,
                "acquisition": Acquisition(**acquisition) if acquisition else None,
            }
        )
    fields["validity"] = validity or None
    image = row["image"]
    if image:
        points = tuple((float(x), float(y)) for x, y in image["points"])
        image = ImageRef(**{**image, "points": points})
    fields["image"] = image or None
    normal = row["normal_range"]
    fields["normal_range"] = read_normal_range(normal) if normal else None
    interval = row["value_interval"]
    fields["value_interval"] = Interval(**interval) if interval else None
    fields["curve"] = _to_curve(row["curve"]) if row["curve"] else None
    fields["heat_map"] = _to_heat_map(row["heat_map"]) if row["heat_map"] else None
    return limit_doubted(known_before(Finding(**fields)))


def _to_curve(stored: dict[str, Any]) -> Curve:
    x, y = (
        Axis(axis["label"], Code(**axis["code"]), Code(**axis["unit"]))
        for axis in (stored["x"], stored["y"])
    )
    return Curve(x, y, tuple((float(one), float(other)) for one, other in stored["points"]))


def _to_heat_map(stored: dict[str, Any]) -> HeatMap:
    edges = {name: tuple(stored[name]) for name in ("row_edges", "column_edges", "image_from_grid")}
    return HeatMap(**{**stored, **edges, "values": tuple(map(tuple, stored["values"]))})


def _to_segment(stored: dict[str, Any]) -> SegmentRef:
    codes = {
        name: Code(**stored[name]) if stored.get(name) else None
        for name in ("type", "laterality", "category")
    }
    return SegmentRef(**{**stored, **codes, "color_rgb": tuple(stored["color_rgb"])})


def to_feedback(row: RowMapping) -> Feedback:
    fields = fields_of(Feedback, row)
    fields["unit"] = Code(**row["unit"]) if row["unit"] else None
    return Feedback(**fields)


def read_normal_range(row: dict[str, Any]) -> NormalRange:
    normal = NormalRange(**row)
    if "ages_contradict" not in row:
        # Versions before stated it in the text alone.
        normal = replace(normal, ages_contradict="contradict each other" in normal.missing)
    return normal
