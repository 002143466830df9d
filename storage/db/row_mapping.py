"""Table rows to entities."""

from typing import Any

from sqlalchemy import RowMapping

from storage.core.entities import (
    Code,
    Decision,
    Delivery,
    Event,
    Feedback,
    Finding,
    ImageRef,
    Instance,
    Job,
    Location,
    Prior,
    SegmentRef,
    Series,
    Study,
    Upload,
    Validity,
)
from storage.reports.entities import (
    ModelWords,
    Report,
    ReportSection,
    ReportSentence,
    ReportVersion,
    WithheldReason,
    WithheldSentence,
)


def to_study(row: RowMapping, modalities: tuple[str, ...]) -> Study:
    return Study(**_only(Study, row), modalities=modalities)


def to_series(row: RowMapping) -> Series:
    return Series(**_only(Series, row))


def to_instance(row: RowMapping) -> Instance:
    location = Location(row["volume"], row["volume_offset"], row["size_bytes"], row["object_key"])
    return Instance(**_only(Instance, row), location=location)


def to_job(row: RowMapping) -> Job:
    return Job(**_only(Job, row))


def to_decision(row: RowMapping) -> Decision:
    return Decision(**_only(Decision, row))


def to_finding(row: RowMapping) -> Finding:
    fields = _only(Finding, row)
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
    return Finding(**fields)


def _to_segment(stored: dict[str, Any]) -> SegmentRef:
    codes = {
        name: Code(**stored[name]) if stored.get(name) else None for name in ("type", "laterality")
    }
    return SegmentRef(**{**stored, **codes, "color_rgb": tuple(stored["color_rgb"])})


def to_feedback(row: RowMapping) -> Feedback:
    fields = _only(Feedback, row)
    fields["unit"] = Code(**row["unit"]) if row["unit"] else None
    return Feedback(**fields)


def to_report(row: RowMapping) -> Report:
    fields = _only(Report, row)
    fields["sections"] = to_sections(row["sections"])
    fields["proposal"] = None if row["proposal"] is None else to_sections(row["proposal"])
    fields["words"] = _words(row["words"])
    return Report(**fields)


def to_report_version(row: RowMapping) -> ReportVersion:
    fields = _only(ReportVersion, row)
    fields["sections"] = to_sections(row["sections"])
    fields["words"] = _words(row["words"])
    return ReportVersion(**fields)


def to_sections(kept: list[dict[str, Any]]) -> tuple[ReportSection, ...]:
    return tuple(
        ReportSection(
            section["heading"],
            tuple(_sentence(sentence) for sentence in section["sentences"]),
            section.get("kind", "findings"),
        )
        for section in kept
    )


def _words(kept: dict[str, Any] | None) -> ModelWords | None:
    if kept is None:
        return None
    withheld = tuple(
        WithheldSentence(one["text"], tuple(WithheldReason(**why) for why in one["reasons"]))
        for one in kept["withheld"]
    )
    return ModelWords(**{**kept, "withheld": withheld, "notes": tuple(kept["notes"])})


def _sentence(kept: dict[str, Any]) -> ReportSentence:
    lists = ("finding_ids", "prior_finding_ids", "series_instance_uids")
    return ReportSentence(**{**kept, **{name: tuple(kept.get(name, ())) for name in lists}})


def to_delivery(row: RowMapping) -> Delivery:
    return Delivery(**_only(Delivery, row))


def to_event(row: RowMapping) -> Event:
    return Event(**_only(Event, row))


def to_upload(row: RowMapping) -> Upload:
    return Upload(**_only(Upload, row))


def _only(entity: Any, row: RowMapping) -> dict[str, Any]:
    """The columns that bear the names of the entity's fields."""
    return {name: row[name] for name in entity.__dataclass_fields__ if name in row}
