"""What became of the lesions since the studies before, of each pipeline."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inference.lesions.course import Visit, course_of
from inference.lesions.measurable import is_measurable
from inference.lesions.response.assessment import Response, lugano, recist
from inference.reports.lesion_sums import SumName
from storage.core.text.dates import time_beside
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion, LesionMatch
from storage.lesions.repository import Lesions

# A reader may not have measured what is there.
_BY_READERS = {"new": "first_measured", "gone": "not_measured"}


@dataclass(frozen=True)
class LesionCourse:
    """Of one pipeline: the study that the report is about, and its sums, where they are."""

    pipeline: str
    visit: Visit
    previous_date: str
    recist: Response | None
    lugano: Response | None
    earlier_studies: tuple[str, ...] = ()
    """Those that the sums go back to."""
    finding_ids: tuple[str, ...] = ()
    """Of findings that measure its lesions, one for each lesion."""
    prior_finding_ids: tuple[str, ...] = ()
    """Likewise, of the earlier studies."""
    earlier_lesions: Mapping[str, Lesion] = field(default_factory=dict)
    """By identifier: those of the earlier studies."""
    still_new: tuple[tuple[Lesion, Lesion | None, tuple[str, str]], ...] = ()
    """Lesions that were new in a study before, as they are now and were then, with its date and
    time as of the previous study; None where they have merged or split since."""
    with_caveats: tuple[tuple[Lesion, tuple[str, str] | None], ...] = ()
    """Lesions whose sizes are doubtful, with the date and time of an earlier study that shows them;
    None: this one does."""
    previous_time: str = ""
    """TM, where the previous study is of the same day."""

    @property
    def counts(self) -> Counter[str]:
        """Lesions by what became of them; each of a split or of a merging once."""
        counts: Counter[str] = Counter(
            one.match.relation for one in self.visit.seen if one.match is not None
        )
        counts["gone"] = len(self.visit.gone)
        counts["outside"] += len(self.visit.outside)
        if self.visit.by_readers:
            return Counter({_BY_READERS.get(one, one): count for one, count in counts.items()})
        return counts

    @property
    def new(self) -> tuple[Lesion, ...]:
        """Lesions without a counterpart before; none where readers alone have measured."""
        if self.visit.by_readers:
            return ()
        return tuple(
            one.lesion
            for one in self.visit.seen
            if one.match is not None and one.match.relation == "new"
        )

    @property
    def gone(self) -> tuple[Lesion, ...]:
        """Of before: what is not found any more; of readers, what they did not measure again."""
        return self._earlier(self.visit.gone)

    @property
    def outside(self) -> tuple[Lesion, ...]:
        """Of before: those whose place the images do not show."""
        return self._earlier(self.visit.outside)

    @property
    def uncertain(self) -> tuple[Lesion, ...]:
        """Lesions of which nobody can tell whether they are new."""
        return tuple(
            one.lesion
            for one in self.visit.seen
            if one.match is not None and one.match.relation == "uncertain"
        )

    @property
    def uncertain_before(self) -> tuple[Lesion, ...]:
        """Of before: those that the uncertain ones may be."""
        return self._earlier(self.visit.uncertain)

    @property
    def cut_off(self) -> tuple[Lesion, ...]:
        """Lesions of which the images show a part alone, so that no sum holds them."""
        return tuple(
            one.lesion
            for one in self.visit.seen
            if one.lesion.is_truncated and is_measurable(one.lesion)
        )

    @property
    def other_names(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Lesions that were called otherwise before, with what they were called; of a merging all,
        of a split each part."""
        found = []
        for one in self.visit.seen:
            matches = [one.match] if one.match is not None else []
            matches += [
                each for each in self.visit.merged if each.later_lesion_id == one.lesion.lesion_id
            ]
            before = tuple(each.label for each in self._earlier(matches))
            if before and before != (one.lesion.label,):
                found.append((one.lesion.label, before))
        return tuple(found)

    def _earlier(self, matches: Iterable[LesionMatch]) -> tuple[Lesion, ...]:
        ids = dict.fromkeys(one.earlier_lesion_id for one in matches)
        return tuple(self.earlier_lesions[one] for one in ids if one in self.earlier_lesions)

    @property
    def sums(self) -> tuple[tuple[SumName, Response | None], ...]:
        return ("recist", self.recist), ("lugano", self.lugano)

    @property
    def digest(self) -> str:
        new, gone = (
            "".join(f" {each.label}" for each in lesions)
            for lesions in (
                (*self.new, *self.uncertain),
                (*self.gone, *self.outside, *self.uncertain_before),
            )
        )
        doubted = [(one.label, one.caveat, moment) for one, moment in self.with_caveats]
        return (
            f"{self.pipeline} {sorted(self.counts.items())} {self.recist} {self.lugano}{new}"
            f" /{gone} {[one.label for one in self.cut_off]} {self.other_names}"
            f" {[one.label for one, _, _ in self.still_new]}"
            f"{f' {doubted}' if doubted else ''}"
        )


def lesion_courses(
    index: Index,
    jobs: Jobs,
    lesions: Lesions,
    priors: PatientStudies,
    findings: Findings,
    finding_feedback: FindingFeedback,
    study_instance_uid: str,
) -> tuple[LesionCourse, ...]:
    """Of the pipelines that have something to compare in this study."""
    found = []
    courses = course_of(
        index, jobs, lesions, priors, findings, finding_feedback, study_instance_uid
    )
    for pipeline, visits in sorted(courses.items()):
        if visits[-1].study_instance_uid != study_instance_uid or len(visits) < 2:
            continue
        if visits[-1].is_compared:
            diameters, products = (
                _last(table(visits)[1], study_instance_uid) for table in (recist, lugano)
            )
            earlier = tuple(one.study_instance_uid for one in visits[:-1])
            date, time = _moment(visits[-2], visits[-1])
            seen_before = {
                each.lesion.lesion_id: each.lesion for one in visits[:-1] for each in one.seen
            }
            found.append(
                LesionCourse(
                    pipeline,
                    visits[-1],
                    date,
                    diameters,
                    products,
                    earlier,
                    earlier_lesions=seen_before,
                    still_new=still_new(visits, diameters),
                    with_caveats=_with_caveats(visits),
                    previous_time=time,
                )
            )
    return tuple(found)


def still_new(
    visits: Sequence[Visit], response: Response | None
) -> tuple[tuple[Lesion, Lesion | None, tuple[str, str]], ...]:
    """By the sums of diameters, which go back to the study in which there were targets first."""
    wanted = () if response is None else response.still_new
    found = []
    for one in visits[-1].seen:
        if one.lesion.lesion_id not in wanted:
            continue
        is_alone = one.match is not None and one.match.relation == "matched"
        then, moment = next(
            (each.lesion, _moment(visit, visits[-1]))
            for visit in visits
            for each in visit.seen
            if each.group == one.group
        )
        found.append((one.lesion, then if is_alone else None, moment))
    return tuple(found)


def _with_caveats(
    visits: Sequence[Visit],
) -> tuple[tuple[Lesion, tuple[str, str] | None], ...]:
    """Of all studies that changes and sums go back to, this one first."""
    now = visits[-1]
    return tuple(
        (one.lesion, None if visit is now else _moment(visit, now))
        for visit in (now, *visits[:-1])
        for one in visit.seen
        if one.lesion.caveat
    )


def _moment(visit: Visit, now: Visit) -> tuple[str, str]:
    """The date of an earlier study, and its time where that is of the day of the last one."""
    return visit.study_date, time_beside(visit.study_date, visit.study_time, now.study_date)


def _last(responses: Sequence[Response], study_instance_uid: str) -> Response | None:
    """None of the first study, which is compared with nothing."""
    if len(responses) < 2 or responses[-1].study_instance_uid != study_instance_uid:
        return None
    return responses[-1]
