"""Results for people after feedback: those that state what counts no more are withdrawn.

SR follows feedback by a new version that names the one before. PDF, pictures, presentation
states, key images and CAD reports have no such reference (PS3.3 C.24.2): a rejection note withdraws
them at every destination that has them, and the PDF is written again. As with SR, all of it may be
done again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from inference.annotations.feedback_sr import feedback_report_uid, feedback_sentences
from inference.deliveries.withdrawing import send_rejection_note
from inference.findings.standing import standing_findings
from inference.result_identity import ResultKindName, image_object_uid
from inference.results.file_writing import part10
from storage.container.has import (
    HasAcceptanceDecisions,
    HasAudit,
    HasDeliveries,
    HasFeedbackReports,
    HasFindings,
    HasGenerated,
    HasIndex,
    HasInstances,
    HasJobs,
    HasSettings,
    HasWithdrawals,
)
from storage.core.entities import DeliveryState, Instance, Job
from storage.core.errors import NotFound
from storage.core.findings import Feedback, Finding
from storage.core.sources import of_reader
from storage.core.uids import UidScheme
from storage.deliveries.repository import Deliveries, UnsentState
from storage.findings.feedback_reports import VersionNumber
from storage.ingest.generated import GeneratedInstances

log = structlog.get_logger(__name__)

_STATING: tuple[ResultKindName, ...] = ("PDF", "SC", "GSPS", "KOS", "CAD")
_OF_ONE_IMAGE: tuple[ResultKindName, ...] = ("SC", "GSPS")

FeedbackByFinding = Mapping[str, Sequence[Feedback]]


class FeedbackDocumentStorage(
    HasSettings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasAcceptanceDecisions,
    HasGenerated,
    HasDeliveries,
    HasFeedbackReports,
    HasWithdrawals,
    HasAudit,
    Protocol,
):
    """What of the storage layer results for people follow feedback with."""


def follow_feedback(
    storage: FeedbackDocumentStorage,
    job: Job,
    findings: Sequence[Finding],
    feedback: FeedbackByFinding,
    void: Collection[str],
    number: VersionNumber,
    at: datetime,
    outdated_comparisons: Sequence[Finding] = (),
) -> list[Instance]:
    """Withdraw what states values that count no more, and write the PDF again; what was stored.

    `feedback`, `void`, `number` as for the SR; `at`: when the last word was given.
    `outdated_comparisons`: findings whose change, which the PDF alone states, holds no more.
    """
    touched = [one for one in findings if one.finding_id in void or is_touched(feedback, one)]
    words = any(feedback.get(one.finding_id) for one in findings)
    before = pdf_versions(storage, job, number)
    if not touched and not before and not outdated_comparisons:
        return []
    stated = stating(job, touched) if touched else of_kind(job, "PDF")
    outdated = _not_withdrawn(
        storage, job, still_stored(storage.generated, [*stated, *before]), number
    )
    stored: list[Instance] = []
    pdf = still_stored(storage.generated, of_kind(job, "PDF"))
    if pdf:
        # First, since by what is withdrawn nobody knows any more where it was to go.
        stored.append(_write_pdf(storage, job, pdf[0], before, findings, feedback, void,
                                 number, at, outdated_comparisons))  # fmt: skip
    if outdated:
        stored.append(
            _withdraw(storage, job, outdated, number, at, by_reader=bool(touched) or words)
        )
    return stored


def is_touched(feedback: FeedbackByFinding, finding: Finding) -> bool:
    words = feedback.get(finding.finding_id) or ()
    return any(word.kind != "ACCEPTED" for word in words[-1:])


def of_kind(job: Job, kind: ResultKindName) -> list[str]:
    """UIDs of what the job made of a kind."""
    return [
        str(one["sop_instance_uid"])
        for one in job.result.get("instances", ())
        if one.get("kind") == kind
    ]


def stating(job: Job, touched: Sequence[Finding]) -> list[str]:
    """What states these findings: of what was made for each image, that of theirs."""
    images = {one.image.sop_instance_uid for one in touched if one.image is not None}
    of_all = any(one.image is None for one in touched)
    found = []
    for kind in _STATING:
        made = of_kind(job, kind)
        of_images = {image_object_uid(job, kind, one) for one in images} & set(made)
        is_known = kind in _OF_ONE_IMAGE and not of_all and len(of_images) == len(images)
        found += [one for one in made if not is_known or one in of_images]
    return found


def still_stored(generated: GeneratedInstances, uids: Iterable[str]) -> list[Instance]:
    found = []
    for uid in uids:
        try:
            found.append(generated.instance(uid))
        except NotFound:
            continue  # deleted
    return found


def _not_withdrawn(
    storage: FeedbackDocumentStorage, job: Job, outdated: Sequence[Instance], number: VersionNumber
) -> list[Instance]:
    """Without what a note after earlier feedback names and what was not wanted anywhere since.

    Where the note after this feedback is there already: what it names, since it stays as it is.
    """
    if named := _named_by_note(storage, job, number):
        return [one for one in outdated if one.sop_instance_uid in named]
    withdrawn: dict[str, datetime] = {}
    for version in storage.feedback_reports.versions(job.job_id):
        if version.number < number:
            withdrawn |= _named_by_note(storage, job, version.number)
    again = {
        one.sop_instance_uid
        for one in storage.deliveries.of_study(job.study_instance_uid)
        if one.sop_instance_uid in withdrawn
        and (one.sent_at is None or one.sent_at >= withdrawn[one.sop_instance_uid])
    }
    return [
        one
        for one in outdated
        if one.sop_instance_uid not in withdrawn or one.sop_instance_uid in again
    ]


def _named_by_note(
    storage: FeedbackDocumentStorage, job: Job, number: VersionNumber
) -> dict[str, datetime]:
    """What the note after feedback withdraws, and since when; nothing where there is none."""
    from inference.results.rejection_note import Correction, rejection_note_uid

    correction = Correction(number, job.updated_at)

    def uids_of(scheme: UidScheme) -> list[str]:
        return [rejection_note_uid(job, scheme, correction)]

    named: dict[str, datetime] = {}
    for note in still_stored(storage.generated, uids_of(storage.generated.scheme(uids_of))):
        for study in storage.instances.dataset(note).CurrentRequestedProcedureEvidenceSequence:
            for series in study.ReferencedSeriesSequence:
                for one in series.ReferencedSOPSequence:
                    named[str(one.ReferencedSOPInstanceUID)] = note.received_at
    return named


def pdf_versions(
    storage: FeedbackDocumentStorage, job: Job, before: VersionNumber | None = None
) -> list[str]:
    """Of the PDF after feedback, the oldest first; all, or those before a version."""
    own = of_kind(job, "PDF")
    return [
        one.sop_instance_uid
        for version in storage.feedback_reports.versions(job.job_id)
        if own and (before is None or version.number < before)
        for one in still_stored(
            storage.generated, [_pdf_uid(storage.generated, own[0], version.number)]
        )
    ]


def _pdf_uid(generated: GeneratedInstances, own_uid: str, number: VersionNumber) -> str:
    scheme = generated.scheme(lambda one: [feedback_report_uid(own_uid, number, one)])
    return feedback_report_uid(own_uid, number, scheme)


def _write_pdf(
    storage: FeedbackDocumentStorage,
    job: Job,
    own: Instance,
    before: Sequence[str],
    findings: Sequence[Finding],
    feedback: FeedbackByFinding,
    void: Collection[str],
    number: VersionNumber,
    at: datetime,
    outdated_comparisons: Sequence[Finding],
) -> Instance:
    # What encodes is large, and few rounds need it.
    from inference.annotations.feedback_pictures import pictures_after_feedback
    from inference.results.sr.feedback_pdf import encode_feedback_pdf

    report = storage.instances.dataset(own)
    predecessor = report
    for one in still_stored(storage.generated, before[-1:]):
        predecessor = storage.instances.header(one)
    stated = list(standing_findings(findings, feedback, void).values())
    sentences = feedback_sentences(findings, feedback, void, outdated_comparisons)
    uid = _pdf_uid(storage.generated, own.sop_instance_uid, number)
    pictures = [
        picture
        for one in still_stored(storage.generated, of_kind(job, "SEG")[:1])
        for picture in pictures_after_feedback(storage, job, storage.instances.dataset(one), stated)
    ]
    document = encode_feedback_pdf(
        report,
        predecessor,
        stated,
        sentences,
        at,
        uid,
        pictures,
        after_feedback=any(feedback.get(one.finding_id) for one in findings),
    )
    instance, _ = storage.generated.store(part10(document), uid, of_reader(job.job_id))
    for name, state in destinations_after(
        storage.deliveries, job, [own.sop_instance_uid, *before]
    ).items():
        storage.deliveries.enqueue(name, [instance], job.job_id, state=state)
    return instance


def _withdraw(
    storage: FeedbackDocumentStorage,
    job: Job,
    outdated: Sequence[Instance],
    number: VersionNumber,
    at: datetime,
    *,
    by_reader: bool,
) -> Instance:
    from inference.results.rejection_note import COMPARED_OTHERWISE, CORRECTED, Correction

    why = CORRECTED if by_reader else COMPARED_OTHERWISE
    return send_rejection_note(storage, job, outdated, Correction(number, at, why))


def destinations_after(
    deliveries: Deliveries, job: Job, predecessors: Collection[str]
) -> dict[str, UnsentState]:
    """Where the report before went, the new one goes; where that waits, the new one waits."""
    return {
        one.destination: _state_after(one.state)
        for one in deliveries.of_study(job.study_instance_uid)
        if one.sop_instance_uid in predecessors and one.state != "CANCELLED"
    }


def _state_after(predecessor: DeliveryState) -> UnsentState:
    match predecessor:
        case "AWAITING_RELEASE" | "WITHHELD":
            return predecessor
        case _:
            return "PENDING"
