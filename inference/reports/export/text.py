"""A report as plain text, for programs that take no more."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from inference.findings.standing import StandingFinding
from inference.reports.locale import load_locale
from storage.reports.entities import Report, ReportSentence, ReportVersion

_PLAIN = str.maketrans({"−": "-", "“": '"', "”": '"', "„": '"', "–": "-", "\u00a0": " "})


def words_of(language: str) -> Mapping[str, Any]:
    """What stands on a report beside its own text, in its language."""
    found: Mapping[str, Any] = load_locale(language).words["export"]
    return found


def caution_of(version: ReportVersion) -> str:
    """What must stand on everything that nobody has signed; empty for what is signed."""
    return str(words_of(version.language)["cautions"].get(version.state, ""))


def superseded_notice(report: Report, version: ReportVersion) -> str:
    """What must stand on a version whose results were withdrawn since; empty for every other."""
    if report.superseded_at is None:
        return ""
    # A text that is edited but has not left since stands outside as it was.
    if version.version not in (report.version, report.publish_version):
        return ""
    return withdrawn_notice(version, report.superseded_at)


def withdrawn_notice(version: ReportVersion, at: datetime) -> str:
    """Another one where somebody wrote or signed the version after that."""
    kind = "withdrawn_before" if version.changed_at > at else "withdrawn_after"
    locale = load_locale(version.language)
    return locale.fill(locale.words["export"][kind], {"at": f"{at:%Y-%m-%d %H:%M} UTC"})


def as_text(
    version: ReportVersion, notice: str = "", withdrawn: Collection[str] = frozenset()
) -> str:
    """Headings in capitals, a sentence a line; the impression is numbered."""
    lines = [version.title.upper()]
    if notice:
        lines.append(notice)
    if caution_of(version):
        lines.append(caution_of(version))
    for section in version.sections:
        lines += ["", section.heading.upper()]
        lines += [in_full(sentence, withdrawn, version.language) for sentence in section.sentences]
    if version.state in ("final", "amended"):
        who = in_words(version.signed_name, version.changed_by)
        signed = f"{who}, {version.changed_at:%Y-%m-%d %H:%M} UTC"
        state = str(words_of(version.language)["states"][version.state])
        lines += ["", f"{state.upper()}: {signed}"]
    return "\n".join(lines) + "\n"


def in_full(sentence: ReportSentence, withdrawn: Collection[str], language: str) -> str:
    """A sentence with all that must follow it."""
    wrong = rests_on(sentence, withdrawn)
    ending = f" {words_of(language)['rests_on_withdrawn']}" if wrong else ""
    return sentence.text + by_model(sentence) + ending


def corrected_by(stated: StandingFinding, language: str) -> str:
    """What must stand beside a value that a person gave; empty for the software's."""
    if not stated.corrected_by:
        return ""
    locale = load_locale(language)
    if stated.measured_value is None:
        return locale.fill(words_of(language)["corrected"], {"person": stated.corrected_by})
    measured = locale.quantity(stated.measured_value, stated.finding.unit)
    return locale.fill(
        words_of(language)["corrected_from"],
        {"person": stated.corrected_by, "value": measured},
    )


def rests_on(sentence: ReportSentence, withdrawn: Collection[str]) -> bool:
    return any(one in withdrawn for one in sentence.result_ids)


def by_model(sentence: ReportSentence) -> str:
    """What must follow a sentence that a model worded; empty for every other."""
    return f" (AI: {sentence.author})" if sentence.origin == "model" else ""


def in_words(person_name: str, account: str) -> str:
    """`Dr. Jane Doe (jdoe)`; the account alone where no name is known."""
    family, given, middle, prefix, suffix = (*person_name.split("^"), "", "", "", "", "")[:5]
    name = " ".join(part for part in (prefix, given, middle, family, suffix) if part)
    return f"{name} ({account})" if name else account


def plain(text: str) -> str:
    """Signs that older character sets lack, by those that all have."""
    return text.translate(_PLAIN)


def date_in_words(dicom_date: str, language: str) -> str:
    return load_locale(language).date(dicom_date) or dicom_date
