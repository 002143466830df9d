"""Evaluation on cases: the measures beside SimpleITK's, the report, the gate."""

import json
import math
import sys
from html.parser import HTMLParser
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.evaluation.cases import read_case
from inference.evaluation.measures import agreement
from inference.evaluation.run import evaluate
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.model_registry.status import model_of
from inference.pipeline import Measurement, PipelineOutput, Segment
from storage.core.errors import InvalidRequest
from storage.core.findings import Code
from tests import builders
from tests.inference.bundles import SPLEEN, segmentation_bundle
from tests.inference.orchestration import storage_in
from tests.inference.results_support import encode, result
from tests.inference.small import BrightRegion
from tests.ready_processes import run

ROOT = Path(__file__).parents[3]
SHAPE = (20, 40, 36)
SPACING_MM = (2.5, 1.1, 0.8)


def blob(shift: int = 0) -> NDArray[np.bool_]:
    """An L without symmetry."""
    mask = np.zeros(SHAPE, bool)
    mask[4 + shift : 15 + shift, 6:30, 5:14] = True
    mask[4 + shift : 10 + shift, 6:14, 5:31] = True
    return mask


def images(mask: NDArray[np.bool_], **attributes: object) -> list[Dataset]:
    made = builders.series(
        np.where(mask, 1000, 20).astype(np.int16),
        spacing_mm=SPACING_MM,
        directions=builders.rotation(12, -9, 5),
    )
    for one in made:
        for keyword, value in attributes.items():
            setattr(one, keyword, value)
    return made


def write_nifti(mask: NDArray[np.bool_], series: list[Dataset], path: Path) -> None:
    """As another tool would: indexed (i, j, k), in RAS."""
    ras_from_kji = np.diag((-1, -1, 1, 1)) @ assemble_volume(series).lps_from_kji
    nibabel.save(nibabel.Nifti1Image(mask.T.astype(np.uint8), ras_from_kji[:, [2, 1, 0, 3]]), path)


def case_with_nifti(folder: Path, truth: NDArray[np.bool_], **attributes: object) -> None:
    series = images(blob(), **attributes)
    folder.mkdir(parents=True)
    builders.write(series, folder)
    write_nifti(truth, series, folder / "truth.nii.gz")
    (folder.parent / "labels.json").write_text(json.dumps({"1": "Bright"}))


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_measures_are_those_of_simpleitk(shift: int) -> None:
    found, true = blob(shift), blob()
    ours = agreement(found, true, SPACING_MM, math.prod(SPACING_MM))
    pair = [SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (found, true)]
    for image in pair:
        image.SetSpacing(SPACING_MM[::-1])
    overlap = SimpleITK.LabelOverlapMeasuresImageFilter()
    overlap.Execute(*pair)
    assert ours.dice == pytest.approx(overlap.GetDiceCoefficient(), abs=1e-12)
    contours = [SimpleITK.LabelContour(image, fullyConnected=False) for image in pair]
    distances = []
    for one, other in (contours, contours[::-1]):
        field = SimpleITK.Abs(
            SimpleITK.SignedMaurerDistanceMap(other, squaredDistance=False, useImageSpacing=True)
        )
        at = SimpleITK.GetArrayFromImage(field)[SimpleITK.GetArrayFromImage(one) > 0]
        distances.append(float(np.percentile(at, 95)))
    # Its distances are to the contour's voxels from outside; within a contour they are 0.
    assert ours.hausdorff95_mm == pytest.approx(max(distances), abs=0.05)
    assert ours.true_ml == pytest.approx(true.sum() * 2.2e-3)
    assert ours.volume_error_percent == pytest.approx(0.0)
    assert ours.surface_dice == 1.0 if shift == 0 else ours.surface_dice < 1.0


def test_what_is_missed_counts_and_what_is_nowhere_does_not() -> None:
    nothing = np.zeros(SHAPE, bool)
    missed = agreement(nothing, blob(), SPACING_MM, 1.0)
    assert (missed.dice, missed.surface_dice) == (0.0, 0.0)
    assert math.isnan(missed.hausdorff95_mm)
    assert missed.volume_error_percent == -100.0
    assert agreement(nothing, nothing, SPACING_MM, 1.0).dice == 1.0


def test_a_nifti_and_a_seg_lie_where_the_images_are(tmp_path: Path) -> None:
    mask = blob()
    series = images(mask)
    volume = assemble_volume(series)
    flipped = mask if np.array_equal(volume.voxels > 500, mask) else mask[::-1]
    case_with_nifti(tmp_path / "nifti", flipped)
    from_nifti = read_case(tmp_path / "nifti")
    (segment,) = from_nifti.truth.segments
    np.testing.assert_array_equal(from_nifti.truth.on_grid(segment, volume), volume.voxels > 500)
    folder = tmp_path / "seg"
    folder.mkdir()
    seg = result(encode(series, volume.voxels > 500), "SEG")
    builders.write([*series, seg], folder)
    from_seg = read_case(folder)
    (coded,) = from_seg.truth.segments
    assert coded.code
    np.testing.assert_array_equal(from_seg.truth.on_grid(coded, volume), volume.voxels > 500)


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    folder = tmp_path / "cases"
    case_with_nifti(folder / "a", blob(), PatientSex="F", PatientAge="034Y", Manufacturer="One")
    case_with_nifti(folder / "b", blob(1), PatientSex="M", PatientAge="071Y", Manufacturer="Two")
    case_with_nifti(folder / "ct", blob(), PatientSex="M", Modality="CT")
    (folder / "empty").mkdir()
    return folder


def test_subgroups_failures_and_means(tmp_path: Path, cases: Path) -> None:
    with storage_in(tmp_path) as storage:
        summary = evaluate(storage.settings, BrightRegion(), cases).summary()
    assert {one["case"]: one["reason"] for one in summary["failures"]} == {
        "ct": "Modality is CT, not MR.",
        "empty": "It holds 0 series of images and 0 masks; one of each is a case.",
    }
    metrics = summary["metrics"]
    assert (metrics["cases"], metrics["failures"]) == (4.0, 2.0)
    women, men = (summary["subgroups"]["sex"][sex] for sex in ("F", "M"))
    assert women["dice"] == 1.0
    assert men["dice"] < 1.0
    assert metrics["dice"] == pytest.approx((1.0 + men["dice"]) / 2)
    assert metrics["dice_minimum"] == pytest.approx(men["dice"])
    assert set(summary["subgroups"]["age"]) == {"20 to 39", "60 to 79"}
    assert set(summary["subgroups"]["manufacturer"]) == {"One", "Two"}


@pytest.mark.slow
def test_an_evaluation_by_command_opens_or_closes_the_gate(tmp_path: Path, cases: Path) -> None:
    (cases / "labels.json").write_text(json.dumps({"1": "Spleen"}))
    strict = {"dice": {"at_least": 0.999}, "failures": {"at_most": 0}}
    bundle = segmentation_bundle(tmp_path / "bundle", gate=strict)
    with storage_in(tmp_path) as storage:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, bundle, "petra")
        done = run(
            [sys.executable, "-m", "api.cli", "evaluate", "bundle-spleen-of-phantoms",
             "--cases", str(cases), "--output", str(tmp_path / "out")],
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
                "MEDIVIEW_DATA_DIR": str(storage.settings.data_dir),
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert "The gate does not open: failures is 2, at most 0 is asked." in done.stdout
        kept = model_of(storage.settings, storage.model_states, "spleen-of-phantoms").record
        assert kept is not None
        written = json.loads((tmp_path / "out" / "evaluation.json").read_text())
        assert kept.evaluation["metrics"] == written["metrics"]
    page = (tmp_path / "out" / "evaluation.html").read_text()
    Closed().feed(page)
    assert page.count("<circle") == 12  # by segment, by volume, and by four kinds of subgroup
    assert "missed" in page


class Closed(HTMLParser):
    """Fails where an element of the report is never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Closed in itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_cases_need_folders(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage, pytest.raises(InvalidRequest, match="no folders"):
        evaluate(storage.settings, BrightRegion(), tmp_path / "nowhere")


def test_a_segment_is_found_by_code_and_side_or_by_name() -> None:
    from inference.evaluation.cases import TrueSegment

    left = Code("7771000", "SCT", "Left")
    kidney = Segment(
        "Left kidney", Code("a", "b", "c"), Code("64033007", "SCT", "K"), (1, 2, 3), left
    )
    nothing = np.zeros((1, 1, 1), bool)
    assert TrueSegment("KIDNEY L", nothing, "64033007", "7771000").is_that_of(kidney)
    assert not TrueSegment("KIDNEY R", nothing, "64033007", "24028007").is_that_of(kidney)
    assert TrueSegment("left KIDNEY", nothing).is_that_of(kidney)
    assert PipelineOutput(measurements=(Measurement("x", left, 1.0, left),)).masks is None
    assert SPLEEN[1] == "SCT"
