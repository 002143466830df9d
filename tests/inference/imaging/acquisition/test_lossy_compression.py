"""A compression with loss is said beside what was measured."""

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from inference.imaging.acquisition.lossy_compression import caveat_of_lossy_compression
from inference.imaging.volume import Volume
from tests.inference.chest import chest, volume_of


def volume_and_headers() -> tuple[Volume, list[Dataset]]:
    volume = volume_of(chest())
    return volume, [Dataset() for _ in volume.sop_instance_uids]


@pytest.mark.parametrize("stated", [None, "", "00", "NO"])
def test_nothing_is_said_where_none_is_stated(stated: str | None) -> None:
    volume, headers = volume_and_headers()
    for one in headers:
        one.LossyImageCompression = stated
    assert caveat_of_lossy_compression(headers, volume) is None


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ("40", "(40 : 1)"),
        (["10", "2.5"], "(25 : 1)"),
        (None, "(the ratio is not stated)"),
        ("", "(the ratio is not stated)"),
    ],
)
def test_one_lossy_image_is_enough(ratio: object, said: str) -> None:
    volume, headers = volume_and_headers()
    headers[7].LossyImageCompression = "01"
    if ratio is not None:
        headers[7].LossyImageCompressionRatio = ratio
    caveat = caveat_of_lossy_compression(headers, volume)
    assert caveat is not None
    assert caveat.kind == "lossy_compression"
    assert f"compressed with loss {said}:" in caveat.text


def test_images_of_which_the_volume_has_none_say_nothing_of_it() -> None:
    volume, headers = volume_and_headers()
    headers.append(Dataset())
    headers[-1].LossyImageCompression = "01"
    assert caveat_of_lossy_compression(headers, replace(volume)) is None
