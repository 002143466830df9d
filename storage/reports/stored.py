"""Texts of reports as their rows have them: the JSON of sections and of a model's words."""

from typing import NotRequired, TypedDict

from storage.reports.entities import SectionKind, SentenceBasis, SentenceOrigin, WordsState


class StoredSentence(TypedDict):
    """A `ReportSentence`, with lists where the entity has tuples. Older versions lack keys."""

    text: str
    finding_ids: NotRequired[list[str]]
    prior_finding_ids: NotRequired[list[str]]
    series_instance_uids: NotRequired[list[str]]
    basis: NotRequired[SentenceBasis]
    origin: NotRequired[SentenceOrigin]
    author: NotRequired[str]
    states_result: NotRequired[bool]


class StoredSection(TypedDict):
    heading: str
    sentences: list[StoredSentence]
    kind: NotRequired[SectionKind]


class StoredReason(TypedDict):
    kind: str
    text: str


class StoredWithheld(TypedDict):
    text: str
    reasons: list[StoredReason]


class StoredWords(TypedDict):
    """`ModelWords`, with lists where the entity has tuples."""

    state: WordsState
    model: str
    revision: str
    job_id: str
    template_digest: str
    withheld: list[StoredWithheld]
    notes: list[str]
    tokens: NotRequired[int]
    seconds: NotRequired[float]
