"""What an archive cannot send is not fetched as a prior."""

import pytest

from dicom_node.archives.archive import Found
from inference.priors.selection import choose
from inference.priors.subjects import Subject
from inference.rules.prior_rule import PriorRule
from storage.patient_identity.same_person import Person

SUBJECT = Subject(
    "P1", "", Person("DOE", "", ""), "1.2.3", "20240101", frozenset({"MR"}), frozenset()
)


def listed(year: str, availability: str) -> Found:
    attributes = {
        "StudyInstanceUID": (f"1.2.{year}",),
        "StudyDate": (f"{year}0101",),
        "ModalitiesInStudy": ("MR",),
        **({"InstanceAvailability": (availability,)} if availability else {}),
    }
    return Found(attributes)


@pytest.mark.parametrize(
    ("which", "chosen"),
    [
        ({}, ["2022", "2021"]),
        ({"which": {"InstanceAvailability": "ONLINE"}}, ["2021"]),
    ],
)
def test_the_next_study_takes_its_place(which: dict[str, object], chosen: list[str]) -> None:
    rule = PriorRule.model_validate({"name": "two", "at_most": 2, **which})
    studies = [
        listed("2024", "UNAVAILABLE"),
        listed("2023", "OFFLINE"),
        listed("2022", "NEARLINE"),
        listed("2021", "ONLINE"),
        listed("2020", ""),
    ]
    found = choose(SUBJECT, studies, rule, lambda _: [])
    assert [one.text("StudyDate")[:4] for one in found] == chosen
