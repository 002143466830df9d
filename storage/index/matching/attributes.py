"""Which attributes the index matches and returns, by level (PS3.4 C.6.1 and C.6.2, PS3.18 10.6)."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import ColumnElement, Table, and_, func, select

from storage import tables as t

Level = Literal["PATIENT", "STUDY", "SERIES", "IMAGE"]
LEVELS: tuple[Level, ...] = ("PATIENT", "STUDY", "SERIES", "IMAGE")
UNIQUE_KEYS: dict[Level, str] = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
"""By which an entity of a level is known (PS3.4 C.6)."""


class Kind(StrEnum):
    """How a key of the attribute matches (PS3.4 C.2.2.2)."""

    UID = "uid"
    TEXT = "text"
    NAME = "name"
    DATE = "date"
    TIME = "time"
    NUMBER = "number"
    COUNT = "count"
    """Returned, never matched (PS3.4 C.3.4)."""
    MODALITIES = "modalities"
    """Matches when any series of the study has the value (PS3.4 C.3.4)."""


@dataclass(frozen=True)
class Attribute:
    keyword: str
    level: Level
    kind: Kind
    column: ColumnElement[Any]
    folded: ColumnElement[str] | None = None
    """Of names: what keys are compared with."""

    @cached_property
    def labelled(self) -> ColumnElement[Any]:
        """The column under the keyword; made once, since a query names dozens."""
        return self.column.label(self.keyword)


def _columns(level: Level, table: Table, kinds: dict[str, Kind]) -> list[Attribute]:
    return [
        Attribute(
            keyword,
            level,
            kind,
            table.c[_snake_case(keyword)],
            table.c[f"{_snake_case(keyword)}_folded"] if kind is Kind.NAME else None,
        )
        for keyword, kind in kinds.items()
    ]


def _snake_case(keyword: str) -> str:
    """`StudyInstanceUID` → `study_instance_uid`."""
    name = ""
    for position, letter in enumerate(keyword):
        boundary = position and letter.isupper() and not keyword[position - 1].isupper()
        name += ("_" if boundary else "") + letter.lower()
    return name.replace("sopclass", "sop_class").replace("sopinstance", "sop_instance")


def _counts() -> list[Attribute]:
    def instances(*conditions: Any) -> ColumnElement[Any]:
        joined = t.instance.join(
            t.series, and_(t.instance.c.series_fk == t.series.c.id, ~t.instance.c.is_rejected)
        )
        return (
            select(func.count())
            .select_from(joined)
            .where(*conditions)
            .correlate(t.study)
            .scalar_subquery()
        )

    of_study = and_(t.series.c.study_fk == t.study.c.id, ~t.series.c.is_rejected)
    studies_of_patient = select(func.count()).where(t.study.c.patient_fk == t.patient.c.id)
    series_of_study = select(func.count()).select_from(t.series).where(of_study)
    instances_of_series = select(func.count()).where(
        t.instance.c.series_fk == t.series.c.id, ~t.instance.c.is_rejected
    )
    return [
        Attribute(
            "NumberOfPatientRelatedStudies",
            "PATIENT",
            Kind.COUNT,
            studies_of_patient.correlate(t.patient).scalar_subquery(),
        ),
        Attribute(
            "NumberOfStudyRelatedSeries",
            "STUDY",
            Kind.COUNT,
            series_of_study.correlate(t.study).scalar_subquery(),
        ),
        Attribute("NumberOfStudyRelatedInstances", "STUDY", Kind.COUNT, instances(of_study)),
        Attribute(
            "NumberOfSeriesRelatedInstances",
            "SERIES",
            Kind.COUNT,
            instances_of_series.correlate(t.series).scalar_subquery(),
        ),
    ]


ATTRIBUTES: dict[str, Attribute] = {
    attribute.keyword: attribute
    for attribute in [
        *_columns(
            "PATIENT",
            t.patient,
            {
                "PatientID": Kind.TEXT,
                "IssuerOfPatientID": Kind.TEXT,
            },
        ),
        # Of the patient, as each study states them.
        *_columns(
            "PATIENT",
            t.study,
            {
                "PatientName": Kind.NAME,
                "PatientBirthDate": Kind.DATE,
                "PatientSex": Kind.TEXT,
            },
        ),
        *_columns(
            "STUDY",
            t.study,
            {
                "StudyInstanceUID": Kind.UID,
                "StudyDate": Kind.DATE,
                "StudyTime": Kind.TIME,
                "AccessionNumber": Kind.TEXT,
                "StudyDescription": Kind.TEXT,
                "StudyID": Kind.TEXT,
                "ReferringPhysicianName": Kind.NAME,
            },
        ),
        Attribute("ModalitiesInStudy", "STUDY", Kind.MODALITIES, t.series.c.modality),
        *_columns(
            "SERIES",
            t.series,
            {
                "SeriesInstanceUID": Kind.UID,
                "Modality": Kind.TEXT,
                "SeriesNumber": Kind.NUMBER,
                "SeriesDescription": Kind.TEXT,
                "SeriesDate": Kind.DATE,
                "SeriesTime": Kind.TIME,
                "BodyPartExamined": Kind.TEXT,
                "ProtocolName": Kind.TEXT,
                "FrameOfReferenceUID": Kind.UID,
                "Manufacturer": Kind.TEXT,
                "ManufacturerModelName": Kind.TEXT,
                "StationName": Kind.TEXT,
                "InstitutionName": Kind.TEXT,
                "PerformedProcedureStepStartDate": Kind.DATE,
                "PerformedProcedureStepStartTime": Kind.TIME,
            },
        ),
        *_columns(
            "IMAGE",
            t.instance,
            {
                "SOPInstanceUID": Kind.UID,
                "SOPClassUID": Kind.UID,
                "InstanceNumber": Kind.NUMBER,
                "Rows": Kind.NUMBER,
                "Columns": Kind.NUMBER,
                "BitsAllocated": Kind.NUMBER,
                "NumberOfFrames": Kind.NUMBER,
            },
        ),
        Attribute(
            "AvailableTransferSyntaxUID", "IMAGE", Kind.UID, t.instance.c.transfer_syntax_uid
        ),
        *_counts(),
    ]
}
"""By keyword. What is not here is not matched, and is returned only from the data set itself."""


_AVAILABLE = {
    level: [one for one in ATTRIBUTES.values() if one.level in LEVELS[:depth]]
    for depth, level in enumerate(LEVELS, 1)
}


def available_at(level: Level) -> list[Attribute]:
    """The attributes of the level and of those above it."""
    return _AVAILABLE[level]
