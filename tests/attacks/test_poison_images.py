"""Images that anyone may plant cost the node neither its memory nor its time.

Before, a thumbnail of 4 MB of RLE, 16,000 × 16,000 pixels, took 3.6 GB and 37 s.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless

from tests.attacks.support import poison
from tests.attacks.support.running_api import MIB, RunningApi, running_api, watched

# Far above what a refusal takes, far below what the decoder would: other tests run beside it.
REFUSED_WITHIN_S = 5.0
RISE_BYTES = 150 * MIB
DECODER_MEMORY_BYTES = 512 * MIB
LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
REQUESTS = [
    ("/rendered", "image/jpeg"),
    ("/thumbnail", "image/jpeg"),
    ("/frames/1/rendered", "image/png"),
    ("/rendered?viewport=100,100", "image/jpeg"),
    ("/frames/1", 'multipart/related; type="application/octet-stream"'),
    ("", f'multipart/related; type="application/dicom"; transfer-syntax={LITTLE_ENDIAN}'),
]

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    settings = {
        "decoder_memory_bytes": str(DECODER_MEMORY_BYTES),
        "decoder_timeout_s": "4",
        "decoder_processes": "1",
    }
    with running_api(tmp_path_factory.mktemp("poison"), **settings) as running:
        # The first decoding process and all imports are there before anything is measured.
        renders(running)
        yield running


def renders(api: RunningApi) -> None:
    path = api.store(poison.ordinary())
    answer = api.client.get(f"{path}/rendered", headers={"Accept": "image/jpeg"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("resource", "accept"), REQUESTS)
def test_an_image_of_a_quarter_of_a_billion_pixels_is_refused_before_it_is_decoded(
    api: RunningApi, resource: str, accept: str
) -> None:
    path = api.store(poison.rle(16_000))
    with watched(api) as watch:
        answer = api.client.get(path + resource, headers={"Accept": accept})
    assert answer.status_code in ((413,) if resource else (406, 413)), answer.text
    if answer.status_code == 413:
        assert "16000 × 16000" in answer.json()["detail"]
        assert "MEDIVIEW_MAX_FRAME_PIXELS" in answer.json()["remedy"]
    assert watch.seconds < REFUSED_WITHIN_S
    assert watch.rise_bytes < RISE_BYTES
    renders(api)


def test_a_cine_of_thousands_of_frames_becomes_no_gif(api: RunningApi) -> None:
    path = api.store(poison.cine(512, 5_000))
    with watched(api) as watch:
        answer = api.client.get(f"{path}/rendered", headers={"Accept": "image/gif"})
    assert answer.status_code == 413, answer.text
    assert "5000 frames of 512 by 512" in answer.json()["detail"]
    assert watch.seconds < REFUSED_WITHIN_S
    assert watch.rise_bytes < RISE_BYTES
    renders(api)


@pytest.mark.parametrize(
    ("lie", "stated"),
    [
        (poison.jpeg_that_lies(), "65500 × 65500"),
        (poison.compressed_that_lies(JPEGLSLossless), "65500 × 65500"),
        (poison.compressed_that_lies(JPEG2000Lossless), "120000 × 120000"),
    ],
    ids=["JPEG", "JPEG-LS", "JPEG 2000"],
)
@pytest.mark.parametrize(("resource", "accept"), REQUESTS)
def test_a_codestream_larger_than_its_data_set_says_is_refused(
    api: RunningApi, lie: poison.Dataset, stated: str, resource: str, accept: str
) -> None:
    path = api.store(lie)
    with watched(api) as watch:
        answer = api.client.get(path + resource, headers={"Accept": accept})
    assert answer.status_code == 413, answer.text
    assert stated in answer.json()["detail"]
    assert watch.seconds < REFUSED_WITHIN_S
    assert watch.rise_bytes < RISE_BYTES


def test_a_poisoned_frame_still_leaves_as_it_is_stored(api: RunningApi) -> None:
    """Who retrieves it is warned by Rows and Columns."""
    path = api.store(poison.jpeg_that_lies())
    accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    assert api.client.get(f"{path}/frames/1", headers={"Accept": accept}).status_code == 200


@pytest.mark.slow
def test_rle_that_expands_beyond_its_image_takes_its_own_process_down_alone(
    api: RunningApi,
) -> None:
    """A header of 64 × 64, and a segment of 4 GiB: RLE states no size that could be checked."""
    path = api.store(poison.rle(64, decoded_bytes=4 << 30))
    with watched(api) as watch:
        answer = api.client.get(f"{path}/thumbnail", headers={"Accept": "image/jpeg"})
    assert answer.status_code in (406, 413), answer.text
    assert watch.seconds < 3 * REFUSED_WITHIN_S
    assert watch.largest_process_bytes < DECODER_MEMORY_BYTES + 2 * RISE_BYTES
    renders(api)


def test_thousands_of_scans_are_refused_before_they_are_decoded(api: RunningApi) -> None:
    """215 KB of them cost 30 s of the processor each time that the picture was shown."""
    frame = poison.jpeg_of_many_scans(20_000, 6_850, 6_850)
    for syntax in (JPEGBaseline8Bit, JPEGLosslessSV1):
        path = api.store(poison.image(frame, syntax, 6_850))
        begin = time.monotonic()
        answer = api.client.get(f"{path}/thumbnail")
        assert answer.status_code == 413, answer.text
        assert "scans" in answer.json()["detail"]
        assert time.monotonic() - begin < 2.0
    renders(api)


@pytest.mark.slow
def test_decoding_that_takes_too_long_is_ended_and_the_next_image_renders(
    tmp_path: Path,
) -> None:
    """Within the pixel budget, and still more work than the time limit allows."""
    with running_api(tmp_path, decoder_timeout_s="0.1", decoder_processes="1") as api:
        path = api.store(poison.rle(9_984))
        begin = time.monotonic()
        answer = api.client.get(f"{path}/rendered", headers={"Accept": "image/jpeg"})
        assert answer.status_code == 413, answer.text
        assert "0.1 s" in answer.json()["detail"]
        assert "MEDIVIEW_DECODER_TIMEOUT_S" in answer.json()["remedy"]
        assert time.monotonic() - begin < 2 * REFUSED_WITHIN_S
        renders(api)


def test_a_large_image_within_the_budget_is_rendered(api: RunningApi) -> None:
    """The limits of a decoding process leave room for what hospitals have: 25 megapixels."""
    path = api.store(poison.ordinary(5_000))
    answer = api.client.get(f"{path}/rendered", headers={"Accept": "image/jpeg"})
    assert answer.status_code == 200, answer.text


@pytest.mark.slow
@pytest.mark.slow
def test_what_is_above_the_budget_is_rendered_where_the_setting_allows_it(tmp_path: Path) -> None:
    with running_api(tmp_path, max_frame_pixels="4000") as api:
        path = api.store(poison.ordinary(64))
        refused = api.client.get(f"{path}/rendered", headers={"Accept": "image/jpeg"})
        assert refused.status_code == 413
        assert "64 × 64" in refused.json()["detail"]
    with running_api(tmp_path, max_frame_pixels="4096") as api:
        answer = api.client.get(f"{path}/rendered", headers={"Accept": "image/jpeg"})
        assert answer.status_code == 200
