"""Table rows to entities."""

from typing import Any

from sqlalchemy import RowMapping

from storage.core.entities import (
    Decision,
    Delivery,
    Event,
    Instance,
    Job,
    Location,
    Series,
    Study,
    Upload,
)
from storage.core.findings import (
    Code,
    Feedback,
    Finding,
    ImageRef,
    NormalRange,
    Prior,
    SegmentRef,
    Validity,
)


def to_study(row: RowMapping, modalities: tuple[str, ...]) -> Study:
    return Study(**fields_of(Study, row), modalities=modalities)


def to_series(row: RowMapping) -> Series:
    return Series(**fields_of(Series, row))


def to_instance(row: RowMapping) -> Instance:
    location = Location(row["volume"], row["volume_offset"], row["size_bytes"], row["object_key"])
    return Instance(**fields_of(Instance, row), location=location)


def to_job(row: RowMapping) -> Job:
    return Job(**fields_of(Job, row))


def to_decision(row: RowMapping) -> Decision:
    return Decision(**fields_of(Decision, row))


def to_finding(row: RowMapping) -> Finding:
    fields = fields_of(Finding, row)
    fields["code"] = Code(**row["code"])
    fields["unit"] = Code(**row["unit"]) if row["unit"] else None
    if row["segmentation"]:
        fields["segmentation"] = _to_segment(row["segmentation"])
    fields["prior"] = Prior(**row["prior"]) if row["prior"] else None
    validity = row["validity"]
    if validity:
        validity = Validity(
            **{
                **validity,
                "cut_off_at": tuple(validity["cut_off_at"]),
                "caveats": tuple(validity.get("caveats", ())),
            }
        )
    fields["validity"] = validity or None
    image = row["image"]
    if image:
        points = tuple((float(x), float(y)) for x, y in image["points"])
        image = ImageRef(**{**image, "points": points})
    fields["image"] = image or None
    normal = row["normal_range"]
    fields["normal_range"] = NormalRange(**normal) if normal else None
    return Finding(**fields)


def _to_segment(stored: dict[str, Any]) -> SegmentRef:
    codes = {
        name: Code(**stored[name]) if stored.get(name) else None for name in ("type", "laterality")
    }
    return SegmentRef(**{**stored, **codes, "color_rgb": tuple(stored["color_rgb"])})


def to_feedback(row: RowMapping) -> Feedback:
    fields = fields_of(Feedback, row)
    fields["unit"] = Code(**row["unit"]) if row["unit"] else None
    return Feedback(**fields)


def to_delivery(row: RowMapping) -> Delivery:
    return Delivery(**fields_of(Delivery, row))


def to_event(row: RowMapping) -> Event:
    return Event(**fields_of(Event, row))


def to_upload(row: RowMapping) -> Upload:
    return Upload(**fields_of(Upload, row))


def fields_of(entity: Any, row: RowMapping) -> dict[str, Any]:
    """The columns that bear the names of the entity's fields."""
    return {name: row[name] for name in entity.__dataclass_fields__ if name in row}
