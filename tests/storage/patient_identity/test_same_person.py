"""Whether two headers with one patient ID mean one person."""

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


@pytest.mark.parametrize(
    ("name", "sex", "may_be"),
    [
        ("smith^jane", "F", True),
        ("smith^jane", "", True),
        ("doe^jane", "M", True),
        ("doe^john", "M", False),
        ("other^karl", "male", False),
        ("", "M", True),
        ("doe^j", "M", True),
        ("other^karl", "O", True),
    ],
)
def test_the_same_birth_date_with_another_name_and_sex_is_a_twin(
    name: str, sex: str, may_be: bool
) -> None:
    jane, other = Person("doe^jane", "19700101", "F"), Person(name, "19700101", sex)
    assert jane.may_be(other) is other.may_be(jane) is may_be
