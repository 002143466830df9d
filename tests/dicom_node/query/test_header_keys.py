"""C-FIND keys that the index has not, answered from the stored headers."""

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicom_node.scu import send
from tests.dicom_node.builders import ct_instance, dcmtk, encoded, item_of
from tests.dicom_node.conftest import Node
from tests.dicom_node.query.test_query import find

STUDY = "1.2.840.7.1"


@pytest.fixture
def filled(node: Node) -> Node:
    """One study of two series, each ordered by a step of its own."""
    instances = []
    for number, step in ((1, "STEP-1"), (2, "STEP-2")):
        ds = ct_instance(
            study_instance_uid=STUDY,
            series_instance_uid=f"{STUDY}.{number}",
            sop_instance_uid=f"{STUDY}.{number}.1",
            patient_name="Müller^Jürgen",
        )
        request = Dataset()
        request.ScheduledProcedureStepID = step
        request.RequestedProcedureID = "RP-1"
        request.RequestedProcedureDescription = "Schädel"
        ds.RequestAttributesSequence = [request]
        ds.SliceThickness = f"{number}.50"
        ds.PhysiciansOfRecord = "Weiß^Anna"
        instances.append(item_of(encoded(ds)))
    assert all(one.ok for one in send(instances, peer=node.peer, calling_ae_title="FILL"))
    return node


def findscu(node: Node, folder: Path, level: str, *keys: str, option: str = "-xe") -> list[Dataset]:
    folder.mkdir()
    asked = [part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)]
    answer = dcmtk(
        "findscu", "-S", "-v", option, "-X", "-od", folder, *asked, "127.0.0.1", str(node.port)
    )
    assert answer.returncode == 0, answer.stderr
    return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


@pytest.mark.parametrize("option", ["-xe", "-xi"])
def test_series_are_found_by_their_scheduled_step(
    filled: Node, tmp_path: Path, option: str
) -> None:
    (series,) = findscu(
        filled, tmp_path / "out", "SERIES", f"StudyInstanceUID={STUDY}",
        "SpecificCharacterSet=ISO_IR 192", "SeriesInstanceUID", "PatientName",
        "PhysiciansOfRecord=weiß*",
        "RequestAttributesSequence[0].ScheduledProcedureStepID=STEP-2",
        "RequestAttributesSequence[0].RequestedProcedureDescription",
        option=option,
    )  # fmt: skip
    assert series.SeriesInstanceUID == f"{STUDY}.2"
    (request,) = series.RequestAttributesSequence
    assert request.ScheduledProcedureStepID == "STEP-2"
    assert request.RequestedProcedureDescription == "Schädel"
    assert "RequestedProcedureID" not in request
    assert (series.PatientName, series.PhysiciansOfRecord) == ("Müller^Jürgen", "Weiß^Anna")


def test_an_empty_sequence_key_brings_the_whole_sequence(filled: Node, tmp_path: Path) -> None:
    found = findscu(
        filled, tmp_path / "out", "SERIES", f"StudyInstanceUID={STUDY}", "RequestAttributesSequence"
    )
    steps = [ds.RequestAttributesSequence[0] for ds in found]
    assert [step.ScheduledProcedureStepID for step in steps] == ["STEP-1", "STEP-2"]
    assert all(step.RequestedProcedureID == "RP-1" for step in steps)


def test_instances_are_found_by_any_attribute(filled: Node, tmp_path: Path) -> None:
    (found,) = findscu(filled, tmp_path / "out", "IMAGE", "SliceThickness=2.5", "SOPInstanceUID")
    assert (found.SOPInstanceUID, str(found.SliceThickness)) == (f"{STUDY}.2.1", "2.50")


def test_statuses_say_what_was_not_answered(filled: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": STUDY, "Laterality": ""}
    assert find(filled, keys)[1:] == (0, {0xFF00})
    # Differs within a series.
    assert find(filled, {**keys, "SliceThickness": "1.5"})[2] == {0xFF01}
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PhysiciansOfRecord": "nobody"}
    assert find(filled, keys)[0] == []
    monkeypatch.setattr("dicom_node.query.scp.MAX_ROWS", 0)
    matches, _, pending = find(filled, keys)
    assert (len(matches), pending) == (1, {0xFF01})
    assert matches[0].PhysiciansOfRecord == ""
