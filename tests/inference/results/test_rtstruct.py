"""Contours as an RT structure set."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.results.encode import encode_results
from inference.results.file_writing import part10
from tests import builders
from tests.inference.results.oblique_structures import SHAPE, SPACING_MM, shell, structures
from tests.inference.results_support import (
    PIPELINE,
    complaints,
    job_for,
    output_of,
    save,
)


def head(**attributes: object) -> list[Dataset]:
    return builders.series(
        np.zeros(SHAPE, np.int16), spacing_mm=SPACING_MM, modality="CT", **attributes
    )


def test_it_is_valid_and_says_what_it_is(tmp_path: Path) -> None:
    sources = head()
    dataset, volume = structures(sources, shell(), builders.asymmetric_mask(SHAPE))
    assert complaints(save(dataset, tmp_path / "structures.dcm")) == []
    assert dataset.ApprovalStatus == "UNAPPROVED"
    assert "Research use only" in dataset.StructureSetDescription
    names = [(one.ROIName, one.ROIGenerationAlgorithm) for one in dataset.StructureSetROISequence]
    assert names == [("Brain", "AUTOMATIC"), ("Cerebellum", "AUTOMATIC")]
    (code,) = dataset.RTROIObservationsSequence[0].RTROIIdentificationCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("12738006", "SCT")
    first = dataset.ROIContourSequence[0].ContourSequence
    assert len(first) == 5
    named = [one.ContourImageSequence[0].ReferencedSOPInstanceUID for one in first]
    assert named == list(volume.sop_instance_uids[2:7])
    again, _ = structures(sources, shell(), builders.asymmetric_mask(SHAPE))
    assert part10(again) == part10(dataset)


def test_contours_lie_in_the_plane_of_their_image_also_of_an_oblique_one() -> None:
    sources = head(directions=builders.rotation(0.3, -0.2, 0.1))
    dataset, _ = structures(sources, shell())
    images = {one.SOPInstanceUID: one for one in sources}
    for contour in dataset.ROIContourSequence[0].ContourSequence:
        image = images[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        assert len(points) == contour.NumberOfContourPoints
        row, column = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
        from_corner = points - np.array(image.ImagePositionPatient, float)
        assert np.abs(from_corner @ np.cross(row, column)).max() < 1e-3
        # The area by hand: 25 × 21 pixels without 8 × 6, each of 0.7 mm × 1.1 mm.
        x, y = from_corner @ row, from_corner @ column
        enclosed = abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2
        assert enclosed == pytest.approx((25 * 21 - 8 * 6) * 0.7 * 1.1, rel=1e-4)


def test_a_destination_that_names_contours_gets_them_and_others_do_not() -> None:
    sources = head()
    volume = assemble_volume(sources)
    output = output_of(volume, shell())
    job = job_for(volume)
    plain = encode_results(job, PIPELINE, sources, volume, output)
    named = encode_results(job, PIPELINE, sources, volume, output, {"RTSTRUCT"})
    assert "RTSTRUCT" not in {one.kind for one in plain.objects}
    assert [one.kind for one in named.objects] == ["SEG", "RTSTRUCT", "SR"]


def test_a_segment_without_a_voxel_is_named_without_contours(tmp_path: Path) -> None:
    dataset, _ = structures(head(), shell(), np.zeros(SHAPE, bool))
    assert "ContourSequence" not in dataset.ROIContourSequence[1]
    assert complaints(save(dataset, tmp_path / "structures.dcm")) == []
