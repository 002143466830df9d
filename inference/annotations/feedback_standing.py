"""What destinations get of a job that is run again after feedback: what counts, not what was made.

A run repeats its objects, also those that feedback has withdrawn since. They would go out once
more, and where a destination is new, without what a reader stated.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from inference.annotations.feedback_documents import (
    is_touched,
    of_kind,
    pdf_versions,
    stating,
    still_stored,
)
from inference.annotations.report_versions import FeedbackStorage, report_versions, stated_up_to
from inference.result_identity import REPORT_KINDS
from storage.core.entities import Instance, Job


class StandingStorage(FeedbackStorage, Protocol):
    """What of the storage layer the feedback on a job is looked up with."""


def standing_after_feedback(storage: StandingStorage, job: Job) -> Mapping[str, Sequence[Instance]]:
    """By SOP Instance UID of what `job` made: what is wanted in its place. Without feedback none.

    Nothing in the place of pictures and the like that state what counts no more; of the PDF its
    newest version; beside the SR its newest version, which names it as its predecessor.
    """
    versions = storage.feedback_reports.versions(job.job_id)
    if not versions:
        return {}
    last = versions[-1].feedback_id
    stated = stated_up_to(storage, job, last)
    touched = [
        one
        for one in stated.findings
        if one.finding_id in stated.void or is_touched(stated.feedback, one)
    ]
    outdated = stating(job, touched) if touched else ()
    standing: dict[str, Sequence[Instance]] = dict.fromkeys(outdated, ())
    newest = pdf_versions(storage, job)[-1:]
    for uid in of_kind(job, "PDF") if newest else ():
        standing[uid] = still_stored(storage.generated, newest)
    for kind in REPORT_KINDS:
        newest = report_versions(storage.generated, storage.feedback_reports, job, kind)[-1:]
        for uid in of_kind(job, kind) if newest else ():
            standing[uid] = still_stored(storage.generated, [uid, *newest])
    return standing
