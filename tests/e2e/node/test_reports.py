"""An order by HL7, a chest CT by C-STORE: a draft report at the PACS and at the RIS."""

import time
from pathlib import Path

import pydicom
import pytest

from tests.dicom_node.hl7.mllp import parsed, sent
from tests.e2e.support.checks import dsrdump, validators_errors
from tests.e2e.support.fixtures import REPORT_SERIES_NUMBERS, FollowedStudy, Ris, delivered, send
from tests.e2e.support.node import Node
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.studies import SentStudy
from tests.patience import PATIENCE_S
from tests.shared import shared_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ORDER = "\r".join(
    (
        "MSH|^~\\&|RIS|HOSPITAL|MEDIVIEW||20260102030405||ORM^O01^ORM_O01|O-1|P|2.5.1",
        "PID|1||LIDC-IDRI-0001||Doe^Jane",
        "ORC|NW|||||",
        "OBR|1|||CTCH^CT of the chest^L||||||||||||||{accession_number}||||||CT|||||||"
        "^Chronic cough",
    )
)


def message_of(ris: Ris, study_instance_uid: str, limit_s: float = PATIENCE_S) -> bytes:
    """The first message about a study, once it has come."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        for message in list(ris.taken):
            if study_instance_uid.encode() in message:
                return message
        time.sleep(0.1)
    raise AssertionError("no report of the study reached the RIS")


@pytest.mark.slow
def test_a_chest_ct_ends_as_a_report_for_pacs_and_ris(
    node: Node, pacs: Pacs, ris: Ris, tmp_path: Path
) -> None:
    chest = SentStudy.read(shared_folder("data") / "ct_chest_LIDC-IDRI-0001")
    first = pydicom.dcmread(min(chest.folder.iterdir()), stop_before_pixels=True)
    order = ORDER.format(accession_number=first.AccessionNumber)
    (answer,) = sent(int(node.environment["MEDIVIEW_HL7_PORT"]), order.encode())
    assert b"MSA|AA|O-1" in answer
    send(node, chest)
    delivered(node, chest)
    (report,) = node.get(f"/api/studies/{chest.study_instance_uid}")["reports"]
    text_by_section = {
        section["kind"]: [one["text"] for one in section["sentences"]]
        for section in report["sections"]
    }
    assert report["title"] == "CT of the chest"
    assert "“Chronic cough”" in text_by_section["indication"][0]
    assert "120 kVp, reconstruction kernel STANDARD" in text_by_section["technique"][0]
    assert text_by_section["findings"][0].startswith("The lungs have a total volume of ")
    assert text_by_section["findings"][-1].startswith("Not assessed: nodules")
    for section in report["sections"]:
        for one in section["sentences"]:
            bound = one["finding_ids"] or one["series_instance_uids"]
            assert bound or one["basis"] in ("request", "node"), one

    of_report = {}
    for number, content in enumerate(pacs.instances_of(chest.study_instance_uid).values()):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(content)
        instance = pydicom.dcmread(path)
        if instance.SeriesNumber in REPORT_SERIES_NUMBERS:
            of_report[instance.Modality] = path
            assert validators_errors(path) == []
    assert set(of_report) == {"SR", "DOC"}
    assert "The lungs have a total vol" in dsrdump(of_report["SR"])

    message = parsed(message_of(ris, chest.study_instance_uid))
    assert message.obr.obr_25.value == "P"
    texts = [one.obx_5.value for one in message.children if one.name == "OBX"]
    assert text_by_section["findings"][0] in texts


def test_the_report_of_the_head_reaches_the_ris_too(followed: FollowedStudy, ris: Ris) -> None:
    message = parsed(message_of(ris, followed.study.study_instance_uid))
    assert "Intracranial volume" in message.to_er7()
