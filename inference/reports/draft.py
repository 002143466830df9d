"""The draft of a study's report: sections of sentences, each bound to what it rests on."""

from collections.abc import Iterable, Iterator, Sequence, Set

from inference.findings.facts import fact_of
from inference.reports.caution_text import (
    ages_contradict,
    born_after_study,
    found_cautiously,
    outside_population,
)
from inference.reports.critical import critical_sentences
from inference.reports.evidence import DraftStorage, Evidence, Prior, digest_of, gather
from inference.reports.findings_text import (
    findings_sentences,
    impression_sentences,
    sentences_of,
)
from inference.reports.llm_answers import (
    already_worded,
    ask_for_words,
    template_digest,
    words_wanted,
)
from inference.reports.locale import Locale, load_locale, references
from inference.reports.question_text import question_sentences
from inference.reports.technique_text import region_of, technique_sentences
from storage.core.acquisition import why_unlike
from storage.core.callers.identity import Identity
from storage.core.entities import Job
from storage.core.findings import VOLUME_VARIATION_PERCENT, Finding
from storage.core.variation import is_volume
from storage.reports.entities import Report, ReportSection, ReportSentence, SectionKind
from storage.reports.repository import Reports
from storage.settings import Settings


def draft_study(
    storage: DraftStorage,
    study_instance_uid: str,
    language: str,
    *,
    indication: str = "",
    made_by: Identity | None = None,
    replace: bool = False,
) -> Report:
    """Draft the report of a study from all that is known now, and offer it.

    Where a model is set for reports, it is asked to word the draft; the draft does not wait.

    Raises NotFound, InvalidRequest for a language without templates.
    """
    locale = load_locale(language)
    evidence = gather(storage, study_instance_uid, indication)
    critical = critical_sentences(storage.settings, evidence.facts, locale)
    sections = draft_sections(evidence, locale, critical)
    given = template_digest(sections, evidence.digest)
    there = storage.reports.states_of([study_instance_uid]).get(study_instance_uid)
    wanted = words_wanted(storage.settings)
    if (
        wanted
        and already_worded(there, given, storage.settings, again=made_by is not None)
        and there
    ):
        return there
    report = storage.reports.offer(
        study_instance_uid,
        language=language,
        title=title_of(evidence, locale),
        sections=sections,
        basis_digest=evidence.digest,
        made_by=made_by,
        replace=replace,
    )
    if wanted and evidence.facts and report.sections == sections and not report.is_touched:
        report = ask_for_words(storage.settings, storage.reports, storage.answers, report, given)
    return report


def draft_image(
    settings: Settings, reports: Reports, job: Job, title: str, findings: Sequence[Finding]
) -> Report:
    """The draft of an image that is not DICOM, and so belongs to no study: what its job found."""
    locale = load_locale(settings.report_language)
    facts = [fact_of(one) for one in findings]
    note = ReportSentence(
        locale.words["note"], tuple(one.finding_id for one in findings), basis="node"
    )
    headings = locale.words["headings"]
    return reports.offer(
        "",
        job_id=job.job_id,
        language=str(locale.words["language"]),
        title=title,
        sections=(
            ReportSection(headings["findings"], tuple(sentences_of(facts, locale))),
            ReportSection(headings["note"], (note,), "note"),
        ),
        basis_digest=digest_of(facts, ()),
    )


def draft_sections(
    evidence: Evidence, locale: Locale, critical: Sequence[ReportSentence] = ()
) -> tuple[ReportSection, ...]:
    """The template draft: the same evidence gives the same words. `critical`: what its impression
    begins with."""
    findings = list(_findings(evidence, locale))
    concluded = list(impression_sentences(evidence, locale))
    compared = frozenset(
        finding_id for one in (*findings, *concluded) for finding_id in one.prior_finding_ids
    )
    parts: list[tuple[SectionKind, Iterable[ReportSentence]]] = [
        ("indication", _indication(evidence, locale)),
        ("technique", technique_sentences(evidence.technique, locale)),
        ("comparison", _comparison(evidence, compared, locale)),
        ("findings", findings),
        (
            "impression",
            (
                *critical,
                *question_sentences(evidence, locale),
                *_impression(evidence, concluded, compared, locale),
            ),
        ),
    ]
    return tuple(
        ReportSection(locale.words["headings"][kind], tuple(sentences), kind)
        for kind, sentences in parts
    )


def title_of(evidence: Evidence, locale: Locale) -> str:
    """`MRI of the head`: what was done, of what."""
    for one in evidence.technique:
        region = region_of(one.body_part, one.pipelines)
        values = {"modality": locale.modality(one.modality)}
        named = locale.words["regions"].get(region)
        if named:
            return locale.fill(locale.words["title"], values | {"region": named})
        return locale.fill(locale.words["title_without_region"], values)
    return evidence.study.study_description.strip() or "Report"


def _indication(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    if evidence.indication:
        yield ReportSentence(
            locale.fill(locale.words["indication"], {"reason": evidence.indication}),
            basis="request",
        )
    else:
        yield ReportSentence(locale.words["no_indication"], basis="request")


def _comparison(evidence: Evidence, compared: Set[str], locale: Locale) -> Iterator[ReportSentence]:
    """The study before; `compared` are the findings of before that sentences rest on."""
    words, prior = locale.words["comparison"], evidence.prior
    if prior is None:
        yield ReportSentence(words["none"], basis="node")
        return
    modalities = [one for one in prior.study.modalities if one in locale.words["modalities"]]
    values = {
        "modality": locale.modality(modalities[0] if modalities else ""),
        "date": locale.date(prior.study.study_date, prior.time),
    }
    bound = prior.finding_ids
    yield ReportSentence(
        locale.fill(words["prior" if values["date"] else "undated_prior"], values),
        prior_finding_ids=bound,
    )
    if not compared:
        why = words["why_nothing"][_why_nothing(evidence, prior)]
        yield ReportSentence(
            locale.fill(words["nothing_compared"], {"why": why}),
            prior_finding_ids=bound,
            basis="node",
        )
        return
    if any(is_volume(one.finding) and one.finding.finding_id in compared for one in prior.facts):
        percent = locale.percent(VOLUME_VARIATION_PERCENT)
        yield ReportSentence(
            locale.fill(locale.words["changes"]["within_tolerance"], {"percent": percent}),
            prior_finding_ids=bound,
            basis="node",
        )
    now = {one.key: one.finding.pipeline_version for one in evidence.facts}
    other = sorted(
        {
            one.finding.pipeline
            for one in prior.facts
            if one.finding.pipeline_version != now[one.key]
        }
    )
    if other:
        yield ReportSentence(
            locale.fill(words["other_version"], {"pipelines": _listed(other, locale)}),
            prior_finding_ids=bound,
        )


def _why_nothing(evidence: Evidence, prior: Prior) -> str:
    """The word of the locale for why no sentence compares what both studies have measured."""
    now = {one.key: one for one in evidence.facts}
    pairs = [(now[then.key], then) for then in prior.facts if then.key in now]
    if not prior.study.study_date:
        return "undated"
    if not prior.facts:
        both = [*prior.doubtful, *(now[one.key] for one in prior.doubtful if one.key in now)]
        return "truncated" if any(one.is_truncated for one in both) else "implausible"
    if all(then.measure == "answer" for _, then in pairs):
        return "answers"
    if all(one.finding.unit != then.finding.unit for one, then in pairs):
        return "units"
    unlike = [why_unlike(one.finding, then.finding) for one, then in pairs]
    if all(unlike):
        is_side = any(one is not None and one.kind == "laterality" for one in unlike)
        return "laterality" if is_side else "acquisition"
    return "joined" if any(one.is_joined for one, _ in pairs) else "other"


def _findings(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    if not evidence.facts:
        yield ReportSentence(locale.words["nothing"], basis="node")
    yield from findings_sentences(evidence, locale)
    if evidence.rejected:
        many = "one" if len(evidence.rejected) == 1 else "many"
        yield ReportSentence(
            locale.fill(locale.words["rejected"][many], {"count": str(len(evidence.rejected))}),
            tuple(one.finding_id for one in evidence.rejected),
            basis="node",
        )
    if evidence.void:
        labels = [locale.label(one.label) for one in evidence.void]
        yield ReportSentence(
            locale.fill(locale.words["void"], {"labels": _listed(labels, locale)}),
            tuple(one.finding_id for one in evidence.void),
            basis="node",
        )
    for pipeline in evidence.failed_pipelines:
        yield ReportSentence(
            locale.fill(locale.words["failed"], {"pipeline": pipeline}), basis="node"
        )
    for pipeline in evidence.withdrawn_pipelines:
        yield ReportSentence(
            locale.fill(locale.words["withdrawn"], {"pipeline": pipeline}), basis="node"
        )
    yield from _limits(evidence, locale)


def _limits(evidence: Evidence, locale: Locale) -> Iterator[ReportSentence]:
    """What was not looked at, once for all pipelines that share it."""
    known = references()["pipelines"]
    bound: dict[str, list[str]] = {}
    for fact in evidence.facts:
        limits = known.get(fact.finding.pipeline, {}).get("limits", "other")
        bound.setdefault(limits, []).append(fact.finding.finding_id)
    for limits, finding_ids in bound.items():
        yield ReportSentence(
            locale.words["limits"][limits], tuple(dict.fromkeys(finding_ids)), basis="node"
        )


def _impression(
    evidence: Evidence, sentences: Sequence[ReportSentence], compared: Set[str], locale: Locale
) -> Iterator[ReportSentence]:
    yield from sentences
    concluded = {one for sentence in sentences for one in sentence.finding_ids}
    facts = [one for one in evidence.facts if one.finding.finding_id in concluded]
    yield from found_cautiously(facts, locale)
    yield from outside_population(facts, locale)
    partly = tuple(
        one.finding.finding_id
        for one in facts
        if any(caveat.kind == "part_of_series" for caveat in one.finding.caveats)
    )
    if partly:
        yield ReportSentence(locale.words["part_of_series"], partly, basis="node")
    yield from ages_contradict(evidence.facts, locale)
    yield from born_after_study(evidence.facts, locale)
    if evidence.facts and evidence.prior is None:
        yield ReportSentence(locale.words["no_comparison"], basis="node")
    if evidence.facts and evidence.prior is not None and not compared:
        text = locale.words["comparison"]["nothing_concluded"]
        yield ReportSentence(text, prior_finding_ids=evidence.prior.finding_ids, basis="node")
    all_findings = tuple(one.finding.finding_id for one in evidence.facts)
    if all_findings:
        yield ReportSentence(locale.words["note"], all_findings, basis="node")


def _listed(items: Sequence[str], locale: Locale) -> str:
    style = locale.words["list"]
    if len(items) < 2:
        return "".join(items)
    return f"{style['comma'].join(items[:-1])}{style['last']}{items[-1]}"
