"""Reports: in which language, when they leave, and how critical alerts are repeated."""

from typing import Literal

from pydantic import BaseModel, Field


class ReportSettings(BaseModel):
    report_language: str = Field(
        "en", pattern=r"^[a-z]{2,8}$", description="Of drafted reports: en or de."
    )
    report_wait_s: float = Field(
        600.0, ge=0, description="A report is drafted without what still runs after so long."
    )
    report_delivery: Literal["all", "signed", "off"] = Field(
        "signed", description="Which reports leave: only signed ones, drafts too (all), none (off)."
    )
    browser_dictation: Literal["off", "device", "browser"] = Field(
        "off",
        description="Whether a report can be dictated where the browser recognises speech: only"
        " on the computer itself (device), or by the browser's service as well (browser), to"
        " which the speech may be sent.",
    )
    institution_name: str = Field(
        "", max_length=64, description="Stands in signed reports as whose observer verified them."
    )
    alert_repeat_s: float = Field(
        900.0, gt=0, description="Wait before an alert that nobody has acknowledged is sent again."
    )
    alert_repeat_max: int = Field(20, ge=0)
