"""What people look at says what JSON says: pictures, outlines, key images, the stack and the PDF.

Pictures are read by counting pixels and by OCR, the PDF by pdftotext.
"""

import io
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.api.results.made import (
    SEGMENTS,
    SHAPE,
    SPACING_MM,
    Made,
    masks,
    printed,
    segments_of,
)
from tests.inference.results_support import PIPELINE
from tests.services import tool


@pytest.mark.slow
def test_pictures_show_the_mask_and_say_its_numbers(made: Made) -> None:
    from inference.language.documents.reading import read_document

    answer = made.json()
    place = {uid: k for k, uid in enumerate(made.volume.sop_instance_uids)}
    captures = made.of_kind("SC")
    assert len(captures) == 3
    received: set[str] = set()
    for capture in captures:
        (reference,) = capture.SourceImageSequence
        plane = masks(2)[place[reference.ReferencedSOPInstanceUID]]
        spacing_mm = float(capture.PixelSpacing[0])
        rgb = capture.pixel_array.astype(int)
        for index, segment in enumerate(SEGMENTS, start=1):
            # Where the outline's own colour is, at the size of the source.
            near = np.abs(rgb - segment.color_rgb).sum(axis=2) < 60
            rows, columns = np.nonzero(near[: int(SHAPE[1] * SPACING_MM[1] / spacing_mm)])
            mask_rows, mask_columns = np.nonzero(plane == index)
            assert bool(len(rows)) == bool(len(mask_rows))
            if not len(rows):
                continue
            for pixels, voxels, size_mm in (
                (rows, mask_rows, SPACING_MM[1]), (columns, mask_columns, SPACING_MM[2])
            ):  # fmt: skip
                found = pixels.min() * spacing_mm, (pixels.max() + 1) * spacing_mm
                expected = voxels.min() * size_mm, (voxels.max() + 1) * size_mm
                assert found == pytest.approx(expected, abs=0.75 * size_mm)
            received.add(f"{segment.label} volume")
            finding = answer[f"{segment.label} volume"]
            assert printed(finding, capture.ImageComments) == pytest.approx(
                finding["value"], rel=0.005
            )
    assert received == {f"{one.label} volume" for one in SEGMENTS}
    # What is burned in, as somebody reads it who is not told.
    shown = captures[0]
    buffer = io.BytesIO()
    Image.fromarray(shown.pixel_array).save(buffer, "PNG")
    ((page,), _) = read_document(buffer.getvalue(), 1)
    text = " ".join(line.text for line in page.lines)
    burned = re.findall(r"\d+\.\d+", text)
    stated = re.findall(r"(\d+\.\d+) cm3", shown.ImageComments)
    assert stated
    assert set(stated) <= set(burned), text


def test_outlines_and_key_images_are_of_the_slices_of_the_pictures(made: Made) -> None:
    pictured = {
        str(capture.SourceImageSequence[0].ReferencedSOPInstanceUID)
        for capture in made.of_kind("SC")
    }
    chosen = made.one("KOS")
    images = [item for item in chosen.ContentSequence if item.ValueType == "IMAGE"]
    assert {str(one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for one in images} == (
        pictured
    )
    assert chosen.ConceptNameCodeSequence[0].CodeValue == "113000"
    (described,) = [
        one.TextValue
        for one in chosen.ContentSequence
        if one.ConceptNameCodeSequence[0].CodeValue == "113012"
    ]
    answer = made.json()
    place = {uid: k for k, uid in enumerate(made.volume.sop_instance_uids)}
    seen = set()
    (state,) = made.of_kind("GSPS")
    segments = segments_of(made.one("SEG"))
    names = {one.GraphicLayer: one.get("GraphicLayerDescription")
             for one in state.GraphicLayerSequence}  # fmt: skip
    for annotation in state.GraphicAnnotationSequence:
        (image,) = annotation.ReferencedImageSequence
        assert str(image.ReferencedSOPInstanceUID) in pictured
        if "GraphicObjectSequence" not in annotation:
            continue
        number = int(annotation.GraphicLayer.rpartition("_")[2])
        label, _, _, tracking_uid = segments[number]
        assert names[annotation.GraphicLayer] == label
        plane = masks(2)[place[image.ReferencedSOPInstanceUID]] == number
        area = 0.0
        for drawn in annotation.GraphicObjectSequence:
            assert drawn.TrackingUID == tracking_uid
            x, y = np.array(drawn.GraphicData, float).reshape(-1, 2).T
            area += abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
        assert area == plane.sum()
        finding = answer[f"{label} volume"]
        (text,) = annotation.TextObjectSequence
        for line in (text.UnformattedTextValue, described):
            assert printed(finding, line) == pytest.approx(finding["value"], rel=0.005)
        seen.add(number)
    assert seen == segments.keys()


@pytest.mark.slow
def test_the_stack_shows_every_slice_with_its_mask(made: Made) -> None:
    stack = made.one("STACK")
    assert stack.NumberOfFrames == SHAPE[0]
    named = [one.ReferencedSOPInstanceUID for one in stack.SourceImageSequence]
    assert named == list(made.volume.sop_instance_uids)
    between = np.diff(np.array(stack.SliceLocationVector, float))
    np.testing.assert_allclose(np.abs(between), SPACING_MM[0], rtol=1e-3)
    spacing_mm = float(stack.PixelSpacing[0])
    pixels = stack.pixel_array.astype(int)
    rows = ((np.arange(SHAPE[1]) + 0.5) * SPACING_MM[1] / spacing_mm).astype(int)
    columns = ((np.arange(SHAPE[2]) + 0.5) * SPACING_MM[2] / spacing_mm).astype(int)
    sampled = pixels[:, rows][:, :, columns]
    # Grey is grey; what is coloured is a segment. The letters at the edges are white.
    coloured = np.ptp(sampled, axis=3) > 25
    inside = masks(2) > 0
    assert coloured[inside].mean() > 0.95
    # JPEG lets colours run into the pixels beside.
    beyond = ~ndimage.binary_dilation(inside, np.ones((1, 3, 3)))
    assert coloured[beyond].mean() < 0.01


def test_the_pdf_prints_every_number_of_json(made: Made, tmp_path: Path) -> None:
    document = made.one("PDF")
    path = tmp_path / "result.pdf"
    path.write_bytes(document.EncapsulatedDocument[: document.EncapsulatedDocumentLength])
    text = subprocess.run(
        [tool("pdftotext", "poppler-utils"), "-layout", str(path), "-"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for finding in made.json().values():
        assert printed(finding, " ".join(lines)) == pytest.approx(finding["value"], rel=0.005)
        if finding["prior"] is not None:
            (row,) = [line for line in lines if line.startswith(finding["label"])]
            then, date, change = re.findall(
                r"([\d.,]+) cm³ \((\S+)\) (within variation|[+-][\d.]+ %)", row
            )[0]
            assert float(then) == pytest.approx(finding["prior"]["value"], rel=0.005)
            assert date == finding["prior"]["study_date"] == "2023-03-01"
            if finding["prior"]["within_variation"]:
                assert change == "within variation"
                continue
            expected = finding["prior"]["change_percent"]
            assert float(change.removesuffix(" %")) == pytest.approx(expected, abs=0.051)
    assert sum(finding["prior"] is not None for finding in made.json().values()) == 3
    assert any("UNVERIFIED" in line.upper() for line in lines)
    assert f"{PIPELINE.name} {PIPELINE.version}" in text
