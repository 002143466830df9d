"""A template of a report, frozen as the nouns of `storage.reports.entities`."""

from dataclasses import dataclass
from datetime import datetime

from storage.reports.entities import SectionKind


@dataclass(frozen=True)
class TemplateSection:
    """Its text has a sentence a line; what is left to the reader stands in brackets
    (`storage.reports.open_fields`)."""

    heading: str
    kind: SectionKind
    text: str


@dataclass(frozen=True)
class TemplateText:
    """What a person writes or imports of a template."""

    title: str
    language: str
    """Of the text, such as `en`."""
    modalities: tuple[str, ...]
    """Modality (0008,0060) of studies that it is for; none: of any."""
    body_parts: tuple[str, ...]
    """BodyPartExamined (0018,0015) that it is for; none: any."""
    sections: tuple[TemplateSection, ...]
    source: str
    """The identifier under which somebody publishes it; empty for the site's own."""


@dataclass(frozen=True)
class ReportTemplate:
    template_id: str
    version: int
    """Rises by one with each change."""
    text: TemplateText
    changed_by: str
    changed_at: datetime
