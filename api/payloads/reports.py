"""Drafted reports."""

from datetime import datetime

from pydantic import Field

from api.payloads.base import Page, Payload


class ReportSentencePayload(Payload):
    text: str
    finding_ids: list[str] = Field(description="The findings that support the sentence.")


class ReportSectionPayload(Payload):
    heading: str
    sentences: list[ReportSentencePayload]


class ReportPayload(Payload):
    """A drafted report; each sentence names the findings that support it."""

    report_id: str
    study_instance_uid: str
    job_id: str
    state: str = Field(examples=["draft"])
    language: str = Field(examples=["en"])
    title: str
    sections: list[ReportSectionPayload]
    created_at: datetime


class ReportPage(Page):
    items: list[ReportPayload]
