"""The limit of low attenuation is that of adults without contrast agent."""

import pytest
from pydicom.dataset import Dataset

from inference.normal_ranges.reference import NotApplicable
from inference.normal_ranges.subject import subject_of
from inference.pipelines.chest.lung_density import LungDensity
from storage.core.findings import NormalRange

(LIMIT,) = (one for one in LungDensity.card.normal_ranges if one.label == "Both lungs LAA-950")


def stated(age: str, agent: str | None = None) -> NormalRange:
    header = Dataset()
    header.PatientAge = age
    if agent is not None:
        header.ContrastBolusAgent = agent
    return LIMIT.range_for(subject_of(header), 3.0)


@pytest.mark.parametrize("agent", [None, "", "NONE", "No contrast"])
def test_an_adult_without_contrast_agent_has_a_limit(agent: str | None) -> None:
    assert stated("060Y", agent).high == 5.0


@pytest.mark.parametrize(
    ("age", "agent", "reason"),
    [
        ("060Y", "IV", "without contrast agent, and these were made with one"),
        ("008Y", None, "no reference values for children of 8 years"),
        ("", None, "ask for the patient's age"),
    ],
)
def test_others_get_the_reason_and_no_limit(age: str, agent: str | None, reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        stated(age, agent)


def test_no_limit_rests_on_an_age_that_the_header_contradicts() -> None:
    header = Dataset()
    header.PatientAge, header.PatientBirthDate, header.StudyDate = "003Y", "19700101", "20260301"
    with pytest.raises(NotApplicable, match="56 years by PatientBirthDate and 3 years by Patient"):
        LIMIT.range_for(subject_of(header), 3.0)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ContrastBolusAgentSequence", [Dataset()]),
        ("ContrastBolusIngredient", "IODINE"),
        ("ContrastBolusVolume", "80"),
    ],
)
def test_an_agent_that_is_stated_without_its_name_counts(keyword: str, value: object) -> None:
    header = Dataset()
    header.PatientAge = "060Y"
    setattr(header, keyword, value)
    with pytest.raises(NotApplicable, match="contrast agent"):
        LIMIT.range_for(subject_of(header), 3.0)


def test_a_volume_of_zero_is_no_agent() -> None:
    header = Dataset()
    header.PatientAge, header.ContrastBolusVolume = "060Y", "0"
    assert LIMIT.range_for(subject_of(header), 3.0).high == 5.0
