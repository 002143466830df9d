"""Rules of access groups over what arrived, in the language of the rules file."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.access_groups.rules import read_rule, try_rule
from storage.core.entities import StoreAssociation
from storage.core.errors import InvalidRequest


def header() -> Dataset:
    instance = Dataset()
    instance.InstitutionName = "Klinik St. Märgen"
    instance.InstitutionalDepartmentName = "Radiology 2"
    instance.ReferringPhysicianName = "Doe^Jane"
    instance.Modality = "MR"
    return instance


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"SendingApplicationEntityTitle": "ct1"}, True),
        ({"SendingApplicationEntityTitle": ["CT2", "CT3"]}, False),
        ({"InstitutionName": {"contains": "märgen"}}, True),
        ({"InstitutionalDepartmentName": {"matches": "^radiology [12]$"}}, True),
        ({"ReferringPhysicianName": "Doe^Jane"}, True),
        ({"all": [{"Modality": "MR"}, {"not": {"InstitutionName": {"present": True}}}]}, False),
        ({"any": [{"Modality": "CT"}, {"ReferringPhysicianName": {"contains": "doe"}}]}, True),
    ],
)
def test_a_rule_asks_for_sender_institution_department_and_physician(
    rule: dict[str, Any], holds: bool
) -> None:
    assert try_rule(read_rule(rule), header(), ["CT1"]).holds is holds


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"ReceivingApplicationEntityTitle": "NORTH"}, True),
        ({"ReceivingApplicationEntityTitle": "SOUTH"}, False),
        ({"sender_address": ["10.7.0.0/16", "fd00::/8"]}, True),
        ({"sender_address": "10.8.0.0/16"}, False),
    ],
)
def test_a_rule_asks_how_the_sender_called(rule: dict[str, Any], holds: bool) -> None:
    called = [StoreAssociation("NORTH", "10.7.1.2")]
    assert try_rule(read_rule(rule), header(), ["CT1"], called).holds is holds
    assert not try_rule(read_rule(rule), header(), ["CT1"]).holds, "an order came by none"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"plane": "axial"}, "plane"),
        ({"order.RequestedProcedurePriority": "STAT"}, "order.RequestedProcedurePriority"),
        ({"all": [{"Modality": "MR"}, {"slices": {"at_least": 3}}]}, "slices"),
        ({"Hospital": "North"}, "Hospital"),
        ({"InstitutionName": {"matches": "("}}, "regular expression"),
        ({"Modality": "MR", "InstitutionName": "North"}, "one entry"),
        ({}, "one entry"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_is_wrong(rule: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidRequest, match=expected):
        read_rule(rule)


def test_the_header_stays_as_it_is() -> None:
    instance = header()
    try_rule(read_rule({"Modality": "MR"}), instance, ["CT1"])
    assert "SendingApplicationEntityTitle" not in instance
