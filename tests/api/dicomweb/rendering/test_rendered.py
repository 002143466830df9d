"""Rendered images: looked at with Pillow, compared with pydicom's and Orthanc's rendering."""

import io
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of, read

PNG = {"Accept": "image/png"}


def picture(node: DicomwebNode, url: str, accept: str = "image/png") -> Image.Image:
    with node.client(headers={"Accept": accept}) as client:
        response = client.get(url)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == accept
    return Image.open(io.BytesIO(response.content))


def at(node: DicomwebNode, path: Path) -> str:
    return node.path_of(node.stored(path))


def test_a_ct_slice_is_rendered_in_its_window(node: DicomwebNode, shared_data: Path) -> None:
    path = sorted((shared_data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm"))[3]
    dataset = read(path)
    rendered = np.asarray(picture(node, f"{at(node, path)}/rendered?window=-600,1500"))
    values = apply_modality_lut(dataset.pixel_array, dataset)
    dataset.WindowCenter, dataset.WindowWidth = -600, 1500
    expected = np.clip(apply_voi_lut(values, dataset, prefer_lut=False), None, None)
    scaled = (expected - expected.min()) / (expected.max() - expected.min()) * 255
    assert rendered.shape == (512, 512)
    assert np.abs(rendered.astype(float) - scaled).max() <= 1.5


def test_the_stated_window_is_used_when_none_is_asked_for(
    node: DicomwebNode, shared_data: Path
) -> None:
    path = sorted((shared_data / "ct_chest_LIDC-IDRI-0001").glob("*.dcm"))[3]
    dataset = read(path)
    center, width = (
        float(v[0] if isinstance(v, pydicom.multival.MultiValue) else v)
        for v in (dataset.WindowCenter, dataset.WindowWidth)
    )
    stated = picture(node, f"{at(node, path)}/rendered")
    asked = picture(node, f"{at(node, path)}/rendered?window={center},{width},linear")
    assert stated.tobytes() == asked.tobytes()


@pytest.mark.parametrize("name", ["vlut_04.dcm", "mlut_18.dcm"])
def test_lookup_tables_are_applied(node: DicomwebNode, shared_data: Path, name: str) -> None:
    path = shared_data / "odd" / name
    dataset = read(path)
    rendered = np.asarray(picture(node, f"{at(node, path)}/rendered"), float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = apply_modality_lut(dataset.pixel_array, dataset)
        expected = apply_voi_lut(np.rint(values).astype(np.int64), dataset).astype(float)
    order = np.corrcoef(rendered.reshape(-1), expected.reshape(-1))[0, 1]
    assert order > 0.99


def test_monochrome1_shows_its_least_value_white(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "cxr" / "RG1_J2KI.dcm"
    dataset = read(path)
    assert dataset.PhotometricInterpretation == "MONOCHROME1"
    rendered = np.asarray(picture(node, f"{at(node, path)}/rendered"), float)
    stored = dataset.pixel_array.astype(float)
    assert np.corrcoef(rendered.reshape(-1), stored.reshape(-1))[0, 1] < -0.8


@pytest.mark.parametrize(
    "name", ["examples_rgb_color.dcm", "examples_ybr_color.dcm", "examples_jpeg2k.dcm"]
)
def test_colour_is_rendered_as_pydicom_reads_it(
    node: DicomwebNode, shared_data: Path, name: str
) -> None:
    path = shared_data / "odd" / name
    array = read(path).pixel_array
    frame = array[0] if array.ndim == 4 else array
    rendered = picture(node, f"{at(node, path)}/rendered")
    assert rendered.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(rendered), frame)


def test_palette_colour_is_looked_up(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "odd" / "TestPattern_Palette_16.dcm"
    rendered = np.asarray(picture(node, f"{at(node, path)}/rendered"))
    assert rendered.shape == (400, 640, 3)
    assert len(np.unique(rendered.reshape(-1, 3), axis=0)) > 10


def test_a_segment_is_rendered_white_on_black(node: DicomwebNode, shared_data: Path) -> None:
    path = shared_data / "seg_sr" / "liver.dcm"
    if path not in node.files.values():
        path = shared_data / "odd" / "liver_1frame.dcm"
    frame = read(path).pixel_array.reshape(-1, 512, 512)[0]
    rendered = np.asarray(picture(node, f"{at(node, path)}/frames/1/rendered"))
    np.testing.assert_array_equal(rendered, frame * 255)


def test_a_viewport_scales_crops_and_mirrors(node: DicomwebNode, shared_data: Path) -> None:
    url = f"{at(node, shared_data / 'odd' / 'examples_rgb_color.dcm')}/rendered"
    whole = picture(node, url)
    assert whole.size == (320, 240)
    assert picture(node, f"{url}?viewport=160,160").size == (160, 120)
    part = picture(node, f"{url}?viewport=100,50,20,30,100,50")
    assert part.tobytes() == whole.crop((20, 30, 120, 80)).tobytes()
    mirrored = picture(node, f"{url}?viewport=100,50,20,30,-100,50")
    flipped = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert mirrored.tobytes() == flipped.tobytes()


def test_a_thumbnail_keeps_the_proportions_of_the_head(
    node: DicomwebNode, shared_data: Path
) -> None:
    path = sorted((shared_data / "mr_t1_head").glob("*.dcm"))[0]
    dataset = read(path)
    rows, columns = (float(v) for v in dataset.PixelSpacing)
    url = at(node, path)
    for level in (url, url.partition("/instances/")[0], url.partition("/series/")[0]):
        thumbnail = picture(node, f"{level}/thumbnail", "image/jpeg")
        assert max(thumbnail.size) == 256
        expected = dataset.Columns * columns / (dataset.Rows * rows)
        assert thumbnail.width / thumbnail.height == pytest.approx(expected, rel=0.01)
    assert picture(node, f"{url}/frames/1/thumbnail?viewport=64,64", "image/jpeg").height <= 64


def test_several_frames_come_as_parts(node: DicomwebNode, shared_data: Path) -> None:
    url = at(node, shared_data / "odd" / "MOVEKNEE.dcm")
    with node.client(headers={"Accept": "image/jpeg"}) as client:
        bodies = bodies_of(client.get(f"{url}/frames/1,2,19/rendered"))
    assert [Image.open(io.BytesIO(body)).size for body in bodies] == [(256, 256)] * 3


def test_every_image_renders_that_can_be_decoded(nodes: list[DicomwebNode]) -> None:
    refused = set()
    for node in nodes:
        with node.client() as client:
            for uid, path in node.files.items():
                if "PixelData" not in read(path):
                    continue
                response = client.get(f"{node.path_of(uid)}/rendered")
                if response.status_code == 200:
                    Image.open(io.BytesIO(response.content)).load()
                else:
                    # 413: a codestream that is damaged, and states a width of billions.
                    assert response.status_code in (406, 413)
                    refused.add(path.name)
    # 12-bit lossy JPEG, and a code stream that no decoder here takes.
    assert refused <= {
        "JPEG-lossy.dcm",
        "JPGExtended.dcm",
        "JPEG2000-embedded-sequence-delimiter.dcm",
    }


@pytest.mark.parametrize(
    "query",
    [
        *("window=1", "window=1,0", "window=a,b", "window=1,2,cubic", "window=nan,1"),
        *("viewport=0,5", "viewport=9", "viewport=99999,1", "viewport=10,10,500,500,5,5"),
        "quality=0",
    ],
)
def test_wrong_parameters_are_refused(node: DicomwebNode, shared_data: Path, query: str) -> None:
    url = at(node, shared_data / "odd" / "CT_small.dcm")
    with node.client() as client:
        assert client.get(f"{url}/rendered?{query}").status_code == 400


def test_what_has_no_pixels_has_no_picture(node: DicomwebNode, shared_data: Path) -> None:
    url = at(node, shared_data / "seg_sr" / "sr_document.dcm")
    with node.client(headers=PNG) as client:
        assert client.get(f"{url}/rendered").status_code == 406
        assert client.get(f"{url}/thumbnail").status_code == 404
