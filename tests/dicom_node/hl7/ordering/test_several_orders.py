"""A message of several orders: all of them are scheduled, or none is and the sender hears why."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.container import Storage
from storage.core.accession_issuers import issuer_of
from tests.dicom_node.hl7.mllp import parsed, sent
from tests.dicom_node.hl7.orders import ORDER, items, listens

_HEAD, _ORC, _OBR, _ = ORDER.rsplit("\r", 3)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[int, Storage]]:
    with listens(tmp_path) as found:
        yield found


def order(number: str, control: str = "NW", modality: str = "CT", what: str = "chest") -> str:
    obr = _OBR.replace("A-123", number).replace("||CT|", f"||{modality}|").replace("chest", what)
    return f"{_ORC.replace('ORC|NW', f'ORC|{control}')}\r{obr}"


def answered(port: int, *parts: str) -> tuple[str, str]:
    (answer,) = sent(port, "\r".join((_HEAD, *parts)).encode())
    shown = parsed(answer)
    return shown.msa.msa_1.value, shown.msa.msa_3.value or ""


def scheduled(storage: Storage) -> dict[str, list[tuple[str, str]]]:
    """By accession number the modality of each step with what is to be done."""
    return {
        item.accession_number: [
            (step["Modality"], step["ScheduledProcedureStepDescription"])
            for step in item.attributes["ScheduledProcedureStepSequence"]
        ]
        for item in items(storage)
    }


def test_each_order_of_a_message_is_scheduled(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    parts = order("A-1"), order("A-2", modality="MR", what="head"), order("A-3", what="abdomen")
    assert answered(port, *parts) == ("AA", "")
    found = scheduled(storage)
    assert found == {
        "A-1": [("CT", "CT of the chest")],
        "A-2": [("MR", "CT of the head")],
        "A-3": [("CT", "CT of the abdomen")],
    }
    assert len({item.study_instance_uid for item in items(storage)}) == 3
    assert {item.attributes["PatientID"] for item in items(storage)} == {"P-77"}
    # Sent once more, for an answer that was lost: nothing is doubled.
    assert answered(port, *parts) == ("AA", "")
    assert scheduled(storage) == found


def test_what_belongs_to_one_order_is_not_taken_for_another(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    second = (
        order("A-2").replace("PL-1", "PL-2").replace("^Cough \\T\\ fever\\.br\\since Monday", "")
    )
    assert answered(port, order("A-1"), second, "ZDS|1.2.3.4^RIS^Application^DICOM")[0] == "AA"
    by_number = {item.accession_number: item for item in items(storage)}
    assert by_number["A-2"].attributes["PlacerOrderNumberImagingServiceRequest"] == "PL-2"
    assert "ReasonForTheRequestedProcedure" not in by_number["A-2"].attributes
    assert by_number["A-2"].study_instance_uid == "1.2.3.4"
    assert by_number["A-1"].study_instance_uid != "1.2.3.4"


def test_procedures_of_one_accession_number_are_steps_of_one_order(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    one, other = order("A-1"), order("A-1", what="abdomen").partition("\r")[2]
    assert answered(port, one, other)[0] == "AA"
    assert scheduled(storage) == {"A-1": [("CT", "CT of the chest"), ("CT", "CT of the abdomen")]}


@pytest.mark.parametrize("stated_by", [0, 2])
@pytest.mark.parametrize("issuer", ["RIS_N^1.2.3^ISO", "RIS_N", "^1.2.3^ISO"])
def test_procedures_of_which_one_states_the_issuer_are_steps_of_one_order(
    listener: tuple[int, Storage], stated_by: int, issuer: str
) -> None:
    port, storage = listener
    parts = [order("A-1", what=what) for what in ("chest", "abdomen", "pelvis")]
    parts[stated_by] = parts[stated_by].replace("A-1", f"A-1^{issuer}")
    for _ in range(2):
        assert answered(port, *parts) == ("AA", "")
        assert scheduled(storage) == {
            "A-1": [("CT", f"CT of the {what}") for what in ("chest", "abdomen", "pelvis")]
        }
    (item,) = items(storage)
    assert item.accession_issuer == issuer_of(*issuer.split("^"))


def test_who_issued_a_number_is_put_together_and_keeps_others_numbers_apart(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    parts = (
        order("A-1^RIS_N"),
        order("A-1^RIS_S", what="knee"),
        order("A-1^RIS_S^1.2.9^ISO", what="foot"),
        order("A-1^^1.2.9^ISO", what="hand"),
        order("A-1^RIS_N^1.2.3^ISO", what="head"),
    )
    assert answered(port, *parts) == ("AA", "")
    found = {
        item.accession_number_namespace: (
            item.accession_number_system,
            [
                step["ScheduledProcedureStepDescription"]
                for step in item.attributes["ScheduledProcedureStepSequence"]
            ],
        )
        for item in items(storage)
    }
    assert found == {
        "RIS_N": ("urn:oid:1.2.3", ["CT of the chest", "CT of the head"]),
        "RIS_S": ("urn:oid:1.2.9", ["CT of the knee", "CT of the foot", "CT of the hand"]),
    }


def test_steps_of_imaging_orders_repeat(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    message = "\r".join((
        _HEAD.replace("ORM^O01^ORM_O01", "OMI^O23^OMI_O23"),
        order("A-0"),
        "IPC|A-1|RP-1|1.2.3.1|S-1|CT|||CT 1|CT_1",
        "IPC|A-1|RP-1|1.2.3.1|S-2|PT|||PET 1|PET_1",
        "IPC|A-2|RP-2|1.2.3.2|S-3|MR|||MR 1|MR_1",
    ))  # fmt: skip
    (answer,) = sent(port, message.encode())
    assert parsed(answer).msa.msa_1.value == "AA"
    found = {item.study_instance_uid: item for item in items(storage)}
    assert {uid: item.accession_number for uid, item in found.items()} == {
        "1.2.3.1": "A-1",
        "1.2.3.2": "A-2",
    }
    steps = found["1.2.3.1"].attributes["ScheduledProcedureStepSequence"]
    assert [(step["Modality"], step["ScheduledStationAETitle"]) for step in steps] == [
        ("CT", "CT_1"),
        ("PT", "PET_1"),
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (order("A-2", modality=""), "modality"),
        (order(""), "no accession number"),
        (order("A-2", control="ZZ"), "control code"),
        (order("A-2", control="CA"), "No order of that accession number"),
    ],
    ids=("no modality", "no number", "strange control", "cancels what nobody ordered"),
)
def test_with_one_wrong_order_none_is_taken(
    listener: tuple[int, Storage], wrong: str, reason: str
) -> None:
    port, storage = listener
    wrong = wrong.replace("FI-1", "") if "A-" not in wrong else wrong
    code, why = answered(port, order("A-1"), wrong, order("A-3"))
    assert code == "AE"
    assert reason in why
    assert why.startswith("Order 2 of 3: ")
    assert why.endswith(" None of them was taken.")
    assert items(storage) == []


def test_one_message_orders_and_cancels(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    assert answered(port, order("A-1"))[0] == "AA"
    later = _HEAD.replace("20260102030405", "20260102030410")
    (answer,) = sent(port, "\r".join((later, order("A-1", "CA"), order("A-2"))).encode())
    assert parsed(answer).msa.msa_1.value == "AA"
    states = {item.accession_number: item.state for item in items(storage)}
    assert states == {"A-1": "CANCELED", "A-2": "SCHEDULED"}


def test_more_orders_than_are_taken_are_refused(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    code, reason = answered(port, *(order(f"A-{number}") for number in range(101)))
    assert code == "AR"
    assert "100 orders" in reason
    assert items(storage) == []
