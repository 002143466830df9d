"""Whether two headers with one patient ID mean one person, where a birth date is missing."""

import pytest

from storage.patient_identity.same_person import Person


@pytest.mark.parametrize(
    ("sex", "other_sex", "may_be"),
    [
        ("M", "m", True),
        ("F", "Female", True),
        ("F", "w ", True),
        ("M", "f", False),
        ("M", "", True),
    ],
)
def test_a_sex_is_compared_by_what_it_means(sex: str, other_sex: str, may_be: bool) -> None:
    assert Person("doe^jane", "", sex).may_be(Person("doe^jane", "19700101", other_sex)) is may_be
