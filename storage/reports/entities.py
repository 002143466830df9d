"""The nouns of reports, frozen as those of `storage.core.entities`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ReportState = Literal["draft", "preliminary", "final", "amended"]
SIGNED_STATES: tuple[ReportState, ...] = ("final", "amended")
SentenceOrigin = Literal["template", "model", "person"]
SentenceBasis = Literal["findings", "headers", "request", "node", "person"]
WordsState = Literal["pending", "done", "failed"]
SectionKind = Literal["indication", "technique", "comparison", "findings", "impression", "note"]


@dataclass(frozen=True)
class ReportSentence:
    """One sentence and what it rests on: findings, headers of series, or a person's word."""

    text: str
    finding_ids: tuple[str, ...] = ()
    prior_finding_ids: tuple[str, ...] = ()
    """Of an earlier study of the same patient."""
    series_instance_uids: tuple[str, ...] = ()
    """Whose headers say it."""
    basis: SentenceBasis = "findings"
    """What vouches for it: findings (now or earlier), headers of the images, the request,
    what the node did, or a person."""
    origin: SentenceOrigin = "template"
    author: str = ""
    """The person or the model; empty for the template."""
    states_result: bool = False
    """Of a sentence that the node vouches for: whether it states what was measured, such as a part
    that the images cut off, and not what the node says of itself."""

    @property
    def result_ids(self) -> tuple[str, ...]:
        """The findings, now and earlier, without which it does not stand."""
        if self.basis == "node" and not self.states_result:
            return ()
        return (*self.finding_ids, *self.prior_finding_ids)


@dataclass(frozen=True)
class ReportSection:
    heading: str
    sentences: tuple[ReportSentence, ...]
    kind: SectionKind = "findings"


@dataclass(frozen=True)
class WithheldReason:
    kind: str
    """The guard's ground, such as `number` or `side`."""
    text: str


@dataclass(frozen=True)
class WithheldSentence:
    """What a model wrote and the evidence does not support: never part of the text."""

    text: str
    reasons: tuple[WithheldReason, ...]


@dataclass(frozen=True)
class ModelWords:
    """What a model made of a draft; its sentences that passed stand in the sections."""

    state: WordsState
    model: str
    revision: str
    """The commit; `local` of a local model."""
    job_id: str
    template_digest: str
    """Of the template's draft that the model was given."""
    withheld: tuple[WithheldSentence, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader must know: that the model failed, or that its text was cut."""
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """The report of a study as it stands; the repository has every version."""

    report_id: str
    study_instance_uid: str
    job_id: str
    """Of an image that is not DICOM, which belongs to no study; empty for a study's report."""
    state: ReportState
    language: str
    title: str
    sections: tuple[ReportSection, ...]
    created_at: datetime
    updated_at: datetime
    version: int = 1
    changed_by: str = ""
    """Who made this version, as people read it; empty: the node."""
    changed_by_id: str = ""
    """The identity of `changed_by`; empty: the node, or an older version wrote it."""
    signed_by: str = ""
    signed_by_id: str = ""
    signed_name: str = ""
    """The person name of `signed_by` when it was signed; empty where the account had none."""
    signed_at: datetime | None = None
    basis_digest: str = ""
    attention: str = ""
    """Why a person should look at it again; empty where nothing came since."""
    attention_at: datetime | None = None
    proposal: tuple[ReportSection, ...] | None = None
    """What the draft would be now, where a person's text stands in its way."""
    proposal_digest: str = ""
    superseded_at: datetime | None = None
    """When results that the text rests on were withdrawn last, until a person drafts again or
    signs a text that rests on none of them: to let it stand is not enough. None where none were."""
    withdrawal_notified_at: datetime | None = None
    """The `superseded_at` of which those who have this version were notified."""
    publish_version: int = 0
    """The version that is to leave the node; 0: none yet."""
    published_version: int = 0
    """The last one that did."""
    words: ModelWords | None = None

    @property
    def is_signed(self) -> bool:
        return self.state in SIGNED_STATES

    @property
    def is_superseded(self) -> bool:
        """Whether the text must not stand as current: what it rests on was withdrawn."""
        return self.superseded_at is not None

    @property
    def sentences(self) -> tuple[ReportSentence, ...]:
        return tuple(one for section in self.sections for one in section.sentences)

    @property
    def is_touched(self) -> bool:
        """Whether a person has a hand in it, so that no draft may take its place by itself."""
        return self.state != "draft" or any(one.origin == "person" for one in self.sentences)


@dataclass(frozen=True)
class ReportVersion:
    report_id: str
    version: int
    state: ReportState
    language: str
    title: str
    sections: tuple[ReportSection, ...]
    changed_by: str
    changed_at: datetime
    reason: str
    changed_by_id: str = ""
    """The identity of `changed_by`; empty: the node, or an older version wrote it."""
    signed_name: str = ""
    """Of who signed this version."""
    words: ModelWords | None = None
