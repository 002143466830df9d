"""Which of the studies that an archive lists are a patient's, and which of them a rule wants."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

from dicom_node.archives.archive import SERIES_KEYWORDS, Found
from inference.priors.subjects import Subject
from inference.rules.facts import Value
from inference.rules.judge import judge
from inference.rules.prior_rule import PriorRule
from storage.core.text.bounded_text import indexed_name
from storage.core.text.dates import date_of
from storage.patient_identity.same_person import Person

SeriesOf = Callable[[str], Sequence[Found]]
"""Asks the archive for the series of a study."""

_MODALITIES = "ModalitiesInStudy"


def of_patient(
    subject: Subject, found: Iterable[Found], default_issuer: str, site_issuer: str = ""
) -> list[Found]:
    """Those of the same patient, without the subject's own study; the newest first.

    Patient ID and issuer must be the same; `default_issuer` counts for answers without one, and
    `site_issuer` for whatever then has none still, also the subject. A name never makes two the
    same, but birth date, sex or name keep apart whom an ID that was used twice would mix up, by
    the rule by which the index does it.
    """
    if not subject.patient_id:
        return []
    same = [
        one
        for one in found
        if one.text("PatientID") == subject.patient_id
        and (one.text("IssuerOfPatientID") or default_issuer or site_issuer)
        == (subject.issuer_of_patient_id or site_issuer)
        and one.study_instance_uid != subject.study_instance_uid
        and _may_be_the_same(subject.person, one)
    ]
    return newest_first(same)


def newest_first(studies: Iterable[Found]) -> list[Found]:
    return sorted(
        studies, key=lambda one: (one.text("StudyDate"), one.text("StudyTime")), reverse=True
    )


def _may_be_the_same(person: Person, found: Found) -> bool:
    name = indexed_name(found.text("PatientName"))
    there = Person(name, found.text("PatientBirthDate"), found.text("PatientSex"))
    if not (there.birth_date and person.birth_date) and not (name and person.name_folded):
        # Neither tells anything: the ID is all that there is.
        return not (there.sex and person.sex and there.sex != person.sex)
    return person.may_be(there)


def choose(
    subject: Subject, studies: Iterable[Found], rule: PriorRule, series_of: SeriesOf
) -> list[Found]:
    """Of the patient's studies, newest first, those that the rule wants and the archive can send.

    An archive is asked for series only where a study's own attributes do not decide. Raises what
    `series_of` raises.
    """
    chosen: list[Found] = []
    for study in studies:
        if len(chosen) == rule.at_most:
            break
        if study.cannot_come or not _is_in_time(subject, study, rule.within_days):
            continue
        facts = FoundFacts(study, series_of)
        if _is_alike(subject, facts, rule) and (
            rule.which is None or judge(rule.which, facts).holds
        ):
            chosen.append(study)
    return chosen


def _is_in_time(subject: Subject, study: Found, within_days: float | None) -> bool:
    """Not later than what it is a prior of, and not older than the rule wants."""
    then = date_of(study.text("StudyDate"))
    now = date_of(subject.study_date)
    if then is None:
        return within_days is None
    days = ((now or date.today()) - then).days
    return days >= 0 and (within_days is None or days <= within_days)


def _is_alike(subject: Subject, facts: "FoundFacts", rule: PriorRule) -> bool:
    if "modality" in rule.same and subject.modalities.isdisjoint(facts.texts(_MODALITIES)):
        return False
    body_parts = {one.upper() for one in facts.texts("BodyPartExamined")} if _asks(rule) else set()
    return not _asks(rule) or not subject.body_parts.isdisjoint(body_parts)


def _asks(rule: PriorRule) -> bool:
    return "body_part" in rule.same


class FoundFacts:
    """A study of an archive as conditions see it, with the values of all its series."""

    def __init__(self, study: Found, series_of: SeriesOf) -> None:
        self._study = study
        self._series_of = series_of
        self._series: Sequence[Found] | None = None

    def of(self, name: str) -> Value | None:
        return self.texts(name) or None

    def texts(self, name: str) -> tuple[str, ...]:
        stated = self._study.attributes.get(name, ())
        if name == _MODALITIES and not stated:
            # Not every archive says it of a study (PS3.4 C.3.4: optional).
            name = "Modality"
        if stated or name not in SERIES_KEYWORDS:
            return stated
        if self._series is None:
            self._series = self._series_of(self._study.study_instance_uid)
        values = (value for one in self._series for value in one.attributes.get(name, ()))
        return tuple(dict.fromkeys(values))
