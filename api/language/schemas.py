"""Questions in words, and the answers with what they rest on."""

from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import Field, StringConstraints, model_validator

from api.base_schemas import Payload, RequestBody
from api.request_rules.enum_spelling import JobStateWord
from storage.language.questions import AnswerRequest
from storage.language.results import AnswerKind, Method, Urgency

_Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}$")]
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
_Text = Annotated[str, StringConstraints(max_length=200_000, pattern=r"^[^\x00]*$")]
Question = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=3, max_length=500, pattern=r"^[^\x00-\x1f]*$"
    ),
]


class _Asked(RequestBody):
    def as_request(self) -> AnswerRequest:
        """As the question is stored."""
        return cast(AnswerRequest, self.model_dump())


class SummaryRequest(_Asked):
    """A text, or reports of this node."""

    text: _Text | None = Field(None, description="What to summarise.")
    report_ids: Annotated[list[_Id], Field(max_length=20)] = Field(
        default_factory=list, description="Reports of this node, in place of a text."
    )
    max_sentences: int = Field(5, ge=1, le=30)

    @model_validator(mode="after")
    def _one_source(self) -> "SummaryRequest":
        if bool(self.text and self.text.strip()) == bool(self.report_ids):
            raise ValueError("send either a text or report_ids")
        return self


class VisualQuestion(_Asked):
    question: Question = Field(examples=["What is the volume of the left lung?"])
    study_instance_uid: _Uid
    series_instance_uid: _Uid | None = None
    sop_instance_uid: _Uid | None = None
    frame_number: int | None = Field(None, ge=1, le=100_000, description="From 1.")


class DocumentQuestion(_Asked):
    """About an encapsulated PDF that the node holds."""

    question: Question = Field(examples=["When is the next appointment?"])
    sop_instance_uid: _Uid


class DeidRequest(_Asked):
    text: _Text
    study_instance_uid: _Uid | None = Field(
        None, description="Its header's names and numbers are looked for as well."
    )
    keep_dates: bool = Field(False, description="Leave dates in; a birth date still goes.")


class AnswerReason(Payload):
    kind: str = Field(
        description="`number`, `side`, `negation` … as the guard calls it; `unfinished`,"
        " `repeated`, `instruction`, `unbound`.",
        examples=["side"],
    )
    text: str


class AnswerSentence(Payload):
    text: str
    finding_ids: list[str] = Field(description="The findings that support it.")


class WithheldSentence(Payload):
    """What was written or read and is not part of the answer."""

    text: str
    reasons: list[AnswerReason]


class AnswerPassage(Payload):
    text: str
    page_number: int = Field(description="From 1.")
    box: list[float] = Field(
        min_length=4,
        max_length=4,
        description="Left, top, right, bottom as parts of the page, from 0 to 1.",
    )
    score: float = Field(ge=0, le=1)


class CriticalConcept(Payload):
    concept: str = Field(examples=["tension_pneumothorax"])
    category: Urgency
    names: dict[str, str] = Field(
        description="For people, by language.", examples=[{"en": "tension pneumothorax"}]
    )


class MissingCritical(Payload):
    """A critical finding of the source that is not stated."""

    text: str = Field(description="It in a sentence, in the language of the site's reports.")
    category: Urgency = Field(
        description="To be reported within minutes, hours or days (the categories of the ACR)."
    )
    certainty: Literal["present", "uncertain"] = Field(
        description="`uncertain`: the source itself does not exclude or only suspects it."
    )
    sentence: str = Field(description="The sentence of the source, or the text of the alert.")
    source_id: str = Field(description="The report, the page or the alert.")
    concepts: list[CriticalConcept] = Field(description="Empty for an alert.")
    finding_ids: list[str] = Field(description="Of an alert.")


class IdentifierSpan(Payload):
    start: int
    end: int
    text: str
    kind: str = Field(examples=["NAME", "DATE", "ID"])
    source: Literal["pattern", "header", "model"]


class AnswerPayload(Payload):
    """A whole answer: what may be shown, what was withheld, and the sources of both."""

    job_id: str
    kind: AnswerKind
    method: Method = Field(
        description="Written by a model and checked; word for word from a text; read from"
        " findings; found by patterns."
    )
    text: str = Field(description="The sentences as one text; for `deid` the text without names.")
    sentences: list[AnswerSentence] = Field(default_factory=list)
    withheld: list[WithheldSentence] = Field(default_factory=list)
    passages: list[AnswerPassage] = Field(
        default_factory=list, description="Of a document, the likeliest first."
    )
    spans: list[IdentifierSpan] = Field(default_factory=list, description="Of `deid` alone.")
    missing: list[MissingCritical] = Field(
        default_factory=list,
        description="Critical findings of the source that `sentences` do not state, the most"
        " urgent first. They are in `text`, too.",
    )
    notes: list[str] = Field(
        default_factory=list, description="What a reader must know, such as that a text was cut."
    )
    model: str = Field("", description="Empty where no model was used.")
    revision: str = Field("", description="The commit; `local` of a local model.")
    tokens: int = Field(0, description="How many the model wrote.")
    verification: Literal["UNVERIFIED"] = "UNVERIFIED"
    timings_s: dict[str, float] = Field(default_factory=dict)
    asked_at: datetime


class AnswerStarted(Payload):
    """An answer that takes longer than was waited."""

    job_id: str
    kind: AnswerKind
    state: JobStateWord
    reason: str = Field("", description="Why there will be none; empty otherwise.")
    answer_url: str = Field(examples=["/api/v1/answers/3f0c…"])
    events_url: str = Field(description="Its sentences, as they come.")


class SearchHit(Payload):
    kind: Literal["report", "finding"]
    report_id: str | None
    finding_id: str | None
    study_instance_uid: str
    patient_name: str
    study_date: str = Field(description="As in DICOM (`20240131`); empty where it is not known.")
    study_description: str
    modalities: list[str]
    text: str
    sentence: str = Field(description="The one of `text` that answers.")
    status: Literal["present", "uncertain", "past", "other", "denied"] = Field(
        description="What it says of what is looked for: that it is there, may be, was, is another"
        " person's or only asked about, or is not there."
    )
    found_by: Literal["words", "meaning"]
    score: float = Field(
        ge=0,
        le=1,
        description="How alike the meanings are; half way from that to 1 where the words match.",
    )


class SearchResult(Payload):
    items: list[SearchHit] = Field(
        description="Those of one study follow each other; studies where it is denied come last."
    )
    searched: int = Field(description="How many passages there are to find.")
    waiting: int = Field(0, description="Not found by meaning yet: that is being worked out.")
    notes: list[Literal["meaning_in_english_only"]] = Field(
        default_factory=list,
        description="`meaning_in_english_only`: a German question, while the model of meaning reads"
        " English; words and the known findings are found in both languages.",
    )


class SimilarReport(Payload):
    report_id: str
    study_instance_uid: str
    study_date: str = Field(description="As in DICOM (`20240131`); empty where it is not known.")
    same_patient: bool
    text: str = Field(description="The passage that is alike.")
    score: float = Field(ge=0, le=1)


class SimilarReports(Payload):
    items: list[SimilarReport]
