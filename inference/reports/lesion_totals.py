"""What all lesions of a kind measure together, in a report's sentences."""

from collections.abc import Iterable, Iterator

from inference.findings.facts import Fact
from inference.reports.evidence import Prior
from inference.reports.locale import Locale
from storage.core.acquisition import why_unlike
from storage.reports.entities import ReportSentence


def total_sentences(
    facts: Iterable[Fact], prior: Prior | None, locale: Locale
) -> Iterator[ReportSentence]:
    """Of each total of these facts of how many it is, and what it was of how many before.

    Nothing is concluded from both: a total stays as it is where one lesion grows and another
    shrinks. No model rewords it.
    """
    words = locale.words["lesions"]
    before = {} if prior is None else {fact.key: fact for fact in prior.facts}
    for now in facts:
        if not now.finding.total_of:
            continue
        values = {
            "label": locale.label(now.finding.quantity_label),
            "lesions": _lesions(now, locale),
            "value": locale.quantity(now.value or 0.0, now.finding.unit),
        }
        text = locale.fill(words["total"], values)
        then = before.get(now.key)
        date = "" if prior is None else locale.date(prior.study.study_date, prior.time)
        ids: tuple[str, ...] = ()
        is_alike = (
            then is not None
            and then.finding.unit == now.finding.unit
            and why_unlike(now.finding, then.finding) is None
        )
        if then is not None and date and is_alike:
            ids = (then.finding.finding_id,)
            values |= {
                "date": date,
                "before": locale.quantity(then.value or 0.0, then.finding.unit),
                "lesions_before": _lesions(then, locale),
            }
            kind = "total_before" if then.finding.total_of else "total_before_uncounted"
            text = locale.fill(words[kind], values)
        yield ReportSentence(text, (now.finding.finding_id,), ids, basis="node", states_result=True)


def _lesions(fact: Fact, locale: Locale) -> str:
    words, count = locale.words["lesions"], fact.finding.total_of
    kind = "one" if count == "1" else "many"
    if count.endswith("+"):
        kind = "more"
    return locale.fill(words["counted"][kind], {"count": count.rstrip("+")})
