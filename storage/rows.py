"""Table rows to entities."""

from typing import Any

from sqlalchemy import RowMapping

from storage.entities import (
    Code,
    Decision,
    Delivery,
    Event,
    Feedback,
    Finding,
    Instance,
    Job,
    Location,
    Report,
    ReportSection,
    ReportSentence,
    SegmentRef,
    Series,
    Study,
    Upload,
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
        color = tuple(row["segmentation"]["color_rgb"])
        fields["segmentation"] = SegmentRef(**{**row["segmentation"], "color_rgb": color})
    return Finding(**fields)


def to_feedback(row: RowMapping) -> Feedback:
    fields = _only(Feedback, row)
    fields["unit"] = Code(**row["unit"]) if row["unit"] else None
    return Feedback(**fields)


def to_report(row: RowMapping) -> Report:
    fields = _only(Report, row)
    fields["sections"] = tuple(
        ReportSection(
            section["heading"],
            tuple(
                ReportSentence(sentence["text"], tuple(sentence["finding_ids"]))
                for sentence in section["sentences"]
            ),
        )
        for section in row["sections"]
    )
    return Report(**fields)


def to_delivery(row: RowMapping) -> Delivery:
    return Delivery(**_only(Delivery, row))


def to_event(row: RowMapping) -> Event:
    return Event(**_only(Event, row))


def to_upload(row: RowMapping) -> Upload:
    return Upload(**_only(Upload, row))


def _only(entity: Any, row: RowMapping) -> dict[str, Any]:
    """The columns that bear the names of the entity's fields."""
    return {name: row[name] for name in entity.__dataclass_fields__ if name in row}
