"""A report as plain text, for programs that take no more."""

from collections.abc import Collection
from datetime import datetime

from inference.reports.locale import load_locale
from storage.reports.entities import Report, ReportSentence, ReportVersion

_CAUTION = {"draft": "DRAFT, not signed", "preliminary": "PRELIMINARY, not signed"}
_PLAIN = str.maketrans({"−": "-", "“": '"', "”": '"', "„": '"', "–": "-", "\u00a0": " "})


def caution_of(state: str) -> str:
    """What must stand on everything that nobody has signed; empty for what is signed."""
    return _CAUTION.get(state, "")


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
    why = "since the images of their series have changed"
    if version.changed_at > at:
        return (
            "NOT CURRENT: this text rests on results that had been withdrawn on"
            f" {at:%Y-%m-%d %H:%M} UTC, {why}. Read the images again."
        )
    return (
        f"NOT CURRENT: on {at:%Y-%m-%d %H:%M} UTC, after this text was written, results that it"
        f" rests on were withdrawn, {why}. Nobody has changed the text since: read the images"
        " again."
    )


def as_text(
    version: ReportVersion, notice: str = "", withdrawn: Collection[str] = frozenset()
) -> str:
    """Headings in capitals, a sentence a line; the impression is numbered."""
    lines = [version.title.upper()]
    if notice:
        lines.append(notice)
    if caution_of(version.state):
        lines.append(caution_of(version.state))
    for section in version.sections:
        lines += ["", section.heading.upper()]
        lines += [in_full(sentence, withdrawn) for sentence in section.sentences]
    if version.state in ("final", "amended"):
        who = in_words(version.signed_name, version.changed_by)
        signed = f"{who}, {version.changed_at:%Y-%m-%d %H:%M} UTC"
        lines += ["", f"{version.state.upper()}: {signed}"]
    return "\n".join(lines) + "\n"


def in_full(sentence: ReportSentence, withdrawn: Collection[str]) -> str:
    """A sentence with all that must follow it."""
    ending = " [rests on withdrawn results]" if rests_on(sentence, withdrawn) else ""
    return sentence.text + by_model(sentence) + ending


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
