"""Models of several series, and of an earlier study, on cases that are whole studies."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.evaluation import study_cases
from inference.evaluation.run import Evaluation, evaluate
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import pipeline_named
from storage.container import Storage
from tests import builders, migrated
from tests.inference.input_selection import earlier_studies
from tests.inference.orchestration import storage_in
from tests.inference.results_support import encode, result
from tests.inference.scheduling import four_sequences
from tests.inference.scheduling.four_sequences import centres, lesion_at


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(study_cases, "upgrade", migrated.upgrade)
    with storage_in(tmp_path) as storage:
        yield storage


def nifti(mask: NDArray[np.bool_], series: list[Dataset], path: Path) -> None:
    ras_from_kji = np.diag((-1, -1, 1, 1)) @ assemble_volume(series).lps_from_kji
    image = nibabel.Nifti1Image(mask.T.astype(np.uint8), ras_from_kji[:, [2, 1, 0, 3]])
    nibabel.save(image, path)


def written(folder: Path, *series: list[Dataset]) -> None:
    for number, one in enumerate(series):
        (folder / str(number)).mkdir(parents=True)
        builders.write(one, folder / str(number))


def evaluated(storage: Storage, name: str, cases: Path) -> Evaluation:
    found = evaluate(storage.settings, pipeline_named(storage.settings, name), cases)
    # The node itself has none of it, and nothing of a case stays on the disk.
    assert storage.index.series_of(four_sequences.STUDY) == []
    assert not list(storage.settings.data_dir.glob("evaluation-*"))
    return found


def test_a_model_of_four_sequences_is_measured_on_those_that_it_chooses(
    storage: Storage, tmp_path: Path
) -> None:
    folder = four_sequences.model(tmp_path / "m", gate={"dice": {"at_least": 0.9}})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    cases = tmp_path / "cases"
    four = four_sequences.all_four()
    reference = assemble_volume(four[1])
    truth = lesion_at(centres(reference.voxels.shape, reference.lps_from_kji))
    written(cases / "whole", *four, four_sequences.sequence("t2", 9, shape=(3, 40, 40)))
    nifti(truth, four[1], cases / "whole" / "truth.nii.gz")
    written(cases / "without flair", *four[:3])
    nifti(truth, four[1], cases / "without flair" / "truth.nii.gz")
    (cases / "labels.json").write_text(json.dumps({"1": "Lesion"}))
    summary = evaluated(storage, four_sequences.PIPELINE, cases).summary()
    (failure,) = summary["failures"]
    assert failure["case"] == "without flair"
    assert failure["reason"] == "There is no other complete series for FLAIR."
    (case,) = summary["cases"]
    assert case["dice"] > 0.95
    (manufacturer,) = summary["subgroups"]["manufacturer"].values()
    assert (manufacturer["cases"], manufacturer["dice"]) == (1.0, case["dice"])


def test_a_prior_is_the_earlier_study_of_the_same_case_alone(
    storage: Storage, tmp_path: Path
) -> None:
    earlier_studies.added(storage, tmp_path / "m", earlier_studies.card())
    old_mm, new_mm = earlier_studies.OLD_MM, earlier_studies.NEW_MM
    now = earlier_studies.chest(earlier_studies.NOW, "20251231", old_mm, new_mm)
    before = earlier_studies.chest("2.25.9300", "20241231", old_mm)
    cases = tmp_path / "cases"
    volume = assemble_volume(now)
    where = centres(volume.voxels.shape, volume.lps_from_kji)
    new = ((where - new_mm) ** 2).sum(axis=-1) < earlier_studies.RADIUS_MM**2
    for name, studies in {"both": (before, now), "now alone": (now,)}.items():
        written(cases / name, *studies)
    # By the study of its SEG, and by the latest date.
    seg = result(encode(now, new), "SEG")
    seg.SegmentSequence[0].SegmentLabel = "New"
    code = earlier_studies.card()["segments"]["1"]["code"]
    stated = seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    stated.CodeValue, stated.CodingSchemeDesignator, stated.CodeMeaning = code
    builders.write([seg], cases / "both")
    nifti(new, now, cases / "now alone" / "truth.nii.gz")
    (cases / "labels.json").write_text(json.dumps({"1": "New"}))
    evaluation = evaluated(storage, earlier_studies.PIPELINE, cases)
    assert not evaluation.failed
    dice = {one.case: one.agreement.dice for one in evaluation.measured}
    assert dice["both"] > 0.95
    # Without the other case's study before, the old one is new, too.
    assert dice["now alone"] == pytest.approx(2 / 3, abs=0.05)


def test_studies_of_no_date_do_not_say_which_is_the_latest(
    storage: Storage, tmp_path: Path
) -> None:
    earlier_studies.added(storage, tmp_path / "m", earlier_studies.card())
    one, other = (earlier_studies.chest(uid, "") for uid in ("2.25.9300", earlier_studies.NOW))
    for image in (*one, *other):
        image.StudyTime = ""
    written(tmp_path / "cases" / "a", one, other)
    nifti(np.ones(earlier_studies.SHAPE, np.bool_), one, tmp_path / "cases" / "a" / "t.nii.gz")
    (tmp_path / "cases" / "labels.json").write_text(json.dumps({"1": "New"}))
    (failed,) = evaluated(storage, earlier_studies.PIPELINE, tmp_path / "cases").failed
    assert "their dates do not say which is the latest" in failed.reason
