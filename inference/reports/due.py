"""Drafting by itself: once what was to run on a study has run, its report is drafted."""

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from inference.annotations.feedback_reports import renew_comparisons
from inference.annotations.report_versions import FeedbackStorage
from inference.failures import place
from inference.prior_comparison import StoredComparisons, revise_comparisons
from inference.reports.critical import raise_alerts
from inference.reports.draft import draft_study
from inference.reports.evidence import DraftStorage
from storage.container.has import HasCriticalAlerts, HasPriorFetches, HasRetrospectiveRuns
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StorageFull, StorageUnavailable
from storage.core.postponed import Postponed
from storage.index.patient_studies import PatientStudies
from storage.priors.fetches import PriorFetches
from storage.reports.draft_queue import DraftQueue
from storage.reports.entities import Report

log = structlog.get_logger(__name__)

_STUDIES_PER_ROUND = 20
FAILED_AGAIN_S = 60.0


class DueDraftStorage(
    DraftStorage,
    FeedbackStorage,
    HasPriorFetches,
    HasCriticalAlerts,
    HasRetrospectiveRuns,
    Protocol,
):
    """What of the storage layer drafts that are due are made, and what follows from them, with."""

    @property
    def draft_queue(self) -> DraftQueue: ...


def draft_due(storage: DueDraftStorage, now: datetime, postponed: Postponed | None = None) -> int:
    """Draft what is due; how many studies were looked at.

    A study without any finding gets no report. Results that state a comparison which holds no more
    are replaced. Later studies of the same patient, whose drafts compare with this one, are due in
    their turn. `postponed` remembers what could not be stored.
    """
    postponed = Postponed(FAILED_AGAIN_S) if postponed is None else postponed
    for study_instance_uid, _ in storage.draft_queue.due(now, _STUDIES_PER_ROUND):
        # What is critical does not wait for the pipelines that still run. What was critical in a
        # study of years ago was somebody's concern then.
        if not _is_prior(storage.prior_fetches, study_instance_uid):
            raise_alerts(storage, study_instance_uid)
    waited_since = now - timedelta(seconds=storage.settings.report_wait_s)
    done = 0
    for study_instance_uid, changed_at in storage.draft_queue.due(
        waited_since, _STUDIES_PER_ROUND, postponed.current()
    ):
        try:
            if _is_prior(storage.prior_fetches, study_instance_uid) or _is_quiet(
                storage, study_instance_uid
            ):
                _compare_again(storage.patient_studies, storage.draft_queue, study_instance_uid)
            else:
                draft_now(storage, study_instance_uid)
            renew_comparisons(
                storage, study_instance_uid, changed_at, now, StoredComparisons(storage)
            )
        except NotFound:
            pass  # deleted meanwhile
        except Exception as error:  # noqa: BLE001 - one study must not hold up the others
            log.error(
                "report_not_drafted",
                study_instance_uid=study_instance_uid,
                error=type(error).__name__,
                place=place(error),
            )
            if isinstance(error, StorageUnavailable | StorageFull):
                postponed.add(study_instance_uid)
                continue
        storage.draft_queue.done(study_instance_uid, changed_at)
        done += 1
    return done


def draft_now(storage: DueDraftStorage, study_instance_uid: str) -> None:
    """Draft a study's report from what counts now, whatever still runs; none for a study
    without findings. Its comparisons are revised first. Raises NotFound."""
    there = storage.reports.states_of([study_instance_uid]).get(study_instance_uid)
    if there is None and not storage.findings.of_study(study_instance_uid):
        # They may be compared with what was found here and withdrawn since.
        _compare_again(storage.patient_studies, storage.draft_queue, study_instance_uid)
        return
    revise_comparisons(storage, study_instance_uid)
    language = there.language if there is not None else storage.settings.report_language
    report = draft_study(storage, study_instance_uid, language)
    log.info(
        "report_drafted",
        study_instance_uid=study_instance_uid,
        version=report.version,
        needs_attention=bool(report.attention),
    )
    # What is only proposed beside a signed text counts for later studies all the same.
    if there is None or _offered(there) != _offered(report):
        _compare_again(storage.patient_studies, storage.draft_queue, study_instance_uid)


def _offered(report: Report) -> tuple[int, str, str]:
    return report.version, report.basis_digest, report.proposal_digest


def _is_prior(fetches: PriorFetches, study_instance_uid: str) -> bool:
    """Fetched to compare others with it; nobody reports it here."""
    return fetches.prior_of(study_instance_uid) is not None


def _is_quiet(storage: DueDraftStorage, study_instance_uid: str) -> bool:
    """Whether all that was made of it is of runs over stored studies whose results stay here."""
    quiet = storage.retrospective_runs.quiet_jobs(study_instance_uid)
    if not quiet or storage.reports.states_of([study_instance_uid]):
        return False
    jobs = storage.jobs.of_studies([study_instance_uid])[study_instance_uid]
    return all(one.job_id in quiet for one in jobs if one.has_results)


def _compare_again(
    priors: PatientStudies, draft_queue: DraftQueue, study_instance_uid: str
) -> None:
    """Later studies of the same patient say what has changed since this one."""
    for later in priors.after(study_instance_uid):
        draft_queue.mark(later, utcnow())
