"""WADO-URI as old clients send it (PS3.18 9): Weasis, OsiriX, a link in a RIS."""

import io
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import read
from tests.services import tool


def ask(node: DicomwebNode, path: Path, **more: Any) -> httpx.Response:
    dataset = read(path)
    query = {
        "requestType": "WADO",
        "studyUID": dataset.StudyInstanceUID,
        "seriesUID": dataset.SeriesInstanceUID,
        "objectUID": dataset.SOPInstanceUID,
        **more,
    }
    with node.client() as client:
        return client.get("/wado", params=query)


def image(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def test_the_default_of_an_image_is_a_jpeg(node: DicomwebNode, shared_data: Path) -> None:
    answer = ask(node, shared_data / "odd" / "CT_small.dcm")
    assert answer.headers["content-type"] == "image/jpeg"
    assert image(answer).size == (128, 128)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/gif"])
def test_a_picture_is_the_rendered_one(
    node: DicomwebNode, shared_data: Path, media_type: str
) -> None:
    path = shared_data / "odd" / "CT_small.dcm"
    answer = ask(node, path, contentType=media_type, windowCenter=40, windowWidth=400)
    assert answer.headers["content-type"] == media_type
    with node.client(headers={"Accept": media_type}) as client:
        url = f"{node.path_of(node.stored(path))}/rendered?window=40,400"
        assert client.get(url).content == answer.content


def test_rows_columns_and_region_place_it(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "odd" / "examples_rgb_color.dcm"
    whole = image(ask(node, path, contentType="image/png"))
    assert whole.size == (320, 240)
    assert image(ask(node, path, columns=160, contentType="image/png")).size == (160, 120)
    assert image(ask(node, path, rows=60, contentType="image/png")).size == (80, 60)
    assert image(ask(node, path, rows=60, columns=40, contentType="image/png")).size == (40, 30)
    part = image(ask(node, path, region="0.25,0.5,0.75,1", contentType="image/png"))
    assert part.tobytes() == whole.crop((80, 120, 240, 240)).tobytes()


def test_frames_are_chosen_by_their_number(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "odd" / "MOVEKNEE.dcm"
    second = np.asarray(image(ask(node, path, frameNumber=2, contentType="image/png")))
    with node.client(headers={"Accept": "image/png"}) as client:
        url = f"{node.path_of(node.stored(path))}/frames/2/rendered"
        rendered = Image.open(io.BytesIO(client.get(url).content))
    np.testing.assert_array_equal(second, np.asarray(rendered))
    assert image(ask(node, path, contentType="image/gif")).n_frames == 19  # type: ignore[attr-defined]
    film = ask(node, path, contentType="video/mp4")
    assert film.headers["content-type"] == "video/mp4"
    assert ask(node, path, frameNumber=20).status_code == 404
    # Of several frames the default is the instance itself.
    assert ask(node, path).headers["content-type"].startswith("application/dicom")


def test_the_instance_comes_in_explicit_little_endian(
    nodes: list[DicomwebNode], shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "odd" / "MR_small_RLE.dcm"
    node = next(one for one in nodes if path in one.files.values())
    answer = ask(node, path, contentType="application/dicom")
    found = pydicom.dcmread(io.BytesIO(answer.content))
    assert found.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    np.testing.assert_array_equal(found.pixel_array, read(path).pixel_array)
    asked = ask(node, path, contentType="application/dicom", transferSyntax="1.2.840.10008.1.2")
    file = tmp_path / "implicit.dcm"
    file.write_bytes(asked.content)
    dump = subprocess.run(
        [tool("dcmdump", "dcmtk"), "+P", "0002,0010", file], capture_output=True, check=True
    ).stdout
    assert b"LittleEndianImplicit" in dump
    stored = ask(node, path, contentType="application/dicom", transferSyntax="*")
    assert stored.content == path.read_bytes()


def test_what_no_decoder_takes_comes_as_it_is_unless_asked_otherwise(
    node: DicomwebNode, shared_data: Path
) -> None:
    path = shared_data / "odd" / "JPEG-lossy.dcm"
    assert ask(node, path, contentType="application/dicom").content == path.read_bytes()
    asked = ask(node, path, contentType="application/dicom", transferSyntax="1.2.840.10008.1.2.1")
    assert asked.status_code == 406


def test_a_report_is_text(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "seg_sr" / "sr_document.dcm"
    assert ask(node, path).headers["content-type"].startswith("text/html")
    plain = ask(node, path, contentType="text/plain")
    assert plain.headers["content-type"].startswith("text/plain")
    assert plain.text.splitlines()[0]


def test_a_picture_is_not_sent_twice(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "odd" / "CT_small.dcm"
    first = ask(node, path)
    with node.client(headers={"If-None-Match": first.headers["etag"]}) as client:
        assert client.get(first.request.url).status_code == 304


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"requestType": "wado2"}, 400),
        ({"objectUID": ""}, 400),
        ({"objectUID": "1.2.3"}, 404),
        ({"studyUID": "1.2.3"}, 404),
        ({"anonymize": "yes"}, 400),
        ({"anonymize": "perhaps", "contentType": "application/dicom"}, 400),
        ({"presentationUID": "1.2"}, 400),
        ({"windowCenter": "40"}, 400),
        ({"windowCenter": "x", "windowWidth": "1"}, 400),
        ({"windowCenter": "1", "windowWidth": "0"}, 400),
        ({"region": "0,0,2,1"}, 400),
        ({"region": "0.5,0,0.5,1"}, 400),
        ({"region": "a"}, 400),
        ({"rows": "0"}, 400),
        ({"columns": "999999"}, 400),
        ({"frameNumber": "0"}, 400),
        ({"frameNumber": "nan"}, 400),
        ({"frameNumber": "2"}, 404),
        ({"imageQuality": "101"}, 400),
        ({"contentType": "image/tiff"}, 406),
        ({"contentType": "video/mp4"}, 406),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    node: DicomwebNode, shared_data: Path, more: dict[str, str], status: int
) -> None:
    answer = ask(node, shared_data / "odd" / "CT_small.dcm", **more)
    assert answer.status_code == status
    assert answer.json()["remedy"]
