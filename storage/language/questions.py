"""What is asked of a language model: the JSON of a question, key by key.

Which of the keys a kind of question has, `api.language.schemas` and `inference.reports` say.
"""

from typing import TypedDict


class AnswerRequest(TypedDict, total=False):
    question: str
    text: str | None
    report_ids: list[str]
    max_sentences: int
    keep_dates: bool
    study_instance_uid: str | None
    series_instance_uid: str | None
    sop_instance_uid: str | None
    frame_number: int | None
    """From 1."""
    object_key: str
    """Of a document that was uploaded; added from the column of its row."""
    object_digest: str
    """SHA-256 of it as it arrived; added from its job."""
    report_id: str
    version: int
    """Of the report whose draft is worded."""
    template_digest: str
