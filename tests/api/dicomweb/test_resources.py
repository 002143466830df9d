"""What becomes of resources as a whole: deleted, described, zipped, cut, brought into a syntax."""

import io
import subprocess
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from dicomweb_client import DICOMwebClient
from requests import HTTPError

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of, read
from tests.services import tool

DICOM = {"Accept": "application/dicom"}


def kept(node: DicomwebNode, paths: list[Path]) -> list[pydicom.FileDataset]:
    node.keep(paths)
    return [read(path) for path in paths]


class TestDeleting:
    def test_dicomweb_client_deletes_at_every_level(
        self, empty_node: DicomwebNode, shared_data: Path
    ) -> None:
        paths = sorted((shared_data / "mr_t1_head").glob("*.dcm"))[:3]
        paths += [shared_data / "odd" / name for name in ("CT_small.dcm", "MR_small.dcm")]
        head, second, _, ct, mr = kept(empty_node, paths)
        client = DICOMwebClient(empty_node.url)
        study, series = head.StudyInstanceUID, head.SeriesInstanceUID
        client.delete_instance(study, series, head.SOPInstanceUID)
        rows = client.search_for_instances(study)
        assert len(rows) == 2
        with pytest.raises(HTTPError, match="404"):
            client.retrieve_instance(study, series, head.SOPInstanceUID)
        client.delete_series(study, series)
        assert client.search_for_studies(search_filters={"StudyInstanceUID": study}) == []
        client.delete_study(ct.StudyInstanceUID)
        assert len(client.search_for_instances()) == 1
        with pytest.raises(HTTPError, match="404"):
            client.delete_study(ct.StudyInstanceUID)
        with pytest.raises(HTTPError, match="404"):
            client.delete_instance(study, mr.SeriesInstanceUID, mr.SOPInstanceUID)
        assert second.SOPInstanceUID not in str(client.search_for_instances())

    def test_what_was_deleted_may_come_again(
        self, empty_node: DicomwebNode, shared_data: Path
    ) -> None:
        path = shared_data / "odd" / "CT_small.dcm"
        (ct,) = kept(empty_node, [path])
        with empty_node.client() as client:
            assert client.delete(f"/studies/{ct.StudyInstanceUID}").status_code == 204
            body = path.read_bytes()
            headers = {"Content-Type": "application/dicom"}
            assert client.post("/studies", content=body, headers=headers).status_code == 200
            assert client.get(empty_node.path_of(ct.SOPInstanceUID), headers=DICOM).content == body


class TestCapabilities:
    def test_options_say_what_each_resource_knows(self, empty_node: DicomwebNode) -> None:
        with empty_node.client() as client:
            for path, methods in (
                ("/studies", {"GET", "HEAD", "POST", "OPTIONS"}),
                ("/studies/1.2", {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}),
                ("/studies/1.2/series/1.3/instances/1.4/frames/1", {"GET", "HEAD", "OPTIONS"}),
            ):
                answer = client.options(path)
                assert answer.status_code == 204
                assert set(answer.headers["allow"].split(", ")) == methods
                for method in {"GET", "DELETE", "PUT"} - methods:
                    assert client.request(method, path).status_code == 405

    def test_the_root_describes_the_services(self, empty_node: DicomwebNode) -> None:
        with httpx.Client() as client:
            for method, url in (
                ("GET", empty_node.url),
                ("GET", f"{empty_node.url}/"),
                ("OPTIONS", f"{empty_node.url}/"),
            ):
                document = client.request(method, url).json()
                assert document["root"] == empty_node.url
                resources = {one["path"]: one["methods"] for one in document["resources"]}
                assert "DELETE" in resources["/dicom-web/studies/{study_instance_uid}"]
                assert "PatientID" in document["search"]["attributes"]["studies"]
                assert "*" in document["retrieve"]["transfer_syntaxes"]


class TestArchive:
    def test_a_study_leaves_as_a_file_set(
        self, empty_node: DicomwebNode, shared_data: Path, tmp_path: Path
    ) -> None:
        paths = sorted((shared_data / "mr_t1_head").glob("*.dcm"))[:4]
        datasets = kept(empty_node, paths)
        url = f"/studies/{datasets[0].StudyInstanceUID}"
        with empty_node.client(headers={"Accept": "application/zip"}) as client:
            answer = client.get(url)
            again = client.get(url, headers={"If-None-Match": answer.headers["etag"]})
        assert answer.headers["content-type"] == "application/zip"
        assert again.status_code == 304
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            archive.extractall(tmp_path)
        records = pydicom.dcmread(tmp_path / "DICOMDIR").DirectoryRecordSequence
        found = {
            one.ReferencedSOPInstanceUIDInFile: tmp_path.joinpath(*one.ReferencedFileID)
            for one in records
            if "ReferencedFileID" in one
        }
        assert set(found) == {one.SOPInstanceUID for one in datasets}
        assert all(read(path).SOPInstanceUID == uid for uid, path in found.items())

    def test_a_study_that_no_directory_can_hold_leaves_without_one(
        self, empty_node: DicomwebNode, shared_data: Path
    ) -> None:
        dataset = read(shared_data / "odd" / "CT_small.dcm")
        for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
            dataset[keyword].value = ""
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        empty_node.storage.ingest.accept(buffer.getvalue(), "test")
        with empty_node.client(headers={"Accept": "application/zip"}) as client:
            answer = client.get(f"/studies/{dataset.StudyInstanceUID}")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            (name,) = archive.namelist()
            assert archive.read(name) == buffer.getvalue()


class TestRanges:
    @pytest.mark.parametrize(
        ("asked", "span"),
        [
            ("bytes=0-131", (0, 132)),
            ("bytes=128-131", (128, 132)),
            ("bytes=100-", (100, None)),
            ("bytes=-50", (-50, None)),
            ("bytes=0-99999999", (0, None)),
        ],
    )
    def test_a_part_of_an_instance(
        self, node: DicomwebNode, shared_data: Path, asked: str, span: tuple[int, int | None]
    ) -> None:
        path = shared_data / "odd" / "CT_small.dcm"
        body = path.read_bytes()
        with node.client(headers=DICOM) as client:
            answer = client.get(node.path_of(node.stored(path)), headers={"Range": asked})
        assert answer.status_code == 206
        assert answer.content == body[slice(*span)]
        first = span[0] if span[0] >= 0 else len(body) + span[0]
        expected = f"bytes {first}-{first + len(answer.content) - 1}/{len(body)}"
        assert answer.headers["content-range"] == expected

    @pytest.mark.parametrize("asked", ["bytes=0-1,5-9", "bytes=9-1", "lines=1-2", "bytes=-", "x"])
    def test_what_is_no_single_range_is_answered_whole(
        self, node: DicomwebNode, shared_data: Path, asked: str
    ) -> None:
        path = shared_data / "odd" / "CT_small.dcm"
        with node.client(headers=DICOM) as client:
            answer = client.get(node.path_of(node.stored(path)), headers={"Range": asked})
        assert answer.status_code == 200
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.content == path.read_bytes()

    def test_a_range_beyond_the_end_and_one_of_another_content(
        self, node: DicomwebNode, shared_data: Path
    ) -> None:
        path = shared_data / "odd" / "CT_small.dcm"
        size = path.stat().st_size
        url = node.path_of(node.stored(path))
        with node.client(headers=DICOM) as client:
            beyond = client.get(url, headers={"Range": f"bytes={size}-"})
            assert beyond.status_code == 416
            assert beyond.headers["content-range"] == f"bytes */{size}"
            assert beyond.json()["code"] == "range_not_satisfiable"
            etag = client.get(url).headers["etag"]
            headers = {"Range": "bytes=0-9", "If-Range": etag}
            assert client.get(url, headers=headers).status_code == 206
            headers["If-Range"] = '"other"'
            assert client.get(url, headers=headers).status_code == 200

    def test_curl_resumes_a_download(
        self, node: DicomwebNode, shared_data: Path, tmp_path: Path
    ) -> None:
        path = shared_data / "odd" / "CT_small.dcm"
        half = tmp_path / "half.dcm"
        half.write_bytes(path.read_bytes()[:1000])
        url = node.url + node.path_of(node.stored(path))
        command = [tool("curl", "curl"), "-sf", "-C", "-", "-H", f"Accept: {DICOM['Accept']}"]
        subprocess.run([*command, "-o", half, url], check=True)
        assert half.read_bytes() == path.read_bytes()


class TestTransferSyntaxes:
    @pytest.mark.parametrize(
        "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm", "ExplVR_BigEnd.dcm"]
    )
    @pytest.mark.parametrize(
        ("syntax", "dcmtk_reads"),
        [
            ("1.2.840.10008.1.2", True),
            ("1.2.840.10008.1.2.1", True),
            ("1.2.840.10008.1.2.1.99", True),
            ("1.2.840.10008.1.2.5", True),
            ("1.2.840.10008.1.2.4.80", False),
            ("1.2.840.10008.1.2.4.90", False),
        ],
    )
    def test_an_instance_comes_in_the_one_that_was_asked_for(
        self,
        nodes: list[DicomwebNode],
        shared_data: Path,
        tmp_path: Path,
        name: str,
        syntax: str,
        dcmtk_reads: bool,
    ) -> None:
        path = shared_data / "odd" / name
        node = next(one for one in nodes if path in one.files.values())
        original = read(path)
        accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
        with node.client(headers={"Accept": accept}) as client:
            answer = client.get(node.path_of(original.SOPInstanceUID))
        if answer.status_code == 406 and syntax.startswith("1.2.840.10008.1.2.4."):
            # JPEG-LS of signed pixels has no encoder here, and is refused as such.
            assert original.PixelRepresentation == 1
            return
        (body,) = bodies_of(answer)
        found = pydicom.dcmread(io.BytesIO(body))
        assert found.file_meta.TransferSyntaxUID == syntax
        np.testing.assert_array_equal(found.pixel_array, original.pixel_array)
        assert found.SOPInstanceUID == original.SOPInstanceUID
        if dcmtk_reads:
            file, out = tmp_path / "in.dcm", tmp_path / "out.dcm"
            file.write_bytes(body)
            command = [tool("dcmdrle", "dcmtk"), file, out]
            subprocess.run(command, check=True, capture_output=True)
            np.testing.assert_array_equal(read(out).pixel_array, original.pixel_array)

    def test_one_that_cannot_be_brought_into_it_does_not_lose_the_others(
        self, empty_node: DicomwebNode, shared_data: Path
    ) -> None:
        stubborn = read(shared_data / "odd" / "JPEG-lossy.dcm")
        easy = read(shared_data / "odd" / "CT_small.dcm")
        stubborn.StudyInstanceUID = easy.StudyInstanceUID
        for dataset in (stubborn, easy):
            buffer = io.BytesIO()
            dataset.save_as(buffer)
            empty_node.storage.ingest.accept(buffer.getvalue(), "test")
        implicit = "1.2.840.10008.1.2"
        accept = f'multipart/related; type="application/dicom"; transfer-syntax={implicit}'
        with empty_node.client(headers={"Accept": accept}) as client:
            bodies = bodies_of(client.get(f"/studies/{easy.StudyInstanceUID}"))
        found = [pydicom.dcmread(io.BytesIO(body)) for body in bodies]
        assert {one.SOPInstanceUID: one.file_meta.TransferSyntaxUID for one in found} == {
            stubborn.SOPInstanceUID: stubborn.file_meta.TransferSyntaxUID,
            easy.SOPInstanceUID: implicit,
        }


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("/rendered", "windw=40,400", "window"),
        ("/rendered", "Quality=50", "quality"),
        ("/thumbnail", "annotation=nonsense", "annotation"),
        ("/frames/1/rendered", "transferSyntax=1.2", "transferSyntax"),
        ("/frames/1", "quality=50", "quality"),
        ("/metadata", "includefield=PatientID", "includefield"),
        ("/bulkdata", "limit=1", "limit"),
        ("/metadata", "_=1764359999", "_"),
        ("", "a%0D%0AX-Added:%20%22%C3%A4=1", "a??X-Added????"),
    ],
)
def test_a_parameter_that_a_resource_does_not_take_is_ignored_with_a_warning(
    node: DicomwebNode, shared_data: Path, path: str, query: str, named: str
) -> None:
    url = node.path_of(node.stored(shared_data / "odd" / "CT_small.dcm"))
    with node.client() as client:
        # What the standard gives every resource is taken everywhere (PS3.18 8.3.3).
        plain = client.get(f"{url}{path}?accept=*/*&charset=utf-8")
        assert (plain.status_code, plain.headers.get("warning")) == (200, None)
        answer = client.get(f"{url}{path}?accept=*/*&charset=utf-8&{query}")
        assert answer.status_code == 200, answer.text
        assert "x-added" not in answer.headers
        service, _, sentence = answer.headers["warning"].partition(' "')
        assert service == f"299 {node.url}"
        assert f"'{named}'" in sentence
        assert etag_and_size(answer) == etag_and_size(plain)


def etag_and_size(answer: httpx.Response) -> tuple[str | None, int]:
    return answer.headers.get("etag"), len(answer.content)


@pytest.mark.parametrize(
    "query", ["quality=50&quality=20", "quality=200", "window=1", "window=40,400&window=40,400"]
)
def test_a_known_parameter_with_a_wrong_value_or_two_is_refused(
    node: DicomwebNode, shared_data: Path, query: str
) -> None:
    url = node.path_of(node.stored(shared_data / "odd" / "CT_small.dcm"))
    with node.client() as client:
        answer = client.get(f"{url}/rendered?{query}&_=1")
        assert answer.status_code == 400, answer.text
        assert query[:6] in answer.text


def test_many_names_that_are_not_taken_give_a_short_warning(
    node: DicomwebNode, shared_data: Path
) -> None:
    url = node.path_of(node.stored(shared_data / "odd" / "CT_small.dcm"))
    query = "&".join(f"{'x' * 200}{number}=1" for number in range(100))
    with node.client() as client:
        warning = client.get(f"{url}/metadata?{query}").headers["warning"]
    assert "So were 95 others." in warning
    assert len(warning) < 1000
