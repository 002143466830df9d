"""What became of the lesions since the studies before, in a report's sentences."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inference.findings.facts import Fact
from inference.lesions.course import Visit, course_of
from inference.lesions.measurable import is_measurable
from inference.lesions.response import Response, lugano, recist
from inference.pipelines.codes import CM3, MM3_IN_CM3
from inference.reports.lesion_sums import SumName, sum_text
from inference.reports.locale import Locale
from storage.core.text.dates import time_beside
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion, LesionMatch
from storage.lesions.repository import Lesions
from storage.reports.entities import ReportSentence

_RELATIONS = (
    "matched", "new", "first_measured", "gone", "not_measured", "split", "merged", "outside",
    "uncertain",
)  # fmt: skip
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
        return (
            f"{self.pipeline} {sorted(self.counts.items())} {self.recist} {self.lugano}{new}"
            f" /{gone} {[one.label for one in self.cut_off]} {self.other_names}"
            f" {[one.label for one, _, _ in self.still_new]}"
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


def _moment(visit: Visit, now: Visit) -> tuple[str, str]:
    """The date of an earlier study, and its time where that is of the day of the last one."""
    return visit.study_date, time_beside(visit.study_date, visit.study_time, now.study_date)


def _last(responses: Sequence[Response], study_instance_uid: str) -> Response | None:
    """None of the first study, which is compared with nothing."""
    if len(responses) < 2 or responses[-1].study_instance_uid != study_instance_uid:
        return None
    return responses[-1]


def lesion_sentences(
    courses: Sequence[LesionCourse], locale: Locale, *, other_names: bool = True
) -> Iterator[ReportSentence]:
    """How many were there before, which are new or gone, and the sums. The node vouches for them.

    `other_names`: also which of them had another number in the study before.
    """
    words = locale.words["lesions"]
    for course in courses:
        counts = course.counts
        parts = [
            locale.fill(words["relations"][one], {"count": str(counts[one])})
            for one in _RELATIONS
            if counts[one]
        ]
        date = locale.date(course.previous_date, course.previous_time)
        text = locale.fill(words["compared"], {"date": date, "parts": ", ".join(parts)})
        yield _stated(text, course)
        gone = "not_measured" if course.visit.by_readers else "gone"
        for kind, lesions in (
            ("new", course.new),
            (gone, course.gone),
            ("outside", course.outside),
            ("uncertain", course.uncertain),
            ("uncertain_before", course.uncertain_before),
        ):
            if lesions:
                labels = ", ".join(_sized(one, locale) for one in lesions)
                yield _stated(locale.fill(words[kind], {"date": date, "labels": labels}), course)
        if course.cut_off:
            labels = ", ".join(one.label for one in course.cut_off)
            yield _stated(locale.fill(words["cut_off"], {"labels": labels}), course)
        if course.still_new:
            still = "still_measured" if course.visit.by_readers else "still_new"
            labels = "; ".join(_since(*one, locale) for one in course.still_new)
            yield _stated(locale.fill(words[still], {"labels": labels}), course)
        if other_names and course.other_names:
            named = (
                locale.fill(
                    words["was"], {"label": now, "before": words["was_several"].join(before)}
                )
                for now, before in course.other_names
            )
            values = {"date": date, "labels": ", ".join(named)}
            yield _stated(locale.fill(words["other_names"], values), course)
        for name, response in course.sums:
            if response is not None:
                yield _stated(sum_text(name, response, locale), course)


def _sized(lesion: Lesion, locale: Locale) -> str:
    words, size_mm = locale.words["lesions"], lesion.long_axis_mm
    if size_mm is None:
        return locale.fill(words["size_rejected"], {"label": lesion.label})
    return locale.fill(words["sized"], {"label": lesion.label, "size": locale.number(size_mm, 1)})


def _since(lesion: Lesion, then: Lesion | None, moment: tuple[str, str], locale: Locale) -> str:
    """What a lesion is now beside what it was when it was new."""
    if then is None or then.long_axis_mm is None or lesion.long_axis_mm is None:
        return _sized(lesion, locale)
    words, has_volumes = locale.words["lesions"], bool(then.volume_mm3 and lesion.volume_mm3)
    values = {
        "label": lesion.label,
        "date": locale.date(*moment),
        "then": locale.number(then.long_axis_mm, 1),
        "now": locale.number(lesion.long_axis_mm, 1),
        "volume_then": locale.quantity((then.volume_mm3 or 0.0) / MM3_IN_CM3, CM3),
        "volume_now": locale.quantity((lesion.volume_mm3 or 0.0) / MM3_IN_CM3, CM3),
    }
    return locale.fill(words["since_with_volumes" if has_volumes else "since"], values)


def joined_sentences(now: Fact, locale: Locale) -> Iterator[ReportSentence]:
    """How all parts of a lesion that merged or split have changed; nothing of one part."""
    prior, unit = now.finding.prior, now.finding.unit
    if prior is None or not prior.relation or now.corrected_by or now.value is None:
        return
    words = locale.words["lesions"]
    limit = locale.percent(prior.variation_percent)
    sign = "+" if prior.change_percent > 0 else ""
    change = f"{sign}{locale.percent(prior.change_percent)}"
    if prior.is_within_variation:
        change = locale.fill(words["within_variation"], {"variation": limit})
    parts = prior.parts_before if prior.relation == "merged" else prior.parts_now
    text = locale.fill(
        words[f"joined_{prior.relation}"],
        {
            "label": now.finding.label,
            "count": str(parts),
            "date": locale.date(prior.study_date, prior.study_time),
            "before": locale.quantity(prior.value, unit),
            "now": locale.quantity(now.value if prior.value_now is None else prior.value_now, unit),
            "change": change,
        },
    )
    yield ReportSentence(
        text, (now.finding.finding_id,), (prior.finding_id,), basis="node", states_result=True
    )


def _stated(text: str, course: LesionCourse) -> ReportSentence:
    return ReportSentence(
        text, course.finding_ids, course.prior_finding_ids, basis="node", states_result=True
    )
