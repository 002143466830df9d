"""C-FIND from DCMTK and pynetdicom."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)
from pynetdicom import AE
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_node.network.data_sets import decode_data_set
from dicom_node.scu import send
from tests.dicom_node.builders import (
    ct_instance,
    data_set_bytes,
    dcmtk,
    encoded,
    identifier,
    item_of,
)
from tests.dicom_node.conftest import Node
from tests.names import NAMES, named_file

STUDY = StudyRootQueryRetrieveInformationModelFind


@pytest.fixture
def filled(node: Node) -> Node:
    """Two patients, three studies: 2 + 1 series, 3 + 1 instances in the first study."""
    first, second, third = "1.2.840.1.1", "1.2.840.1.2", "1.2.840.1.3"
    instances = [
        ct_instance(
            patient_id="P1",
            patient_name="Müller^Jürgen",
            study_instance_uid=first,
            series_instance_uid="1.2.840.1.1.1",
            sop_instance_uid=f"1.2.840.1.1.1.{n}",
            instance_number=n,
        )
        for n in (1, 2, 3)
    ]
    instances.append(
        ct_instance(
            patient_id="P1",
            patient_name="Müller^Jürgen",
            study_instance_uid=first,
            series_instance_uid="1.2.840.1.1.2",
            sop_instance_uid="1.2.840.1.1.2.1",
        )
    )
    instances[-1].Modality = "SR"
    instances.append(
        ct_instance(patient_id="P1", patient_name="Müller^Jürgen", study_instance_uid=second)
    )
    instances[-1].StudyDate = "20230501"
    instances.append(
        ct_instance(patient_id="P2", patient_name="山田^太郎", study_instance_uid=third)
    )
    results = send(
        [item_of(encoded(ds)) for ds in instances], peer=node.peer, calling_ae_title="FILL"
    )
    assert all(result.ok for result in results)
    return node


def find(
    node: Node,
    keys: dict[str, str],
    model: str = STUDY,
    transfer_syntax_uid: str = ExplicitVRLittleEndian,
) -> tuple[list[Dataset], int, set[int]]:
    """Matches, final status and pending statuses, by pynetdicom."""
    query = identifier(keys)
    ae = AE("FINDER")
    ae.add_requested_context(model, transfer_syntax_uid)
    association = ae.associate("127.0.0.1", node.port)
    assert association.is_established
    matches, pending, last = [], set(), -1
    for status, match in association.send_c_find(query, model):
        last = status.Status
        if match is not None:
            pending.add(last)
            matches.append(match)
    association.release()
    return matches, last, pending


def test_who_stores_first_under_an_id_names_nobody_elses_study(node: Node) -> None:
    studies = {"1.2.840.7.1": "WRONG^PERSON", "1.2.840.7.2": "RIGHT^OTHER"}
    for sender, (uid, name) in zip(("STRANGER99", "CT1"), studies.items(), strict=True):
        image = ct_instance(patient_id="P7", patient_name=name, study_instance_uid=uid)
        image.PatientBirthDate = "19500505"
        sent = send([item_of(encoded(image))], peer=node.peer, calling_ae_title=sender)
        assert all(result.ok for result in sent)
    root = PatientRootQueryRetrieveInformationModelFind
    for uid, name in studies.items():
        keys = {"PatientID": "P7", "PatientName": f"{name[:5].lower()}*"}
        (of_study,), _, _ = find(
            node, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", **keys}
        )
        assert (of_study.StudyInstanceUID, str(of_study.PatientName)) == (uid, name)
        (patient,), _, _ = find(node, {"QueryRetrieveLevel": "PATIENT", **keys}, root)
        assert (patient.PatientID, str(patient.PatientName)) == ("P7", name)


def test_findscu_lists_studies(filled: Node, tmp_path: Path) -> None:
    answer = dcmtk(
        "findscu", "-S", "-X", "-od", tmp_path,
        *("-k", "QueryRetrieveLevel=STUDY"), *("-k", "PatientID=P1"),
        *("-k", "StudyInstanceUID"), *("-k", "StudyDate"), *("-k", "ModalitiesInStudy"),
        *("-k", "NumberOfStudyRelatedSeries"), *("-k", "NumberOfStudyRelatedInstances"),
        "127.0.0.1", str(filled.port),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    found = {ds.StudyInstanceUID: ds for ds in map(dcmread, sorted(tmp_path.glob("rsp*.dcm")))}
    assert set(found) == {"1.2.840.1.1", "1.2.840.1.2"}
    study = found["1.2.840.1.1"]
    assert study.StudyDate == "20240131"
    assert sorted(study.ModalitiesInStudy) == ["CT", "SR"]
    assert study.NumberOfStudyRelatedSeries == 2
    assert study.NumberOfStudyRelatedInstances == 4
    assert study.QueryRetrieveLevel == "STUDY"
    assert study.RetrieveAETitle == "MEDIVIEW"


@pytest.mark.parametrize(
    "transfer_syntax_uid",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_every_message_syntax_gives_the_same_answer(filled: Node, transfer_syntax_uid: str) -> None:
    keys = {
        "QueryRetrieveLevel": "IMAGE",
        "StudyInstanceUID": "1.2.840.1.1",
        "SeriesInstanceUID": "1.2.840.1.1.1",
        "SOPInstanceUID": "",
        "InstanceNumber": "",
        "Rows": None,
        "PatientName": "",
    }
    matches, status, pending = find(filled, keys, STUDY, transfer_syntax_uid)  # type: ignore[arg-type]
    assert status == 0
    assert pending == {0xFF00}
    assert [(ds.SOPInstanceUID, ds.InstanceNumber, ds.Rows) for ds in matches] == [
        (f"1.2.840.1.1.1.{n}", n, 16) for n in (1, 2, 3)
    ]
    assert {str(ds.PatientName) for ds in matches} == {"Müller^Jürgen"}


@pytest.mark.parametrize(
    ("keys", "studies"),
    [
        ({"PatientName": "müller*"}, ["1.2.840.1.2", "1.2.840.1.1"]),
        ({"PatientID": "P?"}, ["1.2.840.1.3", "1.2.840.1.2", "1.2.840.1.1"]),
        ({"PatientID": "p1"}, []),
        ({"StudyDate": "20240101-"}, ["1.2.840.1.3", "1.2.840.1.1"]),
        ({"StudyDate": "-20231231"}, ["1.2.840.1.2"]),
        ({"StudyInstanceUID": "1.2.840.1.1\\1.2.840.1.3"}, ["1.2.840.1.3", "1.2.840.1.1"]),
        ({"ModalitiesInStudy": "SR"}, ["1.2.840.1.1"]),
        ({"StudyInstanceUID": "9.9"}, []),
    ],
)
def test_keys_match_as_the_standard_says(
    filled: Node, keys: dict[str, str], studies: list[str]
) -> None:
    query = {"QueryRetrieveLevel": "STUDY", "SpecificCharacterSet": "ISO_IR 192"}
    matches, status, _ = find(filled, {"StudyInstanceUID": "", **query, **keys})
    assert status == 0
    assert [ds.StudyInstanceUID for ds in matches] == studies


def test_patient_root_has_the_patient_level_and_study_root_has_not(filled: Node) -> None:
    keys = {"QueryRetrieveLevel": "PATIENT", "PatientID": "", "NumberOfPatientRelatedStudies": ""}
    matches, status, _ = find(filled, keys, PatientRootQueryRetrieveInformationModelFind)
    assert status == 0
    assert {(ds.PatientID, ds.NumberOfPatientRelatedStudies) for ds in matches} == {
        ("P1", 2),
        ("P2", 1),
    }
    assert find(filled, keys, STUDY)[1] == 0xA900


@pytest.mark.parametrize("level", ["", "FRAME", "study level"])
def test_an_unknown_level_is_refused(filled: Node, level: str) -> None:
    assert find(filled, {"QueryRetrieveLevel": level, "PatientID": ""})[1] == 0xA900


def test_names_come_in_the_peer_s_character_set_where_it_suffices(filled: Node) -> None:
    latin = {"SpecificCharacterSet": "ISO_IR 100", "QueryRetrieveLevel": "STUDY"}
    matches, _, _ = find(filled, {**latin, "PatientName": "", "PatientID": "P1"})
    by_name = {str(ds.PatientName): ds for ds in matches}
    assert by_name["Müller^Jürgen"].SpecificCharacterSet == "ISO_IR 100"
    matches, _, _ = find(filled, {**latin, "PatientName": "", "PatientID": "P2"})
    assert str(matches[0].PatientName) == "山田^太郎"
    assert matches[0].SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize("character_set", ["", "ISO_IR 6", "ISO 2022 IR 6\\ISO 2022 IR 87"])
def test_a_peer_that_knows_ascii_alone_is_told_what_else_there_is(
    filled: Node, character_set: str
) -> None:
    query = {"QueryRetrieveLevel": "STUDY", "PatientName": "", "PatientID": "P1"}
    matches, status, _ = find(filled, {**query, "SpecificCharacterSet": character_set})
    assert status == 0
    assert {(str(ds.PatientName), ds.SpecificCharacterSet) for ds in matches} == {
        ("Müller^Jürgen", "ISO_IR 192")
    }


def test_names_in_every_character_set_are_found_and_answered(node: Node) -> None:
    by_uid = {f"1.2.840.97.{number}": name for number, name in enumerate(NAMES, start=1)}
    files = [
        item_of(named_file(name.character_set, name=name.value, uid=uid))
        for uid, name in by_uid.items()
    ]
    assert all(one.ok for one in send(files, peer=node.peer, calling_ae_title="FILL"))
    keys = {"QueryRetrieveLevel": "STUDY", "SpecificCharacterSet": "ISO_IR 192"}
    for uid, name in by_uid.items():
        for key in ({"PatientID": uid, "PatientName": ""}, {"PatientName": name.text}):
            matches, status, _ = find(node, {**keys, "PatientID": "", **key})
            assert status == 0
            names = {one.PatientID: str(one.PatientName) for one in matches}
            assert names[uid] == name.text
        # The same bytes as a key.
        part10 = named_file(name.character_set, name=name.value)
        asked = decode_data_set(data_set_bytes(part10), ExplicitVRLittleEndian)
        assert str(asked.PatientName) == name.text


def test_katakana_s_set_is_not_named_for_what_it_lacks(filled: Node) -> None:
    keys = {"QueryRetrieveLevel": "STUDY", "SpecificCharacterSet": "ISO_IR 13"}
    (match,), _, _ = find(filled, {**keys, "PatientName": "", "PatientID": "P2"})
    assert (str(match.PatientName), match.SpecificCharacterSet) == ("山田^太郎", "ISO_IR 192")


def test_keys_that_are_not_supported_come_back_empty_and_say_so(filled: Node) -> None:
    query = {
        "QueryRetrieveLevel": "STUDY",
        "PatientID": "P2",
        "PatientWeight": "",
        "RequestedProcedurePriority": "HIGH",
    }
    matches, status, pending = find(filled, query)
    assert status == 0
    assert pending == {0xFF01}
    assert matches[0].PatientWeight is None
    assert matches[0].RequestedProcedurePriority in (None, "")


def test_a_range_that_is_none_is_refused(filled: Node) -> None:
    ae = AE("FINDER")
    ae.add_requested_context(STUDY)
    association = ae.associate("127.0.0.1", filled.port)
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.add_new("StudyDate", "LO", "20241399")
    ((status, match),) = association.send_c_find(query, STUDY)
    association.release()
    assert (match, status.Status) == (None, 0xA900)
    assert status.OffendingElement == 0x00080020
    assert "(0008,0020) StudyDate" in status.ErrorComment


@pytest.fixture
def many(node: Node) -> Node:
    study, series = generate_uid(), generate_uid()
    send(
        [
            item_of(
                encoded(
                    ct_instance(
                        size=4,
                        study_instance_uid=study,
                        series_instance_uid=series,
                        instance_number=n,
                    )
                )
            )
            for n in range(1, 301)
        ],
        peer=node.peer,
        calling_ae_title="FILL",
    )
    return node


def test_cancel_ends_a_long_answer(many: Node) -> None:
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.SOPInstanceUID = ""
    ae = AE()
    ae.add_requested_context(STUDY)
    association = ae.associate("127.0.0.1", many.port)
    association.send_c_cancel(7, query_model=STUDY)  # for nothing: ignored
    count, last = 0, 0
    for status, _ in association.send_c_find(query, STUDY, msg_id=9):
        last = status.Status
        count += 1
        if count == 1:
            association.send_c_cancel(9, query_model=STUDY)
    association.release()
    # The answer is sent fast: the cancel may come after its end.
    assert (last, count) == (0x0000, 301) or (last == 0xFE00 and count < 301)


def test_findscu_cancels_after_a_few_matches(many: Node) -> None:
    answer = dcmtk(
        "findscu", "-S", "-v", "--cancel", "2",
        *("-k", "QueryRetrieveLevel=IMAGE"), *("-k", "SOPInstanceUID"),
        "127.0.0.1", str(many.port),
    )  # fmt: skip
    assert answer.returncode == 0
