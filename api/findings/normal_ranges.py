"""What a model's card calls normal for a measurement of one patient."""

from api.dicom_values import dicom_date
from api.findings.schemas import NormalRangePayload
from inference.catalogue import catalogue
from inference.models.card import NormalRange
from storage.container import Storage
from storage.core.entities import Finding
from storage.core.errors import NotFound

_DAYS_A_YEAR = 365.25


class NormalRanges:
    """The ranges of all cards, read once, for the findings of one answer."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._by_pipeline = {
            (one.name, one.version): one.card.normal_ranges
            for one in catalogue(storage.settings)
            if one.card.normal_ranges
        }
        self._patients: dict[str, tuple[str, float | None]] = {}

    def of(self, finding: Finding) -> NormalRangePayload | None:
        """The first range of the card that is about this measurement and such a patient."""
        ranges = self._by_pipeline.get((finding.pipeline, finding.pipeline_version), ())
        if finding.value is None or not finding.is_sound or not ranges:
            return None
        sex, age_years = self._patient(finding.study_instance_uid)
        unit = finding.unit.value if finding.unit else ""
        for one in ranges:
            if (one.label, one.unit) == (finding.label, unit) and _is_of(one, sex, age_years):
                return NormalRangePayload(
                    low=one.low, high=one.high, unit=one.unit, source=one.source
                )
        return None

    def _patient(self, study_instance_uid: str) -> tuple[str, float | None]:
        """Sex, and age in years at the time of the study; None where it is not known."""
        if study_instance_uid not in self._patients:
            self._patients[study_instance_uid] = _patient(self._storage, study_instance_uid)
        return self._patients[study_instance_uid]


def _is_of(one: NormalRange, sex: str, age_years: float | None) -> bool:
    if one.sex and one.sex != sex:
        return False
    if one.age_years is None:
        return True
    low, high = one.age_years
    return age_years is not None and low <= age_years <= high


def _patient(storage: Storage, study_instance_uid: str) -> tuple[str, float | None]:
    try:
        study = storage.index.study(study_instance_uid)
    except NotFound:
        return "", None
    born, at = dicom_date(study.patient_birth_date), dicom_date(study.study_date)
    if born is None or at is None or at < born:
        return study.patient_sex, None
    return study.patient_sex, (at - born).days / _DAYS_A_YEAR
