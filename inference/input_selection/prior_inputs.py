"""Which series of an earlier study are the priors that a pipeline takes beside a study's own."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from inference.imaging.laterality import side_of
from inference.input_selection.input_candidates import (
    Candidate,
    Chosen,
    best_of,
    listed_reasons,
    read_candidate,
)
from inference.pipeline import NamedInput, Pipeline
from storage.core.acquisition import sides_contradict
from storage.core.entities import JobInput, Study
from storage.core.errors import NotFound
from storage.core.job_result import PriorTaken
from storage.core.text.dates import date_of, shown_date
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.patient_identity.entities import PatientKey

_DAYS_IN_YEAR = 365
_STUDIES_AT_MOST = 3
ANOTHER_PATIENT = "It names another patient than its study."
OTHER_SIDE = "It states the other side of the body."


@dataclass(frozen=True)
class ChosenPriors:
    """`chosen` by role, all of one earlier study; `why_none` of each other role."""

    chosen: Mapping[str, Chosen] = field(default_factory=dict)
    why_none: Mapping[str, str] = field(default_factory=dict)


class PriorSearch(Protocol):
    """Looks for priors in one earlier study."""

    def in_study(
        self, prior: PriorTaken, roles: Sequence[NamedInput], only: Mapping[str, JobInput] | None
    ) -> tuple[dict[str, Chosen], dict[str, list[str]]]:
        """What fills the roles, and by role why the others do not."""
        ...


def choose_priors(
    index: Index,
    instance_reader: InstanceReader,
    pipeline: Pipeline,
    study_instance_uid: str,
    roles: Sequence[NamedInput],
    present: Mapping[str, Chosen],
    only: Mapping[str, JobInput] | None = None,
    search: PriorSearch | None = None,
) -> ChosenPriors:
    """Fill the roles of priors from the nearest earlier study that has all that are required.

    `roles` are those of priors, `present` what was chosen of the study itself by role. A prior has
    the Modality of the series that it is the prior of. `only`: as in `choose_inputs`. `search`: of
    others than series.
    """
    search = search or _Search(index, instance_reader, pipeline, present)
    roles = [one for one in roles if one.prior_of in present]
    if only is not None:
        roles = [one for one in roles if one.name in only]
    if not roles:
        return ChosenPriors()
    study = index.study(study_instance_uid)
    looked: list[tuple[Study, dict[str, list[str]]]] = []
    beyond: Study | None = None
    for earlier, days in earlier_studies(index, study, only):
        within = [one for one in roles if days <= one.within_days]
        if not within:
            beyond = earlier
            break
        prior = PriorTaken(
            study_instance_uid=earlier.study_instance_uid,
            study_date=earlier.study_date,
            days_before=days,
        )
        chosen, reasons = search.in_study(prior, within, only)
        looked.append((earlier, reasons))
        if chosen and all(one.name in chosen for one in roles if one.required):
            absent = [one for one in roles if one.name not in chosen]
            why = {one.name: _why_none(one, present, study, [looked[-1]], None) for one in absent}
            return ChosenPriors(chosen, why)
    return ChosenPriors(
        {}, {one.name: _why_none(one, present, study, looked, beyond) for one in roles}
    )


def span_in_words(days: float) -> str:
    """2 years, 1 year, 90 days."""
    years, rest = divmod(days, _DAYS_IN_YEAR)
    if years and not rest:
        return f"{years:g} year" + ("s" if years > 1 else "")
    return f"{days:g} day" + ("s" if days != 1 else "")


@dataclass(frozen=True)
class _Search:
    index: Index
    instance_reader: InstanceReader
    pipeline: Pipeline
    present: Mapping[str, Chosen]

    def in_study(
        self, prior: PriorTaken, roles: Sequence[NamedInput], only: Mapping[str, JobInput] | None
    ) -> tuple[dict[str, Chosen], dict[str, list[str]]]:
        """What fills the roles in one earlier study, and by role why series do not."""
        reference = self.present[getattr(self.pipeline, "reference", "")]
        known = self.instance_reader.patient_keys(prior["study_instance_uid"])
        read: dict[str, Candidate] = {}
        of_another: set[str] = set()
        chosen: dict[str, Chosen] = {}
        reasons: dict[str, list[str]] = {}
        for role in roles:
            taken = {one.candidate.series.series_instance_uid for one in chosen.values()}
            present = self.present[role.prior_of].candidate
            wanted, side = present.series.modality, side_of(present.headers)
            candidates = []
            unfit = reasons.setdefault(role.name, [])
            for series in self.index.series_of(prior["study_instance_uid"]):
                uid = series.series_instance_uid
                if (
                    series.origin == "generated"
                    or series.state != "COMPLETE"
                    or series.modality != wanted
                    or uid in taken
                    or (only is not None and only[role.name].series_instance_uid != uid)
                ):
                    continue
                if uid not in read:
                    read[uid] = read_candidate(self.index, self.instance_reader, series, prior)
                    if self._names_another(read[uid], known):
                        of_another.add(uid)
                if uid in of_another:
                    unfit.append(f"{read[uid].name}: {ANOTHER_PATIENT}")
                elif sides_contradict(side_of(read[uid].headers), side):
                    unfit.append(f"{read[uid].name}: {OTHER_SIDE}")
                else:
                    candidates.append(read[uid])
            found = best_of(self.pipeline, role, candidates, reference, unfit)
            if found is not None:
                chosen[role.name] = found
        return chosen, reasons

    def _names_another(self, candidate: Candidate, known: Collection[PatientKey]) -> bool:
        """Whether any image names another patient than its study, whose `known` are."""
        return any(
            self.instance_reader.names_another_patient(instance, known, header)
            for instance, header in zip(candidate.instances, candidate.headers, strict=True)
        )


def earlier_studies(
    index: Index, study: Study, only: Mapping[str, JobInput] | None
) -> Iterator[tuple[Study, int]]:
    """The patient's earlier studies, the newest first, and how many days each lies before; of a
    job that was made the one that it takes."""
    taken = None if only is None else {one.study_instance_uid for one in only.values()}
    for uid in index.patient_studies.imaged_before(study.study_instance_uid):
        if taken is None or uid in taken:
            try:
                earlier = index.study(uid)
            except NotFound:
                continue  # deleted meanwhile
            days = _days_between(earlier, study)
            if days is not None:
                yield earlier, days


def why_no_study(study: Study, beyond: Study | None) -> str:
    """Why there is no prior where no study is near enough; `beyond` is the nearest one."""
    if not study.patient_id:
        return "the study has no Patient ID, by which an earlier one would be known."
    if date_of(study.study_date) is None:
        return "the study has no date."
    if beyond is not None:
        return f"the nearest earlier study is of {shown_date(beyond.study_date)}."
    return "no earlier study of the patient is here."


def _days_between(earlier: Study, later: Study) -> int | None:
    then, now = date_of(earlier.study_date), date_of(later.study_date)
    return None if then is None or now is None else (now - then).days


def _why_none(
    role: NamedInput,
    present: Mapping[str, Chosen],
    study: Study,
    looked: Sequence[tuple[Study, Mapping[str, Sequence[str]]]],
    beyond: Study | None,
) -> str:
    of = present[role.prior_of].role.title
    begins = f"No prior {of} within {span_in_words(role.within_days)}"
    reasons = [reason for _, by_role in looked for reason in by_role.get(role.name, ())]
    without = [
        shown_date(earlier.study_date)
        for earlier, by_role in looked
        if not by_role.get(role.name) and role.name in by_role
    ]
    if reasons:
        return f"{begins}. {listed_reasons(reasons)}"
    if without:
        modality = present[role.prior_of].candidate.series.modality
        more = len(without) - _STUDIES_AT_MOST
        dates = ", ".join(without[:_STUDIES_AT_MOST]) + (f" and {more} more" if more > 0 else "")
        return f"{begins}: no complete series of {modality} in the study of {dates}."
    return f"{begins}: {why_no_study(study, beyond)}"
