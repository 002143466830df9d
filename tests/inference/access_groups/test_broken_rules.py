"""A rule that cannot be applied neither stops the others nor opens a study."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from inference.access_groups.service import apply_rules
from inference.access_groups.stored_rules import read_rules, unreadable_rules
from storage.access_groups.decisions import Decision
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.uids import derive_uid
from storage.settings import Settings
from tests.storage.instances import part10

# As a newer version may have stored it; this one knows no such keyword.
BROKEN: dict[str, Any] = {"HospitalOfTheFuture": "South"}


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as opened:
        yield opened


def received(storage: Storage, name: str, **attributes: object) -> str:
    storage.ingest.accept(part10(study=name, **attributes), "dimse:CT1")
    return derive_uid("test", name)


def decided(storage: Storage, *studies: str) -> list[dict[str, str]]:
    assert apply_rules(storage, utcnow(), budget_s=60) == len(studies)
    return [storage.access_groups.of_study(study) for study in studies]


def test_the_other_groups_get_their_studies_and_nobody_gets_the_rest(storage: Storage) -> None:
    groups = storage.access_groups
    groups.add("North", rule={"InstitutionName": "North"})
    groups.add("South", rule=BROKEN)
    north = received(storage, "north", InstitutionName="North")
    other = received(storage, "other", InstitutionName="Südklinik")
    assert decided(storage, north, other) == [{"North": "rule"}, {"administrators": "unmatched"}]
    assert unreadable_rules(groups.all()) == ["South"]
    groups.change("South", description="", rule={"InstitutionName": {"contains": "süd"}})
    assert decided(storage, north, other) == [{"North": "rule"}, {"South": "rule"}]
    assert unreadable_rules(groups.all()) == []


def test_studies_stay_in_the_group_until_its_rule_can_be_read_again(storage: Storage) -> None:
    """Nobody sees more than before, and a department does not lose its studies."""
    groups = storage.access_groups
    groups.add("South", rule={"InstitutionName": "South"})
    south = received(storage, "south", InstitutionName="South")
    assert decided(storage, south) == [{"South": "rule"}]
    groups.change("South", description="", rule=BROKEN)
    assert decided(storage, south) == [{"South": "rule"}]


def test_an_order_that_a_broken_rule_might_have_matched_is_for_administrators(
    storage: Storage,
) -> None:
    groups = storage.access_groups
    groups.add("North", rule={"SendingApplicationEntityTitle": "CT1"})
    groups.add("South", rule=BROKEN)
    for study, station in (("1.2.3", "CT1"), ("1.2.4", "CT9")):
        steps = [{"ScheduledStationAETitle": station}]
        storage.worklist.add({"StudyInstanceUID": study, "ScheduledProcedureStepSequence": steps})
    apply_rules(storage, utcnow(), budget_s=60)
    assert groups.of_study("1.2.3") == {"North": "rule"}
    assert groups.of_study("1.2.4") == {"administrators": "unmatched"}


def test_a_value_that_cannot_be_read_stops_only_the_rule_that_asks_for_it() -> None:
    """One byte where LargestImagePixelValue has two (PS3.5 6.2, US)."""
    header = Dataset()
    header.InstitutionName = "North"
    tag = Tag("LargestImagePixelValue")
    header[tag] = RawDataElement(tag, "US", 1, b"\x01", 0, False, True)
    rules = {3: {"InstitutionName": "North"}, 4: {"LargestImagePixelValue": {"at_least": 9}}}
    decision = read_rules(rules, version=7).decide(header, ["CT1"])
    assert decision == Decision(7, groups=(3,), undecided=frozenset({4}))
