"""The example of docs/normal-ranges.md is a file that the node takes."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference.findings.normal_ranges import NormalRanges
from inference.normal_ranges.site_file import read_reference_values
from inference.normal_ranges.subject import Subject
from inference.pipeline import Segment
from inference.pipelines.brain.structure_volumes import measured
from inference.pipelines.structures import LEFT, RIGHT, STRUCTURES
from storage.core.findings import Code, NormalRange
from tests.api.client import finding_of
from tests.inference.results_support import BRAIN, STRUCTURE, job_for
from tests.inference.volume_preparation.test_coverage import phantom

DOCS = Path(__file__).parents[3] / "docs" / "normal-ranges.md"
SHARE = "Left hippocampus share of intracranial volume"


@pytest.fixture
def example(tmp_path: Path) -> NormalRanges:
    found = re.search(r"```csv reference-values\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert found is not None
    path = tmp_path / "values.csv"
    path.write_text(found.group(1), "utf-8")
    return NormalRanges(read_reference_values(path), Subject("F", 66.2, None))


def stated(ranges: NormalRanges, label: str, value: float, unit: str = "cm3") -> NormalRange | None:
    job = job_for(None, pipeline="brain-structures")
    finding = replace(finding_of(job, value), label=label, unit=Code(unit, "UCUM", unit))
    return ranges.applied(finding).normal_range


def test_it_gives_what_the_text_says(example: NormalRanges) -> None:
    # (3.2 - 3.4) / 0.35 = -0.571: the 28.4th percentile of a normal distribution.
    hippocampus = stated(example, "Left hippocampus volume", 3.2)
    assert hippocampus is not None
    assert (hippocampus.z_score, hippocampus.percentile) == (-0.57, 28.4)
    # ((150 / 210)^0.2 - 1) / (0.2 * 0.32) = -1.017: the 15.5th.
    spleen = stated(example, "Spleen volume", 150)
    assert spleen is not None
    assert (spleen.z_score, spleen.percentile) == (-1.02, 15.5)
    assert spleen.place_of(5000) is None
    share = stated(example, SHARE, 0.15, "%")
    assert share is not None
    assert (share.percentile, share.place_of(0.15), share.place_of(0.29)) == (
        None,
        "below",
        "within",
    )
    assert stated(example, "Right hippocampus volume", 3.2) is None


def test_its_labels_are_those_of_the_pipeline(example: NormalRanges) -> None:
    """What a table calls otherwise has no range, and nothing would say so."""
    sided = [
        f"{side.meaning.lower()} {one.name}" if side else one.name
        for one in STRUCTURES
        for side in ((LEFT, RIGHT) if one.paired else (None,))
    ]
    names = [name[0].upper() + name[1:] for name in sided]
    segments = tuple(Segment(name, STRUCTURE, BRAIN, (1, 2, 3)) for name in names)
    volume, _ = phantom()
    masks = np.zeros(volume.voxels.shape, np.uint8)
    masks.reshape(-1)[5000 : 5000 + len(names)] = np.arange(1, len(names) + 1)
    found = measured(segments, masks, masks >= 0, volume, ())
    of_example = {one.label for one in example.references if one.pipeline == "brain-structures"}
    assert of_example
    assert of_example <= {one.label for one in found}
