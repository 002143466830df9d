"""Values in the upper bits of their cells (PS3.5 8.1.1): as DCMTK draws them, or refused."""

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from tests.api.client import part10
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.rendering.test_rendered import picture
from tests.api.dicomweb.rendering.test_rendered_more import keep
from tests.builders import t1_head
from tests.services import tool

COMPRESSED = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90")


def image(high_bit: int = 15) -> Dataset:
    """A ramp of 12 bits with noise in the bits below it, as a CT."""
    (dataset,) = t1_head((1, 64, 64))
    values = np.arange(4096).reshape(64, 64)
    shift = high_bit - 11
    noise = np.random.default_rng(1).integers(0, 1 << shift, values.shape)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, high_bit
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.WindowCenter, dataset.WindowWidth = 50, 2000
    dataset.PixelData = ((values << shift) | noise).astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


@pytest.mark.parametrize("high_bit", [11, 13, 15])
def test_a_picture_is_as_dcmtk_draws_it(
    empty_node: DicomwebNode, tmp_path: Path, high_bit: int
) -> None:
    dataset = image(high_bit)
    (tmp_path / "image.dcm").write_bytes(part10(dataset))
    subprocess.run(
        [tool("dcm2pnm", "dcmtk"), "--write-raw-pnm", "--use-window", "1", "image.dcm", "out.pgm"],
        cwd=tmp_path,
        check=True,
    )
    drawn = np.asarray(picture(empty_node, f"{keep(empty_node, dataset)}/rendered"), int)
    expected = np.asarray(Image.open(io.BytesIO((tmp_path / "out.pgm").read_bytes())), int)
    assert np.abs(drawn - expected).max() <= 1
    assert drawn.min() == 0
    assert drawn.max() == 255


def test_other_transfer_syntaxes_have_no_place_for_them(empty_node: DicomwebNode) -> None:
    """Encoders keep the lowest bits, and lost the highest of the values."""
    dataset = image()
    url = keep(empty_node, dataset)
    with empty_node.client() as client:
        for syntax in COMPRESSED:
            for path, media_type in (("", "application/dicom"), ("/frames/1", "image/jls")):
                accept = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
                answer = client.get(f"{url}{path}", headers={"Accept": accept})
                assert answer.status_code == 406, answer.text[:200]
        accept = 'multipart/related; type="application/octet-stream"'
        answer = client.get(f"{url}/frames/1", headers={"Accept": accept})
        assert answer.status_code == 200
        assert dataset.PixelData in answer.content
