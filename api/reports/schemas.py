"""The JSON of reports: as they stand, their versions, and what people send of them."""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from api.base_schemas import CursorPage, FewMistakes, Payload
from api.language.schemas import MissingCritical, WithheldSentence
from storage.core.text.outside_text import written_text
from storage.reports.entities import (
    ReportState,
    SectionKind,
    SentenceBasis,
    SentenceOrigin,
    WordsState,
)

_TEXT = StringConstraints(strip_whitespace=True, max_length=4000, pattern=r"^[^\x00]*$")
# Dictation and pasting bring them: nobody sees them, and a terminal or a printer obeys them.
_WITHOUT_CONTROLS = AfterValidator(partial(written_text, lines=True))
_ONE_LINE = AfterValidator(written_text)
_ID = StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9.-]+$")


class ReportSentencePayload(Payload):
    """One sentence and what supports it."""

    text: str
    finding_ids: list[str] = Field(description="The findings that support the sentence.")
    prior_finding_ids: list[str] = Field(
        description="Findings of an earlier study of the patient that it compares with."
    )
    series_instance_uids: list[str] = Field(description="Series whose headers say it.")
    basis: SentenceBasis = Field(
        description="What vouches for it: `findings`, `headers` of the images, the `request`,"
        " what the `node` did, or a `person` where no finding supports it."
    )
    origin: SentenceOrigin = Field(description="Who worded it.")
    author: str = Field(description="The person or the model; empty for the template.")


class ReportSectionPayload(Payload):
    heading: str = Field(examples=["Findings"])
    kind: SectionKind
    sentences: list[ReportSentencePayload]


class ReportAttention(Payload):
    """Why a person should look at a report again, and what the draft would be now."""

    reason: str
    since: datetime
    proposal: list[ReportSectionPayload]


class ReportWords(Payload):
    """What a model made of the draft. Its sentences that the findings support stand in `sections`
    with the origin `model`."""

    state: WordsState = Field(description="`failed`: the template's draft stands alone.")
    model: str
    revision: str = Field(description="The commit; `local` of a local model.")
    withheld: list[WithheldSentence] = Field(
        description="What it wrote and the findings do not support, with the reasons."
    )
    notes: list[str] = Field(description="Such as that its text was cut, or why it failed.")
    tokens: int = Field(description="How many it wrote.")
    seconds: float
    job_id: str = Field(description="Empty where the model could not even be asked.")
    answer_url: str
    events_url: str = Field(description="Its sentences as they pass, while the state is `pending`.")


class ReportPayload(Payload):
    """The report of a study as it stands; each sentence names what supports it."""

    report_id: str
    study_instance_uid: str
    job_id: str = Field(
        description="Of an image that is not DICOM; empty for the report of a study."
    )
    state: ReportState
    version: int = Field(ge=1, description="What If-Match names; each change makes the next.")
    language: str = Field(examples=["en"])
    title: str
    sections: list[ReportSectionPayload]
    next_states: list[ReportState] = Field(description="Where it can go from here.")
    changed_by: str = Field(description="Who made this version; empty: the node.")
    signed_by: str
    signed_name: str = Field(
        description="The person, as DICOM writes names; empty where the account has none."
    )
    signed_at: datetime | None
    attention: ReportAttention | None
    superseded_at: datetime | None = Field(
        description="When results that the text rests on were withdrawn, because their images"
        " changed: the text stays and is not current until an amendment rests on none of them."
        " null: none were."
    )
    words: ReportWords | None = Field(
        description="What a model made of the draft; null where none was asked."
    )
    missing: list[MissingCritical] | None = Field(
        description="Critical findings that the Findings name and the Impression does not, and open"
        " alerts that no sentence rests on, the most urgent first. They keep nobody from signing."
        " null in lists."
    )
    created_at: datetime
    updated_at: datetime


class ReportPage(CursorPage):
    items: list[ReportPayload]


class StudyReport(Payload):
    """Where the report of a study stands, for lists of studies."""

    report_id: str
    state: ReportState
    version: int
    needs_attention: bool
    is_superseded: bool = Field(description="Whether results that it rests on were withdrawn.")
    signed_by: str
    updated_at: datetime


class ReportVersionPayload(Payload):
    version: int
    state: ReportState
    language: str
    title: str
    sections: list[ReportSectionPayload]
    changed_by: str = Field(description="Empty: the node.")
    changed_at: datetime
    reason: str = Field(description="Why it was amended; empty otherwise.")
    words: ReportWords | None = Field(description="As of the report.")


class ReportVersionList(Payload):
    items: list[ReportVersionPayload] = Field(description="The newest first.")


class ReportDiffLine(Payload):
    change: Literal["same", "added", "removed"]
    text: str
    origin: SentenceOrigin
    author: str


class ReportDiffSection(Payload):
    heading: str
    kind: SectionKind
    lines: list[ReportDiffLine]


class ReportDiff(Payload):
    """What changed between two versions, sentence by sentence."""

    from_version: int
    to_version: int
    from_state: ReportState
    to_state: ReportState
    sections: list[ReportDiffSection]


class ReportPages(Payload):
    """Of the PDF of one version."""

    version: int
    page_count: int


class _Sent(FewMistakes):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SentSentence(_Sent):
    """A sentence as a person sends it. One whose text is unchanged keeps all that it had."""

    text: Annotated[str, _TEXT, _WITHOUT_CONTROLS] = Field(min_length=1)
    finding_ids: list[Annotated[str, _ID]] = Field(
        [],
        max_length=500,
        description="Findings of the study that support the sentence. They are kept where each"
        " number of the sentence is one that these findings state, and dropped otherwise.",
    )


class SentSection(_Sent):
    heading: Annotated[str, _TEXT, _ONE_LINE] = Field(min_length=1, max_length=200)
    kind: SectionKind = "findings"
    sentences: list[SentSentence] = Field(max_length=500)


class NewDraft(_Sent):
    study_instance_uid: str = Field(pattern=r"^[0-9.]{1,64}$")
    language: str = Field("", pattern=r"^[a-z]{0,8}$", description="Empty: as the site has it.")
    indication: Annotated[str, _TEXT] = Field(
        "", description="The reason for the examination; empty: as the worklist states it."
    )
    replace: bool = Field(
        False, description="Take the place of a text that people have edited, if none has signed."
    )


class ReportEdit(_Sent):
    version: int | None = Field(None, ge=1, description="Instead of If-Match.")
    title: Annotated[str, _TEXT, _ONE_LINE] | None = Field(None, max_length=200)
    sections: list[SentSection] = Field(min_length=1, max_length=20)


class ReportMove(_Sent):
    state: ReportState
    version: int | None = Field(None, ge=1, description="Instead of If-Match.")
    reason: Annotated[str, _TEXT, _WITHOUT_CONTROLS] = Field(
        "", description="Of an amendment, which needs one."
    )
    sections: list[SentSection] | None = Field(
        None, max_length=20, description="The amended text; of an amendment alone."
    )
