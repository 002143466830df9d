"""C-FIND answers how available an instance is, and what holds it."""

import pytest
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind

from dicom_node.scu import send
from tests.dicom_node.builders import ct_instance, encoded, item_of
from tests.dicom_node.conftest import Node
from tests.dicom_node.query.test_query import find

STUDY = "1.2.840.5.1"


@pytest.fixture
def stored(node: Node) -> Node:
    """Two series of one study, and another study."""
    instances = [
        ct_instance(
            patient_id="P1",
            study_instance_uid=STUDY,
            series_instance_uid=f"{STUDY}.{series}",
            sop_instance_uid=f"{STUDY}.{series}.{number}",
            instance_number=number,
        )
        for series in (1, 2)
        for number in (1, 2)
    ]
    instances.append(ct_instance(patient_id="P1", study_instance_uid="1.2.840.5.2"))
    assert all(one.ok for one in send([item_of(encoded(one)) for one in instances], peer=node.peer,
                                      calling_ae_title="FILL"))  # fmt: skip
    return node


def availability(node: Node, level: str, **keys: str) -> dict[str, str]:
    uid = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
    asked = {"QueryRetrieveLevel": level, uid[level]: "", **keys}
    matches, status, _ = find(node, asked)
    assert status == 0x0000
    return {str(one[uid[level]].value): one.InstanceAvailability for one in matches}


def test_what_is_lost_is_unavailable_with_what_holds_it(stored: Node) -> None:
    lost = stored.storage.index.instance(f"{STUDY}.1.2")
    stored.storage.damaged.note(lost, "missing", has_copy=False)
    assert availability(stored, "IMAGE", StudyInstanceUID=STUDY) == {
        f"{STUDY}.1.1": "ONLINE",
        f"{STUDY}.1.2": "UNAVAILABLE",
        f"{STUDY}.2.1": "ONLINE",
        f"{STUDY}.2.2": "ONLINE",
    }
    assert availability(stored, "SERIES", StudyInstanceUID=STUDY) == {
        f"{STUDY}.1": "UNAVAILABLE",
        f"{STUDY}.2": "ONLINE",
    }
    assert availability(stored, "STUDY") == {STUDY: "UNAVAILABLE", "1.2.840.5.2": "ONLINE"}
    # A key that the stored headers answer, and a query that asks for no UID.
    by_header = availability(stored, "STUDY", ReferencedStudySequence="", StudyInstanceUID=STUDY)
    assert by_header == {STUDY: "UNAVAILABLE"}
    root = PatientRootQueryRetrieveInformationModelFind
    (patient,), _, _ = find(stored, {"QueryRetrieveLevel": "PATIENT", "PatientID": "P1"}, root)
    assert patient.InstanceAvailability == "ONLINE"


def test_what_another_copy_gives_is_online_and_the_table_is_read_again(stored: Node) -> None:
    damaged = stored.storage.damaged
    one = stored.storage.index.instance(f"{STUDY}.2.1")
    damaged.note(one, "damaged", has_copy=False)
    damaged.note(one, "damaged", has_copy=True)
    damaged.known._load()
    assert set(availability(stored, "STUDY").values()) == {"ONLINE"}
    damaged.note(one, "damaged", has_copy=False)
    damaged.known._lacking = frozenset()
    damaged.known._load()
    assert availability(stored, "STUDY")[STUDY] == "UNAVAILABLE"
