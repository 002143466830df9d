"""Rendered resources beyond one picture: films, annotations, colour profiles, documents."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms
from pydicom.dataset import Dataset

from api.dicomweb.rendering import documents
from tests.api.client import part10
from tests.api.dicomweb.node import DicomwebNode
from tests.api.dicomweb.reading import bodies_of, read
from tests.api.dicomweb.rendering.test_rendered import at, picture
from tests.builders import t1_head

GIF, MP4 = {"Accept": "image/gif"}, {"Accept": "video/mp4"}


def keep(node: DicomwebNode, dataset: Dataset) -> str:
    accepted = node.storage.ingest.accept(part10(dataset), "test")
    return node.path_of(accepted.sop_instance_uid)


class TestFilms:
    def test_a_gif_shows_every_frame(self, node: DicomwebNode, shared_data: Path) -> None:
        path = shared_data / "odd" / "MOVEKNEE.dcm"
        url = at(node, path)
        with node.client(headers=GIF) as client:
            answer = client.get(f"{url}/rendered")
        film = Image.open(io.BytesIO(answer.content))
        assert film.n_frames == read(path).NumberOfFrames == 19
        for index in (0, 7, 18):
            film.seek(index)
            still = picture(node, f"{url}/frames/{index + 1}/rendered")
            np.testing.assert_array_equal(np.asarray(film.convert("L")), np.asarray(still))

    def test_an_mp4_shows_every_frame(self, node: DicomwebNode, shared_data: Path) -> None:
        path = shared_data / "odd" / "MOVEKNEE.dcm"
        url = at(node, path)
        with node.client(headers=MP4) as client:
            answer = client.get(f"{url}/rendered?quality=100")
            again = client.get(
                f"{url}/rendered?quality=100", headers={"If-None-Match": answer.headers["etag"]}
            )
        assert answer.headers["content-type"] == "video/mp4"
        assert again.status_code == 304
        with av.open(io.BytesIO(answer.content)) as film:
            (stream,) = film.streams.video
            assert (stream.width, stream.height) == (256, 256)
            frames = [frame.to_ndarray(format="gray") for frame in film.decode(stream)]
        assert len(frames) == 19
        for index in (0, 18):
            still = np.asarray(picture(node, f"{url}/frames/{index + 1}/rendered"), float)
            # Video has 220 greys, and loses a little.
            assert np.corrcoef(frames[index].reshape(-1), still.reshape(-1))[0, 1] > 0.99

    def test_some_frames_make_a_film_too_or_parts(
        self, node: DicomwebNode, shared_data: Path
    ) -> None:
        url = f"{at(node, shared_data / 'odd' / 'MOVEKNEE.dcm')}/frames/3,1,2/rendered"
        with node.client() as client:
            film = client.get(f"{url}?viewport=64,64", headers=GIF)
            moving = Image.open(io.BytesIO(film.content))
            assert (moving.n_frames, moving.size) == (3, (64, 64))
            parts = {"Accept": 'multipart/related; type="image/gif"'}
            assert len(bodies_of(client.get(url, headers=parts))) == 3

    def test_one_frame_is_a_still_in_every_format(
        self, node: DicomwebNode, shared_data: Path
    ) -> None:
        url = f"{at(node, shared_data / 'odd' / 'CT_small.dcm')}/rendered"
        with node.client(headers=GIF) as client:
            still = client.get(url)
            assert getattr(Image.open(io.BytesIO(still.content)), "n_frames", 1) == 1
            refused = client.get(url, headers=MP4)
        assert refused.status_code == 406
        assert refused.json()["acceptable"] == ["image/jpeg", "image/png", "image/gif"]

    def test_odd_sides_and_the_stated_rate(self, empty_node: DicomwebNode) -> None:
        (dataset,) = t1_head((1, 15, 17))
        dataset.NumberOfFrames, dataset.FrameTime = 6, "40"
        dataset.PixelData = dataset.PixelData * 6
        url = keep(empty_node, dataset)
        with empty_node.client(headers=MP4) as client:
            answer = client.get(f"{url}/rendered")
        with av.open(io.BytesIO(answer.content)) as film:
            (stream,) = film.streams.video
            assert (stream.width, stream.height) == (18, 16)
            assert float(stream.average_rate or 0) == pytest.approx(25)

    def test_a_film_that_is_too_long_is_refused(self, empty_node: DicomwebNode) -> None:
        (dataset,) = t1_head((1, 512, 512))
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation, dataset.NumberOfFrames = 7, 0, 900
        dataset.PixelData = bytes(512 * 512) * 900
        url = keep(empty_node, dataset)
        with empty_node.client(headers=GIF) as client:
            answer = client.get(f"{url}/rendered")
            assert answer.status_code == 413
            assert "viewport" in answer.json()["remedy"]


class TestAnnotations:
    def test_they_are_written_into_their_corners(
        self, node: DicomwebNode, shared_data: Path
    ) -> None:
        url = f"{at(node, sorted((shared_data / 'mr_t1_head').glob('*.dcm'))[3])}/rendered"
        plain = np.asarray(picture(node, url)).astype(int)
        for annotation, top in (("patient", True), ("technique", False)):
            marked = np.asarray(picture(node, f"{url}?annotation={annotation}"))
            rows = np.nonzero((marked.astype(int) != plain).any(axis=1))[0]
            assert len(rows) > 5
            assert (rows.max() < plain.shape[0] / 2) == top
        both = np.asarray(picture(node, f"{url}?annotation=patient,technique"))
        assert (both != plain).sum() > (marked != plain).sum()

    @pytest.mark.slow
    def test_thumbnails_carry_none(self, node: DicomwebNode, shared_data: Path) -> None:
        url = f"{at(node, shared_data / 'odd' / 'CT_small.dcm')}/thumbnail"
        plain = picture(node, url)
        assert picture(node, f"{url}?annotation=patient").tobytes() == plain.tobytes()


class TestColourProfiles:
    def test_they_are_embedded_where_they_are_asked_for(
        self, node: DicomwebNode, shared_data: Path
    ) -> None:
        path = shared_data / "odd" / "examples_rgb_color.dcm"
        url = f"{at(node, path)}/rendered"
        assert "icc_profile" not in picture(node, url).info
        for query, media_type in (("yes", "image/jpeg"), ("srgb", "image/png")):
            profile = picture(node, f"{url}?iccprofile={query}", media_type).info["icc_profile"]
            name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
            assert "sRGB" in name
        grey = f"{at(node, shared_data / 'odd' / 'CT_small.dcm')}/rendered?iccprofile=yes"
        assert "icc_profile" not in picture(node, grey).info

    def test_the_profile_of_a_slide_is_its_own(self, node: DicomwebNode, shared_data: Path) -> None:
        path = shared_data / "wsi" / "sm_image_jpegls.dcm"
        stored = read(path).OpticalPathSequence[0].ICCProfile
        url = f"{at(node, path)}/frames/1/rendered?iccprofile=yes"
        assert picture(node, url).info["icc_profile"] == stored
        converted = picture(node, url.replace("yes", "srgb"))
        assert converted.info["icc_profile"] != stored

    def test_what_is_no_profile_harms_nothing(self, empty_node: DicomwebNode) -> None:
        (dataset,) = t1_head((1, 8, 8))
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.PlanarConfiguration, dataset.PixelRepresentation = 0, 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData, dataset.ICCProfile = bytes(range(192)), b"no profile"
        url = keep(empty_node, dataset)
        shown = picture(empty_node, f"{url}/rendered?iccprofile=srgb")
        assert np.asarray(shown).tobytes() == bytes(range(192))
        for query, media_type, why in (
            ("yes", "image/png", "cannot be read"),
            ("srgb", "image/jpeg", "cannot be read"),
            ("yes", "image/gif", "GIF"),
        ):
            with empty_node.client(headers={"Accept": media_type}) as client:
                answer = client.get(f"{url}/rendered?iccprofile={query}")
            assert "icc_profile" not in Image.open(io.BytesIO(answer.content)).info
            assert answer.headers["warning"].startswith(f'299 {empty_node.url} "')
            assert why in answer.headers["warning"]


@pytest.mark.parametrize(
    "query",
    [
        *("annotation=nonsense", "iccprofile=cmyk", "annotation=patient,x"),
        *("iccprofile=", "quality=", "window=", "viewport="),
    ],
)
def test_what_is_not_known_is_said(node: DicomwebNode, shared_data: Path, query: str) -> None:
    url = f"{at(node, shared_data / 'odd' / 'CT_small.dcm')}/rendered?{query}"
    with node.client() as client:
        answer = client.get(url)
    assert answer.status_code == 400
    assert answer.json()["remedy"]


class TestDocuments:
    def test_a_report_is_text(self, node: DicomwebNode, shared_data: Path) -> None:
        path = shared_data / "seg_sr" / "sr_document.dcm"
        names = [
            item.ConceptNameCodeSequence[0].CodeMeaning
            for item in read(path).ContentSequence
            if item.get("ConceptNameCodeSequence")
        ]
        with node.client() as client:
            text = client.get(f"{at(node, path)}/rendered", headers={"Accept": "text/plain"})
            page = client.get(f"{at(node, path)}/rendered", headers={"Accept": "text/html, */*"})
        assert text.headers["content-type"].startswith("text/plain")
        assert names
        assert all(name in text.text for name in names)
        assert page.headers["content-type"].startswith("text/html")
        assert "sandbox" in page.headers["content-security-policy"]

    def test_hostile_text_in_a_report_stays_text(
        self, empty_node: DicomwebNode, shared_data: Path
    ) -> None:
        dataset = pydicom.dcmread(shared_data / "seg_sr" / "sr_document.dcm")
        item = Dataset()
        item.ValueType, item.RelationshipType = "TEXT", "CONTAINS"
        item.TextValue = "<script>alert(1)</script>"
        dataset.ContentSequence.append(item)
        url = keep(empty_node, dataset)
        with empty_node.client(headers={"Accept": "text/html"}) as client:
            page = client.get(f"{url}/rendered").text
        assert "<script>" not in page
        assert "&lt;script&gt;" in page

    def test_a_report_of_very_much_text_says_that_it_is_cut_off(
        self, empty_node: DicomwebNode, shared_data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(documents, "_MOST_TEXT", 50_000)
        dataset = pydicom.dcmread(shared_data / "seg_sr" / "sr_document.dcm")
        for letter in "ABC":
            item = Dataset()
            item.ValueType, item.RelationshipType = "TEXT", "CONTAINS"
            item.TextValue = letter * 30_000
            dataset.ContentSequence.append(item)
        url = keep(empty_node, dataset)
        with empty_node.client(headers={"Accept": "text/plain"}) as client:
            first, *lines, last = client.get(f"{url}/rendered").text.splitlines()
        assert first == last
        assert first.startswith("Not the whole document")
        text = "".join(lines)
        assert "A" * 30_000 in text
        assert "B" * 10_000 in text
        assert "C" * 100 not in text

    @pytest.mark.parametrize("length", [[1, 2], 0, 4_000_000])
    def test_a_length_that_is_none_leaves_the_document_whole(
        self, empty_node: DicomwebNode, length: Any
    ) -> None:
        (dataset,) = t1_head((1, 8, 8))
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.EncapsulatedDocument, dataset.EncapsulatedDocumentLength = b"%PDF-1.7 x", length
        url = keep(empty_node, dataset)
        with empty_node.client() as client:
            answer = client.get(f"{url}/rendered")
        assert (answer.status_code, answer.content) == (200, b"%PDF-1.7 x")

    def test_a_document_of_very_many_bytes_is_refused_by_name(
        self, empty_node: DicomwebNode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(documents, "_MOST_DOCUMENT_BYTES", 20_000)
        (dataset,) = t1_head((1, 8, 8))
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.EncapsulatedDocument = bytes(30_000)
        url = keep(empty_node, dataset)
        with empty_node.client() as client:
            answer = client.get(f"{url}/rendered")
        assert answer.status_code == 413
        assert "bulk data" in answer.json()["remedy"]

    @pytest.mark.parametrize(
        ("stated", "sent", "attached"),
        [
            ("application/pdf", "application/pdf", False),
            ("text/xml", "text/xml", True),
            ("text/html", "application/octet-stream", True),
        ],
    )
    def test_an_encapsulated_one_is_what_it_says_if_that_is_harmless(
        self, empty_node: DicomwebNode, stated: str, sent: str, attached: bool
    ) -> None:
        (dataset,) = t1_head((1, 8, 8))
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        for keyword in ("PixelData", "Rows", "Columns"):
            delattr(dataset, keyword)
        dataset.MIMETypeOfEncapsulatedDocument = stated
        dataset.EncapsulatedDocument, dataset.EncapsulatedDocumentLength = b"%PDF-1.7 x", 9
        url = keep(empty_node, dataset)
        with empty_node.client() as client:
            answer = client.get(f"{url}/rendered")
        assert answer.content == b"%PDF-1.7 "
        assert answer.headers["content-type"].startswith(sent)
        assert (answer.headers.get("content-disposition") == "attachment") == attached
