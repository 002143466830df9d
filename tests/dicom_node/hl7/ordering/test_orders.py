"""Orders by HL7 v2: over real sockets, answered by what became of them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from storage.audit import Code
from storage.audit.query import AuditFilter, all_events
from storage.audit.refusals import MOST_OF_ONE
from storage.container import Storage
from storage.db.room import Limits
from storage.worklist import room
from tests.dicom_node.hl7.mllp import parsed, sent
from tests.dicom_node.hl7.orders import ORDER, items, listens


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[tuple[int, Storage]]:
    with listens(tmp_path) as found:
        yield found


def answered(port: int, message: str, codec: str = "utf-8") -> tuple[str, str, str]:
    """Acknowledgement code, control id and reason, read by another library."""
    (answer,) = sent(port, message.encode(codec))
    shown = parsed(answer, codec)
    return shown.msa.msa_1.value, shown.msa.msa_2.value, shown.msa.msa_3.value or ""


def test_an_order_becomes_a_worklist_item(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    assert answered(port, ORDER)[:2] == ("AA", "C-1")
    (item,) = items(storage)
    attributes = item.attributes
    assert (item.accession_number, item.study_instance_uid) == ("A-123", "1.2.3.4")
    assert attributes["PatientName"] == "Müller^Jürgen^Maria^Dr^Jr"
    assert (attributes["PatientID"], attributes["IssuerOfPatientID"]) == ("P-77", "HOSPITAL")
    assert attributes["ReferringPhysicianName"] == "Referrer^Ruth"
    assert attributes["RequestingPhysician"] == "Orderer^Olaf"
    assert attributes["ReasonForTheRequestedProcedure"] == "Cough & fever since Monday"
    assert attributes["PlacerOrderNumberImagingServiceRequest"] == "PL-1"
    assert attributes["FillerOrderNumberImagingServiceRequest"] == "FI-1"
    (step,) = attributes["ScheduledProcedureStepSequence"]
    assert (step["Modality"], step["ScheduledStationAETitle"]) == ("CT", "ANY")
    assert step["ScheduledProcedureStepStartDate"] == "20260105"
    assert step["ScheduledProcedureStepStartTime"] == "083000"


def test_the_same_order_again_changes_it_and_a_cancel_ends_it(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    assert answered(port, ORDER)[0] == "AA"
    assert answered(port, ORDER.replace("ORC|NW", "ORC|XO").replace("chest", "thorax"))[0] == "AA"
    (item,) = items(storage)
    assert item.attributes["RequestedProcedureDescription"] == "CT of the thorax"
    # A message that was made before these comes late: it is taken, and reverts nothing.
    late = ORDER.replace("20260102030405", "20260102030404")
    assert answered(port, late)[0] == "AA"
    assert answered(port, late.replace("ORC|NW", "ORC|CA"))[0] == "AA"
    assert items(storage) == [item]
    assert answered(port, ORDER.replace("ORC|NW", "ORC|CA"))[0] == "AA"
    assert items(storage)[0].state == "CANCELED"
    code, _, reason = answered(port, ORDER.replace("ORC|NW", "ORC|CA").replace("A-123", "A-999"))
    assert code == "AE"
    assert "accession number" in reason


def test_an_order_that_is_made_anew_after_its_cancel_is_on_the_worklist_again(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    cancel = ORDER.replace("ORC|NW", "ORC|CA").replace("20260102030405", "20260102030410")
    assert [answered(port, one)[0] for one in (ORDER, cancel)] == ["AA", "AA"]
    # What was made before the cancel, in its second, or is no new order, leaves it cancelled.
    for late in (
        ORDER,
        ORDER.replace("20260102030405", "20260102030410"),
        ORDER.replace("ORC|NW", "ORC|XO").replace("20260102030405", "20260102030415"),
    ):
        assert answered(port, late)[0] == "AA"
        assert items(storage)[0].state == "CANCELED"
    assert answered(port, ORDER.replace("20260102030405", "20260102030420"))[0] == "AA"
    (item,) = items(storage)
    assert (item.state, item.study_instance_uid) == ("SCHEDULED", "1.2.3.4")


@pytest.mark.parametrize("stated", ["", "%Y%m%d"])
def test_a_repetition_whose_second_is_not_stated_does_not_undo_a_cancel(
    listener: tuple[int, Storage], stated: str
) -> None:
    port, storage = listener
    order = ORDER.replace("20260102030405", datetime.now().strftime(stated))
    for one in (order, order.replace("ORC|NW", "ORC|CA"), order):
        assert answered(port, one)[0] == "AA"
    assert items(storage)[0].state == "CANCELED"


def test_an_imaging_order_is_taken_from_its_own_segment(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    order = ORDER.replace("ORM^O01^ORM_O01", "OMI^O23^OMI_O23").replace(
        "ZDS|1.2.3.4^RIS^Application^DICOM", "IPC|A-55|RP-1|1.2.3.5|SPS-1|MR|||ROOM 2|MR1"
    )
    assert answered(port, order)[0] == "AA"
    (item,) = items(storage)
    (step,) = item.attributes["ScheduledProcedureStepSequence"]
    assert (item.accession_number, item.study_instance_uid) == ("A-55", "1.2.3.5")
    assert (step["Modality"], step["ScheduledStationAETitle"]) == ("MR", "MR1")
    assert step["ScheduledProcedureStepID"] == "SPS-1"


@pytest.mark.parametrize(
    ("stated", "codec"),
    [("UNICODE UTF-8", "utf-8"), ("8859/1", "iso-8859-1"), ("", "utf-8"), ("", "iso-8859-1")],
)
def test_names_are_read_in_their_character_set(
    listener: tuple[int, Storage], stated: str, codec: str
) -> None:
    port, storage = listener
    order = ORDER.replace("UNICODE UTF-8", stated)
    (answer,) = sent(port, order.encode(codec))
    assert b"MSA|AA|C-1" in answer
    assert items(storage)[0].attributes["PatientName"].startswith("Müller^Jürgen")


def test_an_unknown_order_is_named_where_its_number_stands(
    listener: tuple[int, Storage],
) -> None:
    port, _ = listener
    cancel = ORDER.replace("ORC|NW", "ORC|CA")
    of_filler = cancel.replace("A-123", "")

    (as_stated,) = sent(port, cancel.encode())
    (answer,) = sent(port, of_filler.encode())

    assert b"OBR^1^18" in as_stated
    assert b"OBR^1^3" in answer


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (ORDER.replace("ORM^O01^ORM_O01", "ADT^A60^ADT_A60"), "AR", "ORM"),
        (ORDER.replace("UNICODE UTF-8", "BIG-5"), "AR", "character set"),
        (ORDER.replace("|C-1|", "||"), "AR", "MSH-10"),
        (ORDER.replace("P-77^^^HOSPITAL", ""), "AE", "PID-3"),
        (ORDER.replace("|CT|", "||"), "AE", "modality"),
        (ORDER.replace("A-123", "").replace("FI-1", ""), "AE", "accession number"),
        (ORDER.replace("A-123", "A" * 17), "AE", "AccessionNumber (IPC-1, OBR-18"),
        (ORDER.replace("19700131", "1970-01-31"), "AE", "PatientBirthDate (PID-7)"),
        (ORDER.replace("20260105083000", "on Monday"), "AE", "ORC-7 is not a time"),
        (ORDER.replace("20260105083000", "202601"), "AE", "ORC-7 is not a time"),
        (ORDER.replace("ORC|NW|PL-1|FI-1||SC", "ORC|SC|PL-1|FI-1||HD"), "AE", "Taken are IP, CM"),
        (ORDER.replace("1.2.3.4", "1.2.x"), "AE", "StudyInstanceUID"),
        (ORDER.replace("ORC|NW", "ORC|ZZ"), "AE", "Taken are NW, XO"),
        (
            ORDER.replace("|P|2.5.1", "|T|2.5.1"),
            "AR",
            "processing id T is not taken here. Taken is P",
        ),
        (ORDER.replace("|P|2.5.1", "|Müller|2.5.1"), "AR", "MSH-11"),
        (ORDER.replace("|P|2.5.1", "|P|9.9"), "AR", "MSH-12"),
        ("EVN|A01", "AR", "MSH"),
    ],
)
def test_what_cannot_be_taken_is_answered_with_its_reason(
    listener: tuple[int, Storage],
    capsys: pytest.CaptureFixture[str],
    message: str,
    code: str,
    reason: str,
) -> None:
    port, storage = listener
    (answer,) = sent(port, message.encode())
    msa = next(line for line in answer.split(b"\r") if line.startswith(b"MSA")).decode().split("|")
    assert msa[1] == code
    error = next(line for line in answer.split(b"\r") if line.startswith(b"ERR"))
    assert error.split(b"|")[2]
    assert reason in msa[3]
    assert items(storage) == []
    logged = capsys.readouterr()
    for secret in ("Müller", "P-77", "19700131"):
        assert secret not in answer.decode() + logged.out + logged.err


def test_bytes_of_another_character_set_than_stated_are_refused(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    (answer,) = sent(port, ORDER.encode("iso-8859-1"))
    assert b"MSA|AE|C-1" in answer
    assert items(storage) == []


def test_two_messages_on_one_connection_and_one_without_end(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    other = ORDER.replace("A-123", "A-124").replace("C-1", "C-2").replace("1.2.3.4", "1.2.3.6")
    first, second = sent(port, ORDER.encode() + b"\x1c\r\x0b" + other.encode(), answers=2)
    assert (b"C-1" in first, b"C-2" in second) == (True, True)
    assert len(items(storage)) == 2
    # Closed with bytes that nobody has read, a connection may end by a reset.
    with suppress(ConnectionResetError):
        assert sent(port, b"x" * 1_200_000) == [], "the connection is closed"
    assert answered(port, ORDER)[0] == "AA"


def test_another_patient_under_a_known_number_does_not_get_the_study_of_the_first(
    listener: tuple[int, Storage],
) -> None:
    """As where two sites give out one number: images of one would be stored with the other's."""
    port, storage = listener
    first = ORDER.replace("ZDS|1.2.3.4^RIS^Application^DICOM", "")
    assert answered(port, first)[0] == "AA"
    (before,) = items(storage)
    storage.worklist.change(before.worklist_item_id, state="COMPLETED")
    another = first.replace("P-77", "P-78").replace("19700131", "19810203")

    assert answered(port, another)[0] == "AA"

    (item,) = items(storage)
    assert item.attributes["PatientID"] == "P-78"
    assert item.study_instance_uid != before.study_instance_uid
    assert item.state == "SCHEDULED"


def test_a_patient_whose_id_has_changed_keeps_the_study(listener: tuple[int, Storage]) -> None:
    port, storage = listener
    first = ORDER.replace("ZDS|1.2.3.4^RIS^Application^DICOM", "")
    assert answered(port, first)[0] == "AA"
    (before,) = items(storage)

    assert answered(port, first.replace("P-77", "P-78"))[0] == "AA"

    (item,) = items(storage)
    assert (item.attributes["PatientID"], item.study_instance_uid) == (
        "P-78",
        before.study_instance_uid,
    )


def test_an_order_that_is_sent_without_end_fills_no_trail(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    for number in range(2 * MOST_OF_ONE):
        assert answered(port, ORDER.replace("|RIS|", f"|RIS{number}|"))[0] == "AA"
    storage.audit.flush()
    found = list(all_events(storage.engine, AuditFilter(code=Code.ORDER_RECORD)))
    assert sum(one.occurrences for one in found) == 2 * MOST_OF_ONE
    # One for what it scheduled; the minute may change meanwhile.
    assert len(found) <= 1 + 2 * (MOST_OF_ONE + 1)
    assert any(one.occurrences > 1 for one in found)
    (item,) = items(storage)
    assert item.accession_number == "A-123"


def test_orders_beyond_their_room_are_refused_and_those_that_are_here_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ORDERS", replace(room.ORDERS, of_one=Limits(3, 1 << 30)))
    with listens(tmp_path) as (port, storage):
        for number in range(3):
            assert answered(port, ORDER.replace("A-123", f"A-{number}"))[0] == "AA"
        code, _, reason = answered(port, ORDER.replace("A-123", "A-9"))
        assert code == "AE"
        assert "3 of one sender" in reason
        assert answered(port, ORDER.replace("A-123", "A-1").replace("NW", "CA"))[0] == "AA"
        assert len(items(storage)) == 3


def test_two_systems_order_under_one_number_and_each_ends_its_own(
    listener: tuple[int, Storage],
) -> None:
    port, storage = listener
    north = ORDER.replace("A-123", "A-123^RIS_N^1.2.3^ISO")
    south = ORDER.replace("A-123", "A-123^RIS_S").replace("ZDS|1.2.3.4", "ZDS|1.2.3.5")
    assert [answered(port, one)[0] for one in (north, south, north)] == ["AA", "AA", "AA"]
    cancel = south.replace("ORC|NW", "ORC|CA").replace("20260102030405", "20260102030410")
    assert answered(port, cancel)[0] == "AA"
    states = {one.attributes["StudyInstanceUID"]: one.state for one in items(storage)}
    assert states == {"1.2.3.4": "SCHEDULED", "1.2.3.5": "CANCELED"}
    unknown = cancel.replace("RIS_S", "RIS_W")
    assert answered(port, unknown)[0] == "AE"
    # Who states no issuer changes the order as before, and the order keeps its own.
    nameless = ORDER.replace("chest", "thorax").replace("20260102030405", "20260102030420")
    assert answered(port, nameless.replace("1.2.3.4", "1.2.3.6"))[0] == "AA"
    assert answered(port, north.replace("A-123^RIS_N^1.2.3^ISO", "A-123^^1.2.3^ISO"))[0] == "AA"
    assert {one.accession_number_namespace for one in items(storage)} == {"RIS_N", "RIS_S"}
    (found,) = [one for one in items(storage) if one.accession_number_namespace == "RIS_N"]
    (issuer,) = found.attributes["IssuerOfAccessionNumberSequence"]
    assert issuer == {
        "LocalNamespaceEntityID": "RIS_N",
        "UniversalEntityID": "1.2.3",
        "UniversalEntityIDType": "ISO",
    }
