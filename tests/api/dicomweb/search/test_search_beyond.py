"""Searches that go beyond the index: XML, paths into sequences, keys that headers must answer."""

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset

from tests.api.dicomweb.node import DicomwebNode, dicomweb_node
from tests.api.dicomweb.reading import bodies_of
from tests.api.dicomweb.search.test_search import JSON, search, values
from tests.builders import t1_head
from tests.services import tool

XML = {"Accept": 'multipart/related; type="application/dicom+xml"'}
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def keep(node: DicomwebNode, dataset: Dataset) -> None:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    assert node.storage.ingest.accept(buffer.getvalue(), "test").outcome == "stored"


@pytest.fixture(scope="module")
def requested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DicomwebNode]:
    """Two series of a study and another study, with and without the request they answer."""
    first, second, third = t1_head((3, 8, 8))
    for number, dataset in enumerate((first, second, third), start=1):
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"2.25.10{number}", number
        dataset.KVP, dataset.InstanceNumber = "120.0" if number == 1 else "80", 1
    third.StudyInstanceUID, third.PatientID = "2.25.99", "OTHER"
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = "STEP1", "REQ1"
    item.ScheduledProcedureStepDescription = "Head"
    first.RequestAttributesSequence = [item]
    first.PatientAge = second.PatientAge = "069Y"
    first.PhysiciansOfRecord = second.PhysiciansOfRecord = "Owner^Of"
    with dicomweb_node(tmp_path_factory.mktemp("requested")) as node:
        for dataset in (first, second, third):
            keep(node, dataset)
        yield node


def warning(node: DicomwebNode, query: str) -> str:
    with node.client(headers=JSON) as client:
        response = client.get(query)
    assert response.status_code == 200, response.text
    return str(response.headers.get("warning", ""))


def names_and_values(document: bytes) -> dict[str, list[str]]:
    root = fromstring(document)
    assert root.tag == f"{NATIVE}NativeDicomModel"
    return {
        node.attrib["tag"]: [value.text or "" for value in node.iter(f"{NATIVE}Value")]
        for node in root
    }


def test_results_as_xml_say_what_those_as_json_say(node: DicomwebNode) -> None:
    rows = search(node, "/studies?limit=9&includefield=all")
    with node.client(headers=XML) as client:
        response = client.get("/studies?limit=9&includefield=all")
    assert 'type="application/dicom+xml"' in response.headers["content-type"]
    documents = bodies_of(response)
    assert len(documents) == len(rows) == 9
    for document, row in zip(documents, rows, strict=True):
        parsed = names_and_values(document)
        assert list(parsed) == list(row)
        for tag in ("0020000D", "00100020", "00080020", "00201208"):
            assert parsed[tag] == [str(value) for value in row[tag].get("Value", [])]


def test_metadata_as_xml_are_what_dcmtk_writes(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "odd" / "CT_small.dcm"
    with node.client(headers=XML) as client:
        (document,) = bodies_of(client.get(f"{node.path_of(node.stored(path))}/metadata"))
    written = subprocess.run(
        [tool("dcm2xml", "dcmtk"), "-nat", "+Xn", path], capture_output=True, check=True
    ).stdout
    theirs = {
        (one.get("tag"), one.get("vr"), one.get("privateCreator")): one
        for one in fromstring(written)
        if one.get("tag") not in ("00080005", "7FE00010", "FFFCFFFC")
        and str(one.get("tag"))[4:] != "0000"
    }
    ours = {(one.get("tag"), one.get("vr"), one.get("privateCreator")): one
            for one in fromstring(document)}  # fmt: skip
    assert len(theirs) > 150
    assert {key[0] for key in theirs} <= {key[0] for key in ours}
    compared = 0
    for key, one in theirs.items():
        if key[1] in ("DS", "FL", "FD", "IS", "OB", "OW", "UN") or key not in ours:
            continue
        texts = [value.text for value in one.iter() if value.tag.endswith("Value")]
        assert [value.text for value in ours[key].iter(f"{NATIVE}Value")] == texts, key
        compared += 1
    assert compared > 90


def test_names_in_xml_have_their_components(node: DicomwebNode) -> None:
    with node.client(headers=XML) as client:
        documents = bodies_of(client.get("/studies?PatientName=*山田*"))
    (name,) = {
        part.findtext(f"{NATIVE}FamilyName")
        for part in fromstring(documents[0]).iter(f"{NATIVE}Ideographic")
    }
    assert name == "山田"


def test_a_sequence_is_returned_whole_or_in_part(requested: DicomwebNode) -> None:
    (row, other) = search(requested, "/series?PatientID=TEST-7&includefield=00400275")
    assert set(row["00400275"]["Value"][0]) == {"00400007", "00400009", "00401001"}
    assert "00400275" not in other
    path = "RequestAttributesSequence.00400009,00400275.RequestedProcedureID"
    (row, _) = search(requested, f"/series?PatientID=TEST-7&includefield={path}")
    assert row["00400275"]["Value"] == [
        {
            "00400009": {"vr": "SH", "Value": ["STEP1"]},
            "00401001": {"vr": "SH", "Value": ["REQ1"]},
        }
    ]


def test_the_series_of_a_study_name_the_request_they_answer(requested: DicomwebNode) -> None:
    (study, _) = values(search(requested, "/studies?PatientID=*"), "0020000D")[::-1]
    for _ in range(2):
        first, second = search(requested, f"/studies/{study}/series")
        assert first["00400275"]["Value"] == [
            {
                "00400009": {"vr": "SH", "Value": ["STEP1"]},
                "00401001": {"vr": "SH", "Value": ["REQ1"]},
            }
        ]
        assert "00400275" not in second


def test_a_study_says_what_all_its_instances_say(requested: DicomwebNode) -> None:
    query = "/studies?PatientID=TEST-7&includefield=PatientAge,00081048,Modality"
    (row,) = search(requested, query)
    assert row["00101010"]["Value"] == ["069Y"]
    assert row["00081048"]["Value"] == [{"Alphabetic": "Owner^Of"}]
    assert "00080060" not in row
    assert "not of a study: Modality" in warning(requested, query)
    (row,) = search(requested, "/studies?PatientID=TEST-7&includefield=all")
    assert row["00101010"]["Value"] == ["069Y"]
    (row,) = search(requested, "/studies/2.25.99/instances?includefield=all")
    assert row["00180060"]["Value"] == [80]
    assert "7FE00010" not in row


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("/series?RequestAttributesSequence.RequestedProcedureID=REQ1", ["2.25.101"]),
        ("/series?00400275.00400009=STEP?", ["2.25.101"]),
        ("/series?RequestAttributesSequence.RequestedProcedureID=REQ2", []),
        ("/series?PatientAge=069Y&Modality=MR", ["2.25.101", "2.25.102"]),
        ("/series?PatientAge=069Y&limit=1&offset=1", ["2.25.102"]),
        ("/instances?KVP=120", ["2.25.101"]),
        ("/instances?KVP=120%5C80&PatientID=TEST-7", ["2.25.101", "2.25.102"]),
        ("/instances?ScanningSequence=IR&StudyInstanceUID=2.25.99", ["2.25.103"]),
        ("/instances?SeriesDescription=t1*&EchoTime=2.98&KVP=80", ["2.25.102", "2.25.103"]),
    ],
)
def test_headers_answer_what_the_index_cannot(
    requested: DicomwebNode, query: str, found: list[str]
) -> None:
    assert sorted(values(search(requested, query), "0020000E")) == found
    assert "not matched" not in warning(requested, query)


def test_a_study_is_found_by_what_its_header_says(requested: DicomwebNode) -> None:
    rows = search(requested, "/studies?PhysiciansOfRecord=owner*")
    assert values(rows, "00100020") == ["TEST-7"]
    assert search(requested, "/studies?PhysiciansOfRecord=nobody") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/studies?NumberOfStudyRelatedInstances=5", "not matched on: NumberOfStudyRelated"),
        ("/studies?Modality=CT", "not matched on: Modality"),
        ("/series?KVP=120", "not matched on: KVP"),
        ("/instances?00091001=x", "not matched on: 00091001"),
        ("/studies?PatientName=M*&fuzzymatching=true", "matched literally"),
        ("/studies?PatientName=M&fuzzymatching=true", ""),
        ("/studies?Modality=", ""),
        ("/studies?Modality=*", ""),
        ("/studies?limit=1", "There are additional results"),
        ("/studies?limit=2", ""),
    ],
)
def test_an_answer_says_what_it_left_out(
    requested: DicomwebNode, query: str, expected: str
) -> None:
    text = warning(requested, query)
    assert expected in text
    assert bool(text) == bool(expected)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("PatientIdd=1&Nonsense=2", "PatientIdd, Nonsense"),
        ("includefield=PatientID,Foo", "Foo"),
        ("PatientID.Modality=1", "PatientID.Modality"),
        ("RequestAttributesSequence.Foo=1", "RequestAttributesSequence.Foo"),
        ("includefield=0010002", "0010002"),
        ("fuzzymatching=maybe", "fuzzymatching"),
        ("KVP=high&PatientID=TEST-7", "KVP"),
    ],
)
def test_a_wrong_parameter_is_named(requested: DicomwebNode, query: str, named: str) -> None:
    with requested.client(headers=JSON) as client:
        response = client.get(f"/instances?{query}")
    assert response.status_code == 400
    assert named in response.json()["detail"]
    assert response.json()["remedy"]


def test_what_looks_like_no_name_is_not_repeated(requested: DicomwebNode) -> None:
    with requested.client(headers=JSON) as client:
        answer = client.get("/studies", params={"Müller Grete": "1"})
    assert answer.status_code == 400
    assert "Müller" not in answer.text


def test_nothing_that_the_client_takes_is_a_406_that_says_what_there_is(
    node: DicomwebNode,
) -> None:
    with node.client(headers={"Accept": "text/plain"}) as client:
        for url in ("/studies", "/studies/1.2/metadata"):
            problem = client.get(url).json()
            assert problem["status"] == 406
            assert problem["acceptable"][0] == "application/dicom+json"
        assert client.get("/studies?limit=1&accept=application/dicom%2Bjson").status_code == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/dicom+json"),
        ("text/html, */*;q=0.1", "application/dicom+json"),
        ("application/dicom+json;q=0.2, multipart/related;type=application/dicom+xml", "multipart"),
        ("application/dicom+xml", "multipart"),
        ("application/dicom+xml;q=0, application/dicom+json", "application/dicom+json"),
    ],
)
def test_the_model_is_negotiated(node: DicomwebNode, accept: str, content_type: str) -> None:
    with node.client(headers={"Accept": accept}) as client:
        response = client.get("/studies?limit=1")
    assert response.headers["content-type"].startswith(content_type)


def test_curl_gets_lists_of_uids_however_they_are_written(
    node: DicomwebNode,
) -> None:
    uids = values(search(node, "/studies?limit=3"), "0020000D")
    for separator in (",", "%2C", "%5C", "\\"):
        url = f"{node.url}/studies?StudyInstanceUID={separator.join(uids)}"
        answer = subprocess.run(
            [tool("curl", "curl"), "-sfg", url], capture_output=True, check=True
        ).stdout
        assert all(uid.encode() in answer for uid in uids)


def test_every_attribute_of_the_index_can_be_matched_on(node: DicomwebNode) -> None:
    """What a result says of itself must find it again."""
    client = DICOMwebClient(node.url)
    (row,) = search(node, "/instances?limit=1&offset=4&includefield=all")
    for tag, element in row.items():
        text = _one_value(element)
        if not text or tag in ("00080005", "00080056", "00081190"):
            continue
        keyword = pydicom.datadict.keyword_for_tag(tag)
        if element["vr"] in ("OB", "OW", "UN", "AT", "SQ", "LT", "UT") or not keyword:
            continue
        found = client.search_for_instances(
            row["0020000D"]["Value"][0],
            search_filters={keyword: text},
        )
        uids = [one["00080018"]["Value"][0] for one in found]
        assert row["00080018"]["Value"][0] in uids or tag.startswith("0020120"), tag


def _one_value(element: dict[str, Any]) -> str:
    value = (element.get("Value") or [""])[0]
    if isinstance(value, dict):
        value = value.get("Alphabetic", "")
    text = str(value)
    return "" if set(text) & set("*?") else text
