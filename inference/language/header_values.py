"""What the headers of a study say of people and places, in the spellings of reports."""

from collections.abc import Iterable

from pydicom.dataset import Dataset

from inference.imaging.headers import texts
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_NAMES = (
    "PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "RequestingPhysician",
    "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord", "ResponsiblePerson",
)  # fmt: skip
_IDS = (
    "PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "AdmissionID",
    "MilitaryRank", "MedicalRecordLocator",
)  # fmt: skip
_PLACES = ("InstitutionName", "InstitutionAddress", "PatientAddress", "StationName")
# Shorter ones are initials and room numbers, which stand in every text.
_SHORTEST = 3
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_GERMAN_MONTHS = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
    "Oktober", "November", "Dezember",
)  # fmt: skip


def header_values(
    index: Index, instances: InstanceReader, study_instance_uid: str
) -> dict[str, set[str]]:
    """By kind, from the first instance of each series. Raises NotFound."""
    index.study(study_instance_uid)
    values: dict[str, set[str]] = {}
    for series in index.series_of(study_instance_uid):
        instance = index.first_instance_of(study_instance_uid, series.series_instance_uid)
        dataset = instances.header(instance)
        for kind, some in values_of(dataset).items():
            values.setdefault(kind, set()).update(some)
    return values


def values_of(dataset: Dataset) -> dict[str, set[str]]:
    """Names part by part, identifiers, places, and the birth date as people write it."""
    names = {
        part
        for keyword in _NAMES
        for value in texts(dataset.get(keyword))
        for part in value.replace("^", " ").replace("=", " ").replace(",", " ").split()
    }
    return {
        "NAME": _long_enough(names),
        "ID": _long_enough(value for keyword in _IDS for value in texts(dataset.get(keyword))),
        "ADDRESS": _long_enough(
            value for keyword in _PLACES for value in texts(dataset.get(keyword))
        ),
        "PHONE": _long_enough(texts(dataset.get("PatientTelephoneNumbers"))),
        "BIRTH_DATE": set(date_spellings(str(dataset.get("PatientBirthDate") or ""))),
    }


def _long_enough(values: Iterable[str]) -> set[str]:
    return {value.strip() for value in values if len(value.strip()) >= _SHORTEST}


def date_spellings(date: str) -> list[str]:
    """A DA value (PS3.5 Table 6.2-1) in the orders and separators of reports."""
    if len(date) != 8 or not date.isdecimal():
        return []
    year, month, day = int(date[:4]), int(date[4:6]), int(date[6:])
    if not 1 <= month <= 12:
        return [date]
    name = _MONTHS[month - 1]
    german = _GERMAN_MONTHS[month - 1]
    spellings = [date, *(f"{year}{mark}{month:02}{mark}{day:02}" for mark in "-/.")]
    for first, second in ((day, month), (month, day)):
        for mark in "./-":
            spellings += [
                f"{first}{mark}{second}{mark}{year}",
                f"{first:02}{mark}{second:02}{mark}{year}",
                f"{first}{mark}{second}{mark}{year % 100:02}",
                f"{first:02}{mark}{second:02}{mark}{year % 100:02}",
            ]
    for word in dict.fromkeys((name, name[:3], german)):
        spellings += [f"{word} {day}, {year}", f"{day} {word} {year}", f"{word} {day} {year}"]
        spellings.append(f"{day}. {word} {year}")
    return spellings
