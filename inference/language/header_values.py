"""What the headers of a study say of people and places, in the spellings of reports."""

from collections.abc import Iterable

from pydicom.dataset import Dataset

from inference.imaging.headers import texts
from storage.container import Storage

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


def header_values(storage: Storage, study_instance_uid: str) -> dict[str, set[str]]:
    """By kind, from the first instance of each series. Raises NotFound."""
    storage.index.study(study_instance_uid)
    values: dict[str, set[str]] = {}
    for series in storage.index.series_of(study_instance_uid):
        instance = storage.index.first_instance_of(study_instance_uid, series.series_instance_uid)
        dataset = storage.instances.dataset(instance, stop_before_pixels=True)
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
        "BIRTH_DATE": set(_spellings(str(dataset.get("PatientBirthDate") or ""))),
    }


def _long_enough(values: Iterable[str]) -> set[str]:
    return {value.strip() for value in values if len(value.strip()) >= _SHORTEST}


def _spellings(date: str) -> list[str]:
    """A DA value (PS3.5 Table 6.2-1) in the orders and separators of reports."""
    if len(date) != 8 or not date.isdecimal():
        return []
    year, month, day = int(date[:4]), int(date[4:6]), int(date[6:])
    if not 1 <= month <= 12:
        return [date]
    name = _MONTHS[month - 1]
    short = name[:3]
    spellings = [date, f"{year}-{month:02}-{day:02}"]
    for first, second in ((day, month), (month, day)):
        for mark in "./-":
            spellings += [
                f"{first}{mark}{second}{mark}{year}",
                f"{first:02}{mark}{second:02}{mark}{year}",
                f"{first:02}{mark}{second:02}{mark}{year % 100:02}",
            ]
    for word in (name, short):
        spellings += [f"{word} {day}, {year}", f"{day} {word} {year}", f"{word} {day} {year}"]
    return spellings
