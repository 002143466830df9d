"""Every object that is made of every real volume: valid, whatever the scanner wrote."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import PipelineOutput
from inference.results.encode import encode_results
from tests import builders
from tests.inference.real_volumes import VOLUMES, paths_of
from tests.inference.results_support import PIPELINE, complaints, job_for, output_of, save
from tests.standard.validator import validator_complaints

MOST_SLICES = 24
KINDS = ("SC", "STACK", "PDF", "GSPS", "KOS", "LABELMAP", "LABELMAP_SR", "RTSTRUCT")
# dicom3tools of Debian knows neither the class nor a reference to a segment of one.
UNKNOWN_TO_DCIODVFY = ("LABELMAP", "LABELMAP_SR")


def numbers(volume: Volume) -> NDArray[np.uint8]:
    """Two blocks without symmetry: what is tried are the objects, not a model."""
    shape = volume.voxels.shape
    found = np.zeros(shape, np.uint8)
    third = [max(n // 3, 1) for n in shape]
    found[: third[0], third[1] : 2 * third[1], third[2] :] = 1
    found[third[0] :, : third[1], : third[2]] = 2
    return found


def objects(sources: list[Dataset]) -> tuple[list[tuple[str, Dataset]], NDArray[np.uint8]]:
    volume = assemble_volume(sources)
    found = numbers(volume)
    stacked = output_of(volume, found == 1, found == 2)
    output = PipelineOutput(stacked.segments, found, stacked.measurements)
    made = encode_results(job_for(volume), PIPELINE, sources, volume, output, KINDS)
    return [(one.kind, one.dataset) for one in made.objects], found


def test_slices_that_state_their_one_frame_are_no_multi_frame_images(tmp_path: Path) -> None:
    sources = builders.series(np.zeros((5, 12, 14), np.int16), NumberOfFrames=1)
    made, _ = objects(sources)
    assert {kind for kind, _ in made} == {"SEG", "SR", *KINDS}
    for kind, dataset in made:
        path = save(dataset, tmp_path / f"{kind}.dcm")
        found = validator_complaints if kind in UNKNOWN_TO_DCIODVFY else complaints
        assert found(path) == [], kind
        read = pydicom.dcmread(path)
        named = [one for one in read.iterall() if one.keyword == "ReferencedFrameNumber"]
        assert named == [], kind


@pytest.mark.slow
@pytest.mark.parametrize("name", VOLUMES)
def test_every_object_is_valid(shared_data: Path, tmp_path: Path, name: str) -> None:
    sources = [pydicom.dcmread(path) for path in paths_of(shared_data, VOLUMES[name])]
    # Neighbours alone of a long series: the headers are what differs from scanner to scanner.
    sources = sorted(sources, key=lambda one: int(one.InstanceNumber or 0))[:MOST_SLICES]
    made, found = objects(sources)
    assert {kind for kind, _ in made} == {"SEG", "SR", *KINDS}
    for kind, dataset in made:
        path = save(dataset, tmp_path / f"{kind}.dcm")
        if kind not in UNKNOWN_TO_DCIODVFY:
            assert complaints(path) == [], kind
            continue
        assert validator_complaints(path) == [], kind
        if kind == "LABELMAP":
            frames = hd.seg.segread(path).pixel_array
            counts = np.bincount(frames.ravel(), minlength=3)
            assert counts.tolist() == np.bincount(found.ravel(), minlength=3).tolist()
        else:
            hd.sr.srread(path)
