"""Who the sentence says the patient is, against the headers and the texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from inference.language.guard.characters import folded
from inference.language.guard.evidence import Evidence
from inference.language.guard.verdict import Ground, Reason
from storage.core.patient_sex import sex_of

_AGE = re.compile(
    r"\b(\d{1,3})\s?-?\s?(?:(?:years?|yrs?)[\s-]?(?:old|of age)?|y/?o|yo|-?jährige[rsn]?(?:\(r\))?"
    r"|jahre alte?[rsn]?)\b(?:\(r\))?"
    r"|\b(?:aged|alter:?|age:)\s?(\d{1,3})\b(?:\s?(?:years?|jahre))?",
    re.IGNORECASE,
)
# `In 1 year` is no age: without `old` it needs the hyphens of an adjective.
_IS_AGE = re.compile(r"old|of age|y/?o|jährig|alt|aged?|\d-years?\b", re.IGNORECASE)
_SEXES = {
    "F": "female woman women girl lady she her hers weiblich weibliche weiblicher frau patientin"
    " sie",
    "M": "male man men boy gentleman he him his männlich männliche männlicher mann herr er",
}
_SEX_OF = {word: sex for sex, words in _SEXES.items() for word in words.split()}
# `HE` after a number is a German Hounsfield unit.
_SEX = re.compile(
    rf"(?<!\w)(?<!\d )(?:{'|'.join(sorted(_SEX_OF, key=len, reverse=True))})(?!\w)", re.I
)
_GERMAN_PRONOUNS = frozenset(("sie", "er"))
_ID = re.compile(
    r"\b(?:patient(?:en)?[\s-]?)?(?:id|mrn|patid)(?:\s?(?:number|no\.?|nr\.?))?[:\s#]{1,3}(\S{1,64})",
    re.I,
)


@dataclass(frozen=True)
class PatientCheck:
    """What is wrong about the patient, and the sentence without what is right."""

    reasons: tuple[Reason, ...]
    rest: str


def check_patient(sentence: str, evidence: Evidence) -> PatientCheck:
    """Age, sex, name and identifier; each must be known, and be the same."""
    study = evidence.study
    plain = folded(sentence)
    reasons: list[Reason] = []
    ages, sexes = _known(evidence)
    for match in list(_AGE.finditer(plain))[::-1]:
        if not _IS_AGE.search(match.group()):
            continue
        age = int(match.group(1) or match.group(2))
        if age not in ages:
            reasons.append(Reason(Ground.PATIENT, f"The patient is not known to be {age}."))
        plain = f"{plain[: match.start()]} {plain[match.end() :]}"
    for match in list(_SEX.finditer(plain))[::-1]:
        word = match.group().casefold()
        if word not in _GERMAN_PRONOUNS and _SEX_OF[word] not in sexes:
            reasons.append(Reason(Ground.PATIENT, f"The patient is not known to be {word}."))
        plain = f"{plain[: match.start()]} {plain[match.end() :]}"
    for match in list(_ID.finditer(plain))[::-1]:
        if match.group(1).rstrip(".,;:") != study.patient_id or not study.patient_id:
            reasons.append(Reason(Ground.PATIENT, "The identifier is not the patient's."))
        plain = f"{plain[: match.start()]} {plain[match.end() :]}"
    return PatientCheck(tuple(reasons), _without_name(plain, study.patient_name))


def without_patient(sentence: str) -> str:
    """A source's sentence without the age and the sex that it gives."""
    plain = sentence
    for match in list(_AGE.finditer(plain))[::-1]:
        if _IS_AGE.search(match.group()):
            plain = f"{plain[: match.start()]} {plain[match.end() :]}"
    for match in list(_SEX.finditer(plain))[::-1]:
        if match.group().casefold() not in _GERMAN_PRONOUNS:
            plain = f"{plain[: match.start()]} {plain[match.end() :]}"
    return plain


def _known(evidence: Evidence) -> tuple[frozenset[int], frozenset[str]]:
    study = evidence.study
    texts = [ages_and_sexes(one.text) for one in evidence.texts if one.kind != "document"]
    stated_ages = frozenset(age for ages, _ in texts for age in ages)
    stated_sexes = frozenset(sex for _, sexes in texts for sex in sexes)
    # What the headers say of the patient stands above what a text says.
    ages = stated_ages if study.patient_age_years is None else {study.patient_age_years}
    sex = sex_of(study.patient_sex)
    sexes = {sex} if sex in _SEXES else stated_sexes
    return frozenset(ages), frozenset(sexes)


@lru_cache(maxsize=64)
def ages_and_sexes(text: str) -> tuple[frozenset[int], frozenset[str]]:
    """What a text calls the patient."""
    plain = folded(text)
    ages = {
        int(match.group(1) or match.group(2))
        for match in _AGE.finditer(plain)
        if _IS_AGE.search(match.group())
    }
    words = {match.group().casefold() for match in _SEX.finditer(plain)}
    return frozenset(ages), frozenset(_SEX_OF[word] for word in words - _GERMAN_PRONOUNS)


def _without_name(plain: str, name: str) -> str:
    """The patient's own name is nothing that has to be found in a finding."""
    parts = [part for part in re.split(r"[\^=\s,]+", name) if len(part) > 1]
    if not parts:
        return plain
    pattern = "|".join(re.escape(part) for part in parts)
    named = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
    return named.sub(" ", plain)
