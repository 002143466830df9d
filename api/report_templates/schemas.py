"""The JSON of templates of reports."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from api.base_schemas import Payload, RequestBody
from api.report_templates.mrrt import MOST_CHARACTERS
from storage.core.text.outside_text import written_text
from storage.report_templates.entities import ReportTemplate, TemplateSection, TemplateText
from storage.reports.entities import SectionKind

_MOST_TEXT = 32_000
_ONE_LINE = AfterValidator(written_text)
_LINES = AfterValidator(partial(written_text, lines=True))
_Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$"),
    _ONE_LINE,
]
_Modality = Annotated[str, StringConstraints(max_length=16, pattern=r"^[A-Z0-9_]+$")]
_BodyPart = Annotated[str, StringConstraints(max_length=16, pattern=r"^[A-Z0-9 _]+$")]


class SectionOfTemplate(RequestBody):
    heading: _Line = Field(examples=["Findings"])
    kind: SectionKind = "findings"
    text: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$"), _LINES] = Field(
        min_length=1,
        max_length=8000,
        description="A sentence a line. `[normal|enlarged]` is chosen from, an empty choice leaves"
        " it out, and `[___ mm]` is filled in; nobody signs a text that still has one of them.",
        examples=["The liver is [normal in size|enlarged].\nSpleen: [___ mm]."],
    )


class NewReportTemplate(RequestBody):
    title: _Line = Field(examples=["CT of the abdomen"])
    language: str = Field("en", pattern=r"^[a-z]{2,3}$", description="Of the text.")
    modalities: list[_Modality] = Field(
        default_factory=list,
        max_length=20,
        description="Modality (0008,0060) of the studies that it is for; none: any.",
        examples=[["CT"]],
    )
    body_parts: list[_BodyPart] = Field(
        default_factory=list,
        max_length=50,
        description="BodyPartExamined (0018,0015) that it is for; none: any.",
        examples=[["ABDOMEN"]],
    )
    sections: list[SectionOfTemplate] = Field(min_length=1, max_length=20)
    source: str = Field(
        "",
        max_length=200,
        pattern=r"^[^\x00]*$",
        description="The identifier under which somebody publishes it; empty: the site's own.",
    )

    @field_validator("sections")
    @classmethod
    def _check_size(cls, sections: Sequence[SectionOfTemplate]) -> Sequence[SectionOfTemplate]:
        size = sum(len(one.text) for one in sections)
        if size > _MOST_TEXT:
            raise ValueError(f"the text has {size} characters; {_MOST_TEXT} are kept")
        return sections

    def as_text(self) -> TemplateText:
        return TemplateText(
            self.title,
            self.language,
            tuple(dict.fromkeys(self.modalities)),
            tuple(dict.fromkeys(self.body_parts)),
            tuple(TemplateSection(one.heading, one.kind, one.text) for one in self.sections),
            self.source,
        )


class ReportTemplateChange(NewReportTemplate):
    version: int = Field(ge=1, description="That was read, and is replaced.")


class TemplateSectionPayload(Payload):
    heading: str
    kind: SectionKind
    text: str


class TemplateTextPayload(Payload):
    """Of a template that is here, or that was read: as it stands, whatever is taken now."""

    title: str
    language: str
    modalities: list[str]
    body_parts: list[str]
    sections: list[TemplateSectionPayload]
    source: str


class ReportTemplatePayload(TemplateTextPayload):
    template_id: str
    version: int = Field(ge=1)
    changed_by: str
    changed_at: datetime


class ReportTemplateList(Payload):
    items: list[ReportTemplatePayload]


class MrrtPage(RequestBody):
    html: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description="Of an IHE MRRT template, as radreport.org gives it.",
    )


def template_payload(template: ReportTemplate) -> ReportTemplatePayload:
    return ReportTemplatePayload(
        template_id=template.template_id,
        version=template.version,
        changed_by=template.changed_by,
        changed_at=template.changed_at,
        **asdict(template.text),
    )
