"""Modality Worklist by DCMTK's findscu and pynetdicom."""

from datetime import date, time, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import ModalityPerformedProcedureStep, ModalityWorklistInformationFind

from dicom_node.query.dataset_matching import answer, matches
from dicom_node.worklist import scp as worklist_scp
from dicom_node.worklist.scp import as_data_set
from tests.dicom_node.builders import dcmtk
from tests.dicom_node.conftest import Node

MWL = ModalityWorklistInformationFind


UTF_8 = "ISO_IR 192"


def step(**values: str) -> dict[str, Any]:
    return {
        "Modality": "MR",
        "ScheduledStationAETitle": "MR1",
        "ScheduledProcedureStepStartDate": "20260131",
        "ScheduledProcedureStepStartTime": "143000",
        "ScheduledProcedureStepID": "S1",
        "ScheduledProcedureStepDescription": "Head",
        "ScheduledProtocolCodeSequence": [
            {"CodeValue": "X1", "CodingSchemeDesignator": "99T", "CodeMeaning": "T1"}
        ],
        **values,
    }


def attributes(number: int, *steps: dict[str, Any], **values: str) -> dict[str, Any]:
    return {
        "PatientName": f"Test^Subject{number}",
        "PatientID": f"P{number}",
        "AccessionNumber": f"A{number}",
        "StudyInstanceUID": f"1.2.840.7.{number}",
        "RequestedProcedureID": f"R{number}",
        "ScheduledProcedureStepSequence": list(steps or (step(),)),
        **values,
    }


@pytest.fixture
def listed(node: Node) -> Node:
    worklist = node.storage.worklist
    worklist.add(attributes(1, PatientName="Müller^Jürgen"))
    worklist.add(
        attributes(
            2,
            step(Modality="CT", ScheduledStationAETitle="CT1"),
            step(ScheduledProcedureStepStartDate="20260201", ScheduledProcedureStepID="S2"),
        )
    )
    worklist.add(attributes(3, PatientName="Yamada^Tarou=山田^太郎"))
    gone = worklist.add(attributes(4))
    worklist.change(gone.worklist_item_id, state="CANCELED")
    return node


def findscu(node: Node, folder: Path, *keys: str) -> list[Dataset]:
    options = [part for key in keys for part in ("-k", key)]
    ran = dcmtk("findscu", "-W", "-X", "-od", folder, *options, "127.0.0.1", str(node.port))
    assert ran.returncode == 0, ran.stderr
    return [dcmread(path) for path in sorted(folder.glob("rsp*.dcm"))]


def find(node: Node, keys: Dataset) -> tuple[list[Dataset], list[int]]:
    ae = AE("MR1")
    ae.add_requested_context(MWL)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    found, statuses = [], []
    for status, match in association.send_c_find(keys, MWL):
        statuses.append(status.Status)
        if match is not None:
            found.append(match)
    association.release()
    return found, statuses


def keys_of(*, within: dict[str, Any] | None = None, **values: Any) -> Dataset:
    keys = Dataset()
    for keyword, value in values.items():
        setattr(keys, keyword, value)
    inner = Dataset()
    for keyword, value in (within or {}).items():
        setattr(inner, keyword, value)
    keys.ScheduledProcedureStepSequence = [inner]
    return keys


def accessions(found: list[Dataset]) -> list[str]:
    return sorted(str(one.AccessionNumber) for one in found)


def test_findscu_gets_what_its_station_is_to_do(listed: Node, tmp_path: Path) -> None:
    at = "(0040,0100)[0]."
    found = findscu(
        listed, tmp_path,
        "PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID", "RequestedProcedureID",
        f"{at}Modality=CT", f"{at}ScheduledStationAETitle=CT1",
        f"{at}ScheduledProcedureStepStartDate=20260131-20260201",
        f"{at}ScheduledProcedureStepStartTime", f"{at}ScheduledProcedureStepID",
        f"{at}ScheduledProtocolCodeSequence[0].CodeMeaning",
    )  # fmt: skip
    (one,) = found
    assert (one.PatientID, one.AccessionNumber, one.StudyInstanceUID) == ("P2", "A2", "1.2.840.7.2")
    (scheduled,) = one.ScheduledProcedureStepSequence
    assert scheduled.Modality == "CT"
    assert scheduled.ScheduledProcedureStepStartTime == "143000"
    (protocol,) = scheduled.ScheduledProtocolCodeSequence
    assert protocol.CodeMeaning == "T1"
    assert "CodeValue" not in protocol, "only what was asked for"


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (keys_of(AccessionNumber=""), ["A1", "A2", "A2", "A3"]),
        (keys_of(AccessionNumber="A2"), ["A2", "A2"]),
        (keys_of(AccessionNumber="", PatientID="P?"), ["A1", "A2", "A2", "A3"]),
        (keys_of(AccessionNumber="", PatientName="test*"), ["A2", "A2"]),
        (keys_of(AccessionNumber="", PatientName="YAMADA^TAROU"), ["A3"]),
        (keys_of(AccessionNumber="", PatientName="=山田^*", SpecificCharacterSet=UTF_8), ["A3"]),
        (keys_of(AccessionNumber="", PatientName="山*", SpecificCharacterSet=UTF_8), ["A3"]),
        (
            keys_of(AccessionNumber="", StudyInstanceUID=["1.2.840.7.1", "1.2.840.7.3"]),
            ["A1", "A3"],
        ),
        (keys_of(AccessionNumber="", within={"Modality": "MR"}), ["A1", "A2", "A3"]),
        (
            keys_of(AccessionNumber="", within={"ScheduledProcedureStepStartDate": "20260201"}),
            ["A2"],
        ),
        (
            keys_of(AccessionNumber="", within={"ScheduledProcedureStepStartDate": "-20260131"}),
            ["A1", "A2", "A3"],
        ),
        (
            keys_of(
                AccessionNumber="",
                within={
                    "ScheduledProcedureStepStartDate": "20260131",
                    "ScheduledProcedureStepStartTime": "1430",
                    "ScheduledStationAETitle": "MR1",
                },
            ),
            ["A1", "A3"],
        ),
        (keys_of(AccessionNumber="", within={"ScheduledStationAETitle": "US1"}), []),
        # The period from the evening of the 31st to the morning after (Table K.6-1).
        (
            keys_of(
                AccessionNumber="",
                within={
                    "ScheduledProcedureStepStartDate": "20260131-20260201",
                    "ScheduledProcedureStepStartTime": "160000-150000",
                },
            ),
            ["A2"],
        ),
    ],
)
def test_keys_match_as_the_standard_says(listed: Node, keys: Dataset, found: list[str]) -> None:
    answers, statuses = find(listed, keys)
    assert accessions(answers) == found
    assert statuses == [0xFF00] * len(found) + [0]


@pytest.mark.parametrize(
    ("requested", "named"),
    [
        ((), "ISO_IR 192"),
        (("SpecificCharacterSet",), "ISO_IR 192"),
        (("SpecificCharacterSet=ISO_IR 6",), "ISO_IR 192"),
        (("SpecificCharacterSet=ISO_IR 100",), "ISO_IR 100"),
        (("SpecificCharacterSet=ISO_IR 144",), "ISO_IR 192"),
        (("SpecificCharacterSet=ISO_IR 192",), "ISO_IR 192"),
        (("SpecificCharacterSet=\\ISO 2022 IR 87",), "ISO_IR 192"),
    ],
)
def test_findscu_is_told_the_character_set_of_every_name(
    listed: Node, tmp_path: Path, requested: tuple[str, ...], named: str
) -> None:
    """A name beyond ASCII without a set would be read as anything (PS3.3 C.12.1.1.2)."""
    (one,) = findscu(listed, tmp_path, *requested, "PatientName", "AccessionNumber=A1")
    assert one.SpecificCharacterSet == named
    assert one.PatientName == "Müller^Jürgen"
    (file,) = tmp_path.glob("rsp*.dcm")
    dumped = dcmtk("dcmdump", "+U8", "+P", "PatientName", file)
    assert "Müller^Jürgen" in dumped.stdout, dumped.stderr


def test_names_come_in_utf_8_where_the_peer_s_set_does_not_suffice(listed: Node) -> None:
    keys = keys_of(PatientName="", PatientID="", SpecificCharacterSet="ISO_IR 100")
    answers, _ = find(listed, keys)
    by_id = {one.PatientID: one for one in answers}
    assert by_id["P1"].SpecificCharacterSet == "ISO_IR 100"
    assert str(by_id["P1"].PatientName) == "Müller^Jürgen"
    assert by_id["P3"].SpecificCharacterSet == "ISO_IR 192"
    assert str(by_id["P3"].PatientName) == "Yamada^Tarou=山田^太郎"
    assert "SpecificCharacterSet" not in by_id["P2"]
    utf8 = keys_of(PatientName="müller^jürgen", SpecificCharacterSet="ISO_IR 192")
    assert len(find(listed, utf8)[0]) == 1


def test_an_unknown_key_comes_back_empty_and_says_so(listed: Node) -> None:
    answers, statuses = find(listed, keys_of(PatientID="P1", PatientComments=""))
    assert statuses == [0xFF01, 0]
    assert not answers[0].PatientComments


@pytest.mark.parametrize("value", ["soon", "2026", "202602", "20261399", "20260201-20260131"])
def test_a_key_that_is_no_date_is_refused(listed: Node, value: str) -> None:
    keys = keys_of(PatientID="")
    keys.ScheduledProcedureStepSequence[0].add_new(0x00400002, "LO", value)
    answers, statuses = find(listed, keys)
    assert (answers, statuses) == ([], [0xA900])


def test_a_query_of_many_items_can_be_cancelled(node: Node) -> None:
    for number in range(200):
        node.storage.worklist.add(attributes(number))
    ae = AE("MR1")
    ae.add_requested_context(MWL)
    association = ae.associate("127.0.0.1", node.port)
    count, last = 0, 0
    for status, _ in association.send_c_find(keys_of(PatientID=""), MWL, msg_id=9):
        last = status.Status
        count += 1
        if count == 1:
            association.send_c_cancel(9, query_model=MWL)
    association.release()
    # The answer is sent fast: the cancel may come after its end.
    assert (last, count) == (0x0000, 201) or (last == 0xFE00 and count < 201)


def test_performing_a_step_moves_its_item(listed: Node) -> None:
    def performed(state: str, uid: str, study: str) -> None:
        ae = AE("MR1")
        ae.add_requested_context(ModalityPerformedProcedureStep)
        association = ae.associate("127.0.0.1", listed.port)
        mpps = Dataset()
        mpps.PerformedProcedureStepStatus = state
        if state == "IN PROGRESS":
            scheduled = Dataset()
            scheduled.StudyInstanceUID = study
            mpps.ScheduledStepAttributesSequence = [scheduled]
            status, _ = association.send_n_create(mpps, ModalityPerformedProcedureStep, uid)
        else:
            status, _ = association.send_n_set(mpps, ModalityPerformedProcedureStep, uid)
        association.release()
        assert status.Status == 0

    def asked() -> dict[str, str]:
        keys = keys_of(AccessionNumber="", within={"ScheduledProcedureStepStatus": ""})
        found, _ = find(listed, keys)
        return {
            str(one.AccessionNumber): str(
                one.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus or ""
            )
            for one in found
        }

    performed("IN PROGRESS", "1.2.1", "1.2.840.7.1")
    assert asked() == {"A1": "STARTED", "A2": "", "A3": ""}
    performed("DISCONTINUED", "1.2.1", "1.2.840.7.1")
    assert asked()["A1"] == ""
    performed("IN PROGRESS", "1.2.2", "1.2.840.7.1")
    performed("COMPLETED", "1.2.2", "1.2.840.7.1")
    assert "A1" not in asked()
    # One of two steps is done: the other is still to do.
    performed("IN PROGRESS", "1.2.3", "1.2.840.7.2")
    performed("COMPLETED", "1.2.3", "1.2.840.7.2")
    assert asked()["A2"] == "STARTED"


_days = st.dates(date(2025, 12, 20), date(2026, 2, 10))
_times = st.times().map(lambda moment: moment.replace(microsecond=0))


@given(_days, _times, _days, _times, st.integers(0, 20))
def test_a_period_matches_exactly_what_lies_in_it(
    day: date, moment: time, first_day: date, limit: time, days: int
) -> None:
    last_day = first_day + timedelta(days=days)
    item = as_data_set(
        {
            "ScheduledProcedureStepStartDate": f"{day:%Y%m%d}",
            "ScheduledProcedureStepStartTime": f"{moment:%H%M%S}",
        }
    )
    keys = Dataset()
    keys.ScheduledProcedureStepStartDate = f"{first_day:%Y%m%d}-{last_day:%Y%m%d}"
    keys.ScheduledProcedureStepStartTime = f"{limit:%H%M%S}-{limit:%H%M%S}"
    expected = (first_day, limit) <= (day, moment) <= (last_day, limit)
    assert matches(item, keys) == expected


@given(st.text("AB*?[.^", max_size=6), st.text("AB[.^*", max_size=6))
def test_wildcards_match_as_a_plain_reading_says(pattern: str, value: str) -> None:
    def plain(pattern: str, value: str) -> bool:
        if not pattern:
            return not value
        if pattern[0] == "*":
            return any(plain(pattern[1:], value[n:]) for n in range(len(value) + 1))
        return bool(value) and pattern[0] in ("?", value[0]) and plain(pattern[1:], value[1:])

    item, keys = as_data_set({"PatientID": value}), as_data_set({"PatientID": pattern})
    assert matches(item, keys) == (not pattern or plain(pattern, value))


@given(st.sets(st.sampled_from(["PatientName", "PatientID", "AccessionNumber", "PatientWeight"])))
def test_an_answer_has_what_was_asked_for_and_nothing_else(asked: set[str]) -> None:
    item = as_data_set(attributes(1))
    keys = as_data_set(dict.fromkeys(asked, ""))
    response = answer(item, keys)
    assert {element.keyword for element in response} == asked
    assert all(response[name].value == item[name].value for name in asked - {"PatientWeight"})


def test_nobody_is_looked_for_when_the_peer_that_asked_is_gone(
    listed: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing fits, so that no answer shows that it is."""
    for number in range(100, 300):
        listed.storage.worklist.add(attributes(number))
    looked_at = 0

    def slowly(item: Dataset, keys: Dataset) -> bool:
        nonlocal looked_at
        looked_at += 1
        sleep(0.005)
        return matches(item, keys)

    monkeypatch.setattr(worklist_scp, "matches", slowly)
    ae = AE("MR1")
    ae.add_requested_context(MWL)
    association = ae.associate("127.0.0.1", listed.port)
    keys = Dataset()
    keys.PatientID = "NOBODY"
    association.send_c_find(keys, MWL)
    while not looked_at:
        sleep(0.001)
    association.abort()
    seen = -1
    while seen != looked_at:
        seen = looked_at
        sleep(0.2)
    assert 0 < looked_at < 150
