"""The state of a study, computed in one place: from its series, decisions, jobs and deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.delays.main_reason import telling
from storage.core.entities import Decision, Delivery, Job, Series, StudyState
from storage.dicom.modalities import WITHOUT_IMAGES


@dataclass(frozen=True)
class DerivedState:
    state: StudyState
    text: str
    """One sentence, or two when something failed beside what worked."""


def derive_state(
    series: Sequence[Series],
    decisions: Sequence[Decision],
    jobs: Sequence[Job],
    deliveries: Sequence[Delivery],
) -> DerivedState:
    """What to tell people of a study now.

    What moves comes first: arriving, then running, then waiting; then what came
    of it. Only the newest job of a series and pipeline counts: a late instance
    makes a new one, and the older is history.
    """
    received = [one for one in series if one.origin == "received"]
    receiving = [one for one in received if one.state == "RECEIVING"]
    if receiving:
        instances = sum(one.instance_count for one in receiving)
        return DerivedState("RECEIVING", f"Receiving: {_count(instances, 'instance')} so far.")

    newest = _newest(jobs)
    running = [job for job in newest if job.state == "IN PROGRESS"]
    if running:
        job = running[0]
        return DerivedState("RUNNING", f"{job.pipeline} is running: {round(job.progress * 100)}%.")
    queued = [job for job in newest if job.state == "SCHEDULED"]
    if queued:
        waiting = _names(queued)
        verb = "waits" if len(queued) == 1 else "wait"
        return DerivedState("QUEUED", f"{waiting} {verb} for a worker.")

    return _outcome(newest, decisions, deliveries, received)


def _outcome(
    newest: Sequence[Job],
    decisions: Sequence[Decision],
    deliveries: Sequence[Delivery],
    received: Sequence[Series],
) -> DerivedState:
    failed = [job for job in newest if job.status == "FAILED"]
    done = [job for job in newest if job.status == "COMPLETED"]
    if done:
        return _with_results(done, failed, deliveries)
    if failed:
        return DerivedState("FAILED", _failures(failed))
    refusals = [one for one in decisions if not one.accepted]
    if refusals and not any(one.accepted for one in decisions):
        return DerivedState("REFUSED", _refusals(refusals, received))
    cancelled = [job for job in newest if job.status == "CANCELLED"]
    also = f" {_names(cancelled)} was cancelled." if cancelled else ""
    return DerivedState("COMPLETE", f"Everything has arrived.{also}")


def _with_results(
    done: Sequence[Job], failed: Sequence[Job], deliveries: Sequence[Delivery]
) -> DerivedState:
    also = f" {_failures(failed)}" if failed else ""
    if not deliveries:
        return DerivedState("RESULTS", f"{_names(done)} finished.{also}")
    deliveries = [one for one in deliveries if one.state != "CANCELLED"]
    if not deliveries:
        return DerivedState("RESULTS", f"The results were rejected and are not sent.{also}")
    deliveries = [one for one in deliveries if one.state != "WITHHELD"]
    if not deliveries:
        return DerivedState("RESULTS", f"A person has withheld the results.{also}")
    destinations = ", ".join(sorted({one.destination for one in deliveries}))
    awaiting = sorted({one.destination for one in deliveries if one.state == "AWAITING_RELEASE"})
    if awaiting:
        return DerivedState(
            "RESULTS", f"The results await release to {', '.join(awaiting)} by a person.{also}"
        )
    if all(one.state == "CONFIRMED" for one in deliveries):
        return DerivedState("DELIVERED", f"The results are confirmed by {destinations}.{also}")
    waiting = [one for one in deliveries if one.state in ("PENDING", "SENDING")]
    troubled = next((one for one in waiting if one.last_error), None)
    refused = next((one for one in deliveries if one.state == "REFUSED"), None)
    if refused:
        text = (
            f"{refused.destination} refused the results, and nothing is tried until a person says"
            f" so: {refused.last_error.rstrip('.')}."
        )
    elif troubled:
        text = (
            f"The results wait for {troubled.destination}, which could not take them yet:"
            f" {troubled.last_error.rstrip('.')}."
        )
    elif waiting:
        text = f"The results are on their way to {destinations}."
    else:
        text = f"The results were sent to {destinations}, whose proof of holding them is awaited."
    return DerivedState("RESULTS", text + also)


def _newest(jobs: Sequence[Job]) -> list[Job]:
    newest: dict[tuple[str, str], Job] = {}
    for job in sorted(jobs, key=lambda one: one.created_at):
        newest[job.series_instance_uid, job.pipeline] = job
    return list(newest.values())


def _names(jobs: Sequence[Job]) -> str:
    return " and ".join(sorted({job.pipeline for job in jobs}))


def _failures(failed: Sequence[Job]) -> str:
    return " ".join(
        f"{job.pipeline} failed: {(job.reason or 'no reason was kept').rstrip('.')}."
        for job in failed
    )


def series_of_images(series: Sequence[Series]) -> list[Series]:
    """Those that a pipeline may measure; all of them where there is none."""
    return [one for one in series if one.modality not in WITHOUT_IMAGES] or list(series)


def _refusals(refusals: Sequence[Decision], received: Sequence[Series]) -> str:
    """Why nothing was analysed, by the series that a pipeline was nearest to taking."""
    by_series = {one.series_instance_uid: one for one in series_of_images(received)}
    about = [one for one in refusals if one.series_instance_uid in by_series] or list(refusals)
    most = max(about, key=lambda one: telling(one, by_series))
    of_series = [one for one in about if one.series_instance_uid == most.series_instance_uid]
    # Of several pipelines, those that take such images say more than those that do not.
    fitting = dict.fromkeys(
        one.reason
        for one in of_series
        if telling(one, by_series)[0] or not telling(most, by_series)[0]
    )
    subject = "No analysis fits"
    if len(received) > 1 and most.series_instance_uid in by_series:
        series = by_series[most.series_instance_uid]
        number = "" if series.series_number is None else f" {series.series_number}"
        images_text = _count(series.instance_count, "instance")
        subject = f"No analysis fits series{number} ({series.modality}, {images_text})"
    more = ""
    if len(fitting) > 1:
        more = f" {_count(len(fitting) - 1, 'more reason')} with the series."
    return f"{subject}: {most.reason}{more}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
