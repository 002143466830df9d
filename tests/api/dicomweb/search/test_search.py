"""Searches as integrators, dcm4che-like clients and OHIF send them."""

from pathlib import Path
from typing import Any

import pytest

from storage.core.uids import derive_uid
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import read
from tests.inference.orchestration import wait_for
from tests.storage.instances import part10

JSON = {"Accept": "application/dicom+json"}
Row = dict[str, Any]


def search(node: DicomwebNode, query: str) -> list[Row]:
    with node.client(headers=JSON) as client:
        response = client.get(query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/dicom+json"
    rows: list[Row] = response.json()
    return rows


def values(rows: list[Row], tag: str) -> list[Any]:
    return [row[tag]["Value"][0] for row in rows if "Value" in row.get(tag, {})]


def test_a_study_says_all_that_the_standard_requires(node: DicomwebNode, shared_data: Path) -> None:
    dataset = read(sorted((shared_data / "mr_t1_head").glob("*.dcm"))[0])
    uid = dataset.StudyInstanceUID
    (row,) = search(node, f"/studies?StudyInstanceUID={uid}")
    required = (
        "00080020 00080030 00080050 00080056 00080061 00080090 00081190 00100010 00100020"
        " 00100030 00100040 0020000D 00200010 00201206 00201208"
    ).split()
    assert set(required) <= set(row)
    assert list(row) == sorted(row)
    assert row["00100020"] == {"vr": "LO", "Value": [dataset.PatientID]}
    assert row["00080061"] == {"vr": "CS", "Value": ["MR"]}
    assert row["00201206"] == {"vr": "IS", "Value": [1]}
    assert row["00201208"] == {"vr": "IS", "Value": [12]}
    assert row["00081190"]["Value"] == [f"{node.url}/studies/{uid}"]


def test_series_and_instances_are_searched_within_and_across_studies(
    node: DicomwebNode, shared_data: Path
) -> None:
    dataset = read(sorted((shared_data / "mr_t1_head").glob("*.dcm"))[0])
    study, series = dataset.StudyInstanceUID, dataset.SeriesInstanceUID
    (within,) = search(node, f"/studies/{study}/series")
    (across,) = search(node, f"/series?SeriesInstanceUID={series}")
    assert within["0020000E"]["Value"] == across["0020000E"]["Value"] == [series]
    assert within["00201209"]["Value"] == [12]
    assert "00100010" not in within
    assert across["00100020"]["Value"] == [dataset.PatientID]
    assert across["00081190"]["Value"] == [f"{node.url}/studies/{study}/series/{series}"]

    rows = search(node, f"/studies/{study}/series/{series}/instances")
    assert len(rows) == 12
    assert values(rows, "00200013") == sorted(values(rows, "00200013"))
    assert set(values(rows, "00280010")) == {dataset.Rows}
    assert set(values(rows, "00280100")) == {dataset.BitsAllocated}
    assert "00080060" not in rows[0]
    by_study = search(node, f"/studies/{study}/instances")
    assert values(by_study, "00080018") == values(rows, "00080018")
    assert by_study[0]["00080060"]["Value"] == ["MR"]
    (one,) = search(node, f"/instances?SOPInstanceUID={rows[0]['00080018']['Value'][0]}")
    assert one["00100020"]["Value"] == [dataset.PatientID]
    assert one["00081190"]["Value"][0].endswith(f"/instances/{one['00080018']['Value'][0]}")


def test_ohif_asks_and_is_answered(node: DicomwebNode) -> None:
    """Requests of OHIF 3.13, to the letter."""
    fields = "00081030%2C00080060%2C00080090%2C00100030"
    rows = search(node, f"/studies?limit=101&offset=0&fuzzymatching=false&includefield={fields}")
    assert len(rows) > 20
    uid = rows[0]["0020000D"]["Value"][0]
    again = search(
        node,
        f"/studies?limit=101&offset=0&fuzzymatching=false&includefield={fields}"
        f"&StudyInstanceUID={uid}",
    )
    assert again == rows[:1]
    series = search(
        node, f"/studies/{uid}/series?includefield=00080021%2C00080031%2C0008103E%2C00200011"
    )
    assert {"00080021", "00080031", "0008103E", "00200011"} <= set(series[0])
    patient = values(rows, "00100020")[0]
    priors = search(node, f"/studies?00100020={patient}&limit=101&offset=0")
    assert set(values(priors, "00100020")) == {patient}


@pytest.mark.parametrize(
    "query",
    [
        "PatientID={id}",
        "00100020={id}",
        "PatientID={id_start}*&ModalitiesInStudy=MR&StudyInstanceUID={uid}",
        "PatientID={id}&ModalitiesInStudy=MR",
        "PatientID={id}&00080061=CT,MR",
        "StudyInstanceUID={uid},1.2.3",
        "StudyInstanceUID=1.2.3%5C{uid}",
        "StudyInstanceUID=1.2.3&StudyInstanceUID={uid}",
    ],
)
def test_a_study_is_found_by(node: DicomwebNode, shared_data: Path, query: str) -> None:
    dataset = read(sorted((shared_data / "mr_t1_head").glob("*.dcm"))[0])
    patient, uid = dataset.PatientID, dataset.StudyInstanceUID
    asked = query.format(id=patient, id_start=patient[:-1], uid=uid)
    assert values(search(node, f"/studies?{asked}"), "0020000D") == [uid]


def test_names_match_by_words_when_fuzzy(node: DicomwebNode) -> None:
    assert search(node, "/studies?PatientName=tarou") == []
    rows = search(node, "/studies?PatientName=tarou&fuzzymatching=true")
    assert rows
    assert all("Tarou" in name["Alphabetic"] for name in values(rows, "00100010"))
    wild = search(node, "/studies?PatientName=*山田*")
    assert wild
    assert all(name["Ideographic"] == "山田^太郎" for name in values(wild, "00100010"))


def test_dates_match_by_ranges(node: DicomwebNode) -> None:
    rows = search(node, "/studies?StudyDate=20040101-20041231")
    assert rows
    assert all(date.startswith("2004") for date in values(rows, "00080020"))
    assert search(node, "/studies?StudyDate=29990101-") == []


def test_pages_follow_each_other_and_say_when_more_remain(node: DicomwebNode) -> None:
    everything = values(search(node, "/studies"), "0020000D")
    pages: list[str] = []
    with node.client(headers=JSON) as client:
        while True:
            response = client.get(f"/studies?limit=7&offset={len(pages)}")
            pages += values(response.json(), "0020000D")
            if "warning" not in response.headers:
                break
            assert response.headers["warning"].startswith("299 ")
            assert "additional results" in response.headers["warning"]
    assert pages == everything
    assert len(set(pages)) == len(pages) > 20
    assert search(node, f"/studies?offset={len(pages)}") == []
    assert search(node, "/studies?limit=0") == []


def test_attributes_beyond_the_index_come_from_the_data_set(
    node: DicomwebNode, shared_data: Path
) -> None:
    dataset = read(shared_data / "odd" / "CT_small.dcm")
    query = f"/instances?SOPInstanceUID={dataset.SOPInstanceUID}"
    (row,) = search(node, f"{query}&includefield=KVP,00180088&includefield=ImagePositionPatient")
    assert row["00180060"] == {"vr": "DS", "Value": [float(dataset.KVP)]}
    assert row["00180088"]["vr"] == "DS"
    assert row["00200032"]["Value"] == [float(v) for v in dataset.ImagePositionPatient]
    (everything,) = search(node, f"{query}&includefield=all")
    assert {"00080070", "00081090", "00200052", "00100010"} <= set(everything)


def test_what_is_not_matched_on_is_said(node: DicomwebNode) -> None:
    with node.client(headers=JSON) as client:
        response = client.get("/studies?KVP=120&limit=1000")
    assert response.headers["warning"] == (
        f'299 {node.url} "These attributes were not matched on: KVP"'
    )


@pytest.mark.parametrize(
    "query", ["PatientIdd=1", "limit=x", "limit=-1", "offset=1.5", "StudyDate=lastweek", "x=%00"]
)
def test_a_wrong_query_is_refused_with_its_reason(node: DicomwebNode, query: str) -> None:
    with node.client(headers=JSON) as client:
        response = client.get(f"/studies?{query}")
    assert response.status_code == 400
    assert response.json()["remedy"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("PatientNam=DOE", "Did you mean PatientName?"),
        ("includefield=StudyDat", "Did you mean StudyDate?"),
        ("limt=1", "Did you mean limit?"),
        ("limit=1&limit=2", "limit is given more than once"),
        ("Limit=1&limit=2", "limit is given more than once"),
        ("offset=0&offset=10", "offset is given more than once"),
    ],
)
def test_a_misspelt_or_repeated_name_is_told_what_was_meant(
    node: DicomwebNode, query: str, said: str
) -> None:
    with node.client() as client:
        for path in ("/studies", "/instances"):
            answer = client.get(f"{path}?{query}")
            assert answer.status_code == 400, answer.text
            assert said in answer.json()["detail"] + answer.json()["remedy"]


def test_nothing_found_is_an_empty_list(node: DicomwebNode) -> None:
    assert search(node, "/studies?PatientID=nobody-has-this") == []
    assert search(node, "/studies/1.2.3.4.5/series") == []


def test_hostile_text_stays_text(empty_node: DicomwebNode, shared_data: Path) -> None:
    import io

    import pydicom

    dataset = pydicom.dcmread(shared_data / "odd" / "CT_small.dcm")
    dataset.PatientName = "<script>alert(1)</script>"
    dataset.PatientID = '"},{"00100020":{'
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    empty_node.storage.ingest.accept(buffer.getvalue(), "test")
    (row,) = search(empty_node, "/studies")
    assert row["00100010"]["Value"] == [{"Alphabetic": "<script>alert(1)</script>"}]
    assert row["00100020"]["Value"] == ['"},{"00100020":{']


def test_what_is_lost_is_unavailable_with_what_holds_it(empty_node: DicomwebNode) -> None:
    storage = empty_node.storage
    whole, lost = (str(derive_uid("test", "s", "s", number)) for number in "12")
    for number in "12":
        storage.ingest.accept(part10(study="s", series="s", instance=number), "stow")
    storage.damaged.note(storage.index.instance(lost), "missing", has_copy=False)

    def instances() -> dict[str, str]:
        rows = search(empty_node, "/instances")
        return dict(zip(values(rows, "00080018"), values(rows, "00080056"), strict=True))

    # The API reads what is lost beside its first answer.
    wait_for(lambda: instances()[lost] == "UNAVAILABLE", "that it is known")
    assert instances() == {whole: "ONLINE", lost: "UNAVAILABLE"}
    for query in ("/studies", "/series"):
        assert values(search(empty_node, query), "00080056") == ["UNAVAILABLE"]
