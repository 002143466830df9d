"""Conditions on how something came, and on what the order of a study says."""

from typing import Any

import pytest

from inference.rules.conditions import Condition
from inference.rules.doubts import doubts
from inference.rules.facts import SeriesFacts
from inference.rules.judge import Trace, judge
from inference.rules.rule_set import RuleSet
from storage.core.entities import StoreAssociation
from storage.worklist.repository import Worklist
from tests.inference.orchestration import storage_in
from tests.inference.rules.test_conditions import headers

BY_MAMMO = StoreAssociation("MAMMO_IN", "10.1.2.3")
BY_IPV6 = StoreAssociation("MEDIVIEW", "fd00:10::7")


def judged(when: dict[str, Any], *associations: StoreAssociation) -> Trace:
    facts = SeriesFacts(headers(), ("CT1",), associations=frozenset(associations))
    return judge(Condition.model_validate(when), facts)


@pytest.mark.parametrize(
    ("when", "by_mammo", "by_ipv6"),
    [
        ({"ReceivingApplicationEntityTitle": "mammo_in"}, True, False),
        ({"sender_address": "10.1.2.3"}, True, False),
        ({"sender_address": "10.1.2.4"}, False, False),
        ({"sender_address": ["192.168.0.0/16", "10.1.0.0/16"]}, True, False),
        ({"sender_address": "10.1.2.77/24"}, True, False),
        ({"sender_address": "fd00::/8"}, False, True),
        ({"sender_address": "FD00:10:0::7"}, False, True),
        ({"not": {"sender_address": "10.0.0.0/8"}}, False, True),
        ({"sender_address": {"present": True}}, True, True),
    ],
)
def test_how_a_series_was_sent(when: dict[str, Any], by_mammo: bool, by_ipv6: bool) -> None:
    assert judged(when, BY_MAMMO).holds is by_mammo
    assert judged(when, BY_IPV6).holds is by_ipv6
    assert judged(when).holds is ("not" in when), "what came over HTTP has no such address"


def test_what_a_file_states_of_it_is_not_believed() -> None:
    stated = headers()
    stated[0].add_new(0x00020018, "AE", "MAMMO_IN")
    facts = SeriesFacts(stated, associations=frozenset({BY_IPV6}))
    assert facts.of("ReceivingApplicationEntityTitle") == ("MEDIVIEW",)


def test_the_address_stands_in_no_reason() -> None:
    """Reasons are kept with the study, for all who may see it."""
    trace = judged({"sender_address": "192.168.7.0/24"}, BY_MAMMO)
    assert "10.1.2.3" not in repr(trace)
    assert trace.first_failure() == "sender_address 192.168.7.0/24 (found an address)"


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ({"sender_address": "10.1.2.300"}, "'10.1.2.300' is neither an IP address nor a network"),
        ({"sender_address": "ct1.example.org"}, "neither an IP address nor a network"),
        ({"sender_address": {"contains": "10.1."}}, "takes addresses and networks"),
        ({"order.RequestedProcedure": "X"}, "neither a DICOM keyword nor one of"),
        ({"order.": "X"}, "neither a DICOM keyword nor one of"),
    ],
)
def test_what_cannot_be_asked_is_named(when: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Condition.model_validate(when)


def ordered(worklist: Worklist, **others: str) -> None:
    worklist.add(
        {
            "PatientID": "P1",
            "AccessionNumber": "A1",
            "StudyInstanceUID": "1.2.3",
            "RequestedProcedureCodeSequence": [
                {"CodeValue": "24627-2", "CodingSchemeDesignator": "LN"}
            ],
            "RequestedProcedurePriority": "STAT",
            "ScheduledProcedureStepSequence": [
                {
                    "Modality": "CT",
                    "ScheduledProtocolCodeSequence": [{"CodeValue": "LUNG-LD"}],
                }
            ],
            **others,
        }
    )


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"order.RequestedProcedureCodeSequence.CodeValue": "24627-2"}, True),
        ({"order.RequestedProcedureCodeSequence.CodeValue": "30745-4"}, False),
        ({"order.ScheduledProtocolCodeSequence.CodeValue": {"contains": "lung"}}, True),
        ({"order.RequestedProcedurePriority": ["STAT", "HIGH"]}, True),
        ({"order.StudyInstanceUID": {"present": False}}, False),
        ({"RequestedProcedureCodeSequence.CodeValue": {"present": True}}, False),
    ],
)
@pytest.mark.parametrize("by", ["study", "accession number"])
def test_what_the_order_of_a_study_says(
    tmp_path: Any, when: dict[str, Any], holds: bool, by: str
) -> None:
    series = headers()
    with storage_in(tmp_path) as storage:
        for header in series:
            header.StudyInstanceUID = "1.2.3" if by == "study" else "1.2.99"
            header.AccessionNumber = "A1"
        # By its number alone an order counts where it is of nobody else.
        ordered(storage.worklist, **({} if by == "study" else {"PatientID": ""}))
        facts = SeriesFacts.received(series, [], storage.worklist)
        assert judge(Condition.model_validate(when), facts).holds is holds


def test_the_order_of_another_patient_with_that_number_does_not_count(tmp_path: Any) -> None:
    series = headers()
    with storage_in(tmp_path) as storage:
        for header in series:
            header.StudyInstanceUID, header.AccessionNumber = "1.2.99", "A1"
        ordered(storage.worklist)
        facts = SeriesFacts.received(series, [], storage.worklist)
        assert facts.of("order.RequestedProcedurePriority") is None


def test_an_order_was_sent_by_no_association() -> None:
    rules = RuleSet.model_validate(
        {
            "priors": [
                {"name": "from CT1", "when": {"sender_address": "10.0.0.5"}},
                {"name": "of studies", "when": {"sender_address": "10.0.0.5"}, "trigger": "study"},
            ],
            "routing": [
                {"name": "mammo", "to": "x", "when": {"ReceivingApplicationEntityTitle": "M"}}
            ],
        }
    )
    (doubt,) = doubts(rules, [])
    assert doubt.startswith("The rule 'from CT1' asks when or how something was received")
