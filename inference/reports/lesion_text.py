"""What became of the lesions since the studies before, in a report's sentences."""

from collections.abc import Iterator, Sequence

from inference.calibration.entities import stated_caveats
from inference.findings.facts import Fact
from inference.pipelines.codes import CM3, MM3_IN_CM3
from inference.reports.lesion_courses import LesionCourse
from inference.reports.lesion_sums import sum_text
from inference.reports.locale import Locale
from storage.lesions.entities import Lesion
from storage.reports.entities import ReportSentence

_RELATIONS = (
    "matched", "new", "first_measured", "gone", "not_measured", "split", "merged", "outside",
    "uncertain",
)  # fmt: skip


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
            labels = ", ".join(locale.label(one.label) for one in course.cut_off)
            yield _stated(locale.fill(words["cut_off"], {"labels": labels}), course)
        if course.with_caveats:
            labels = "; ".join(_doubted(*one, locale) for one in course.with_caveats)
            yield _stated(locale.fill(words["doubted"], {"labels": labels}), course)
        if course.still_new:
            still = "still_measured" if course.visit.by_readers else "still_new"
            labels = "; ".join(_since(*one, locale) for one in course.still_new)
            yield _stated(locale.fill(words[still], {"labels": labels}), course)
        if other_names and course.other_names:
            named = (
                locale.fill(
                    words["was"],
                    {
                        "label": locale.label(now),
                        "before": words["was_several"].join(map(locale.label, before)),
                    },
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
        return locale.fill(words["size_rejected"], {"label": locale.label(lesion.label)})
    values = {"label": locale.label(lesion.label), "size": locale.number(size_mm, 1)}
    return locale.fill(words["sized"], values)


def _doubted(lesion: Lesion, then: tuple[str, str] | None, locale: Locale) -> str:
    words = locale.words["lesions"]
    values = {"label": locale.label(lesion.label), "caveat": _caveat_text(lesion.caveat, locale)}
    if then is None:
        return locale.fill(words["doubted_now"], values)
    return locale.fill(words["doubted_then"], {**values, "date": locale.date(*then)})


def _caveat_text(stated: str, locale: Locale) -> str:
    """What this node states, in the report's language; others' words as they are."""
    caveats, others = stated_caveats(stated)
    known = [locale.words["lesions"]["caveats"][one] for one in caveats]
    return ", ".join(filter(None, [*known, others.rstrip(".")]))


def _since(lesion: Lesion, then: Lesion | None, moment: tuple[str, str], locale: Locale) -> str:
    """What a lesion is now beside what it was when it was new."""
    if then is None or then.long_axis_mm is None or lesion.long_axis_mm is None:
        return _sized(lesion, locale)
    words, has_volumes = locale.words["lesions"], bool(then.volume_mm3 and lesion.volume_mm3)
    values = {
        "label": locale.label(lesion.label),
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
            "label": locale.label(now.finding.label),
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
