"""When results leave: at once, after a person has accepted them, or never, by the site's rules."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules
from inference.rules.finding_facts import ResultFacts
from inference.rules.judge import judge
from inference.rules.release_rule import ReleaseWhen
from inference.rules.rule_set import RuleSet
from storage.container.has import HasEngine, HasFindings, HasInstances, HasJobs, HasSettings
from storage.core.entities import DeliveryState, Instance
from storage.core.errors import NotFound
from storage.core.findings import Finding
from storage.core.sources import REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE
from storage.deliveries.release import states_of
from storage.deliveries.repository import NOT_RELEASED, Deliveries, UnsentState
from storage.findings.repository import Findings
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.settings import Settings

_STRICTEST: tuple[ReleaseWhen, ...] = ("never", "when_accepted", "at_once")
_STATES: dict[ReleaseWhen, UnsentState] = {
    "at_once": "PENDING",
    "when_accepted": "AWAITING_RELEASE",
}


def release_of(
    settings: Settings, found: Mapping[str | None, Sequence[Finding]], destination: str
) -> ReleaseWhen:
    """Of what rests on all these pipelines, and on what each of them found: the strictest.

    None: a pipeline that nobody knows any more, to which any rule about the destination may apply.
    """
    rules = current_rules(settings)
    stated: set[ReleaseWhen] = set()
    for pipeline, findings in found.items():
        if pipeline is None:
            stated |= rules.releases_to(destination)
        else:
            stated.add(_by_rule(rules, pipeline, destination, findings))
    return next((one for one in _STRICTEST if one in stated), "at_once")


def _by_rule(
    rules: RuleSet, pipeline: str, destination: str, findings: Sequence[Finding]
) -> ReleaseWhen:
    facts = ResultFacts(SeriesFacts([]), findings, rules.critical)
    for rule in rules.release_rules(pipeline, destination):
        if rule.when is None or judge(rule.when, facts).holds:
            return rule.results
    return "at_once"


def unsent_state(release: ReleaseWhen) -> UnsentState | None:
    """In which state a delivery begins; None: it never leaves."""
    return _STATES.get(release)


def want_results(
    deliveries: Deliveries,
    destination: str,
    instances: Sequence[Instance],
    release: ReleaseWhen,
    job_id: str | None,
    *,
    accepted: bool = False,
) -> None:
    """Want results at a destination, from when on they may leave. `accepted`: a person made
    them."""
    if release == "when_accepted" and accepted:
        release = "at_once"
    if release in _STATES:
        deliveries.enqueue(destination, instances, job_id, state=_STATES[release])


def found_in_study(
    jobs: Jobs, findings: Findings, study_instance_uid: str
) -> dict[str | None, list[Finding]]:
    """On which pipelines a draft of the study may rest, and what each of them found."""
    of_study = jobs.of_studies([study_instance_uid])[study_instance_uid]
    found: dict[str | None, list[Finding]] = {
        job.pipeline: [] for job in of_study if job.has_results
    }
    for one in findings.of_study(study_instance_uid):
        found.setdefault(one.pipeline, []).append(one)
    return found


class ReleaseStorage(HasSettings, HasEngine, HasInstances, HasJobs, HasFindings, Protocol):
    """What of the storage layer is asked whether a study's results may leave."""


def by_release(
    storage: ReleaseStorage, destination: str, instances: Sequence[Instance]
) -> tuple[list[Instance], list[Instance]]:
    """Of what somebody sends by hand: what may go, and what has to be accepted before.

    Results that never go there are in neither.
    """
    states: dict[str, DeliveryState] = {}
    for study_instance_uid in {one.study_instance_uid for one in instances}:
        states |= states_of(storage.engine, study_instance_uid, destination)
    going, awaiting = [], []
    for one in instances:
        state = states.get(one.sop_instance_uid)
        if state in NOT_RELEASED:
            continue
        release = "at_once" if state else _release_of(storage, one, destination)
        if release == "at_once":
            going.append(one)
        elif release == "when_accepted":
            awaiting.append(one)
    return going, awaiting


def _release_of(storage: ReleaseStorage, instance: Instance, destination: str) -> ReleaseWhen:
    """Of one that was never wanted there. Images, and what a person made or signed, may go."""
    settings, jobs = storage.settings, storage.jobs
    if not current_rules(settings).releases_to(destination):
        return "at_once"
    kind, _, job_id = instance.source.partition(":")
    try:
        if kind in ("result", "rejection", "reader"):
            job = jobs.get(job_id)
            release = release_of(
                settings, {job.pipeline: storage.findings.of_job(job_id)}, destination
            )
            # What was superseded before it was released goes nowhere, nor does the note about it.
            return "never" if release != "at_once" and job.status == "SUPERSEDED" else release
        # A notice about a signed report goes wherever the report goes.
        if instance.source == SUPERSEDED_REPORT_SOURCE:
            return "at_once"
        if kind == REPORT_SOURCE and not _is_signed(storage.instances, instance):
            found = found_in_study(jobs, storage.findings, instance.study_instance_uid)
            return release_of(settings, found or {None: ()}, destination)
    except NotFound:
        # `reader:NAME` is a person's own key images and measurements.
        return "at_once" if kind == "reader" else release_of(settings, {None: ()}, destination)
    return "at_once"


def _is_signed(instance_reader: InstanceReader, instance: Instance) -> bool:
    header = instance_reader.header(instance)
    return str(header.get("VerificationFlag")) == "VERIFIED"
