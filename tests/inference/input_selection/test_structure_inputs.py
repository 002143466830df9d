"""Structures of an RT structure set as the input of a pipeline: chosen, placed, refused."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from inference.bundles.installed import described
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.results.file_writing import part10
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.orchestration import receive, storage_in
from tests.inference.scheduling.four_sequences import STUDY, card, decided, done, model
from tests.inference.structure_sets import structure_set

SHAPE = (12, 24, 20)
CT = {
    "modality": "CT", "spacing_mm": (3.0, 0.9, 1.3), "directions": builders.rotation(9, -6, 4),
    "StudyInstanceUID": STUDY, "SeriesInstanceUID": "2.25.82", "SeriesNumber": 2,
    "FrameOfReferenceUID": "2.25.772", "PositionReferenceIndicator": "",
}  # fmt: skip
PAGE = Path(__file__).parents[3] / "docs" / "pipelines" / "structures.md"


def target() -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = np.zeros(SHAPE, bool)
    mask[3:9, 5:18, 4:15] = True
    mask[3:9, 9:13, 7:11] = False
    return mask


def images() -> list[Dataset]:
    return builders.series(np.full(SHAPE, 40, np.int16), **CT)  # type: ignore[arg-type]


def sets(number: int = 5, *names: str, **stated: Any) -> Dataset:
    """As a planning system sends it: another series of the study, each ROI with the mask of the
    target but the first, which is all of the body."""
    sources = images()
    volume = assemble_volume(sources)
    masks = {"BODY": np.ones(SHAPE, bool)} | {name: target() for name in names or ("PTV 60",)}
    made = structure_set(volume, sources, masks)
    made.SeriesInstanceUID, made.SeriesNumber = f"2.25.9{number}", number
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.99{number}")
    made.StructureSetDate, made.StructureSetTime = "20260304", f"1{number}0000"
    made.ApprovalStatus = "APPROVED"
    for keyword, value in stated.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def stated_card(**structures: Any) -> dict[str, Any]:
    wanted = structures or {"names": ["ptv  60"]}
    found = card(
        inputs={
            "ct": {"title": "CT", "accepts": {"Modality": "CT"}},
            "target": {"title": "Target", "structures": wanted},
        },
        reference="ct",
    )
    found["model"] = {**found["model"], "modality": "CT", "intensity": {"values": [0, 1]}}
    return {key: found[key] for key in ("inputs", "reference", "model")}


def added(storage: Storage, tmp_path: Path, **structures: Any) -> None:
    folder = model(tmp_path / "m", channel=1, channels=2, **stated_card(**structures))
    standing = add_model(
        storage.settings, storage.model_states, storage.shadow_runs, folder, "petra"
    ).standing
    assert standing.state == "active"


def sent(storage: Storage, *structures: Dataset) -> Any:
    for one in structures:
        receive(storage, [part10(one)])
    return decided(storage, images())


@pytest.mark.parametrize(
    "wanted", [{"names": ["ptv  60"]}, {"codes": [["12738006", "SCT"]]}, {}], ids=str
)
def test_the_mask_of_the_structures_is_given_on_the_grid_of_the_series(
    storage: Storage, tmp_path: Path, wanted: dict[str, Any]
) -> None:
    added(storage, tmp_path, **wanted)
    found = sent(storage, sets())
    job = done(storage, found[2])
    assert "Target: " in found[2].reason
    (note,) = [one for one in job.result["notes"] if "contours" in one]
    assert "of the structure set in series 5, APPROVED" in note
    assert {one["role"] for one in job.result["inputs"]} == {"ct", "target"}
    made = {one["kind"]: one["sop_instance_uid"] for one in job.result["instances"]}
    read = {
        kind: pydicom.dcmread(io.BytesIO(storage.instances.read(storage.index.instance(uid))))
        for kind, uid in made.items()
    }
    # By code all structures are meant, of which one is the body.
    expected = np.ones(SHAPE, bool) if "codes" in wanted else target()
    assert np.count_nonzero(read["SEG"].pixel_array) == expected.sum()
    evidence = read["SR"].CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert "2.25.95" in {one.SeriesInstanceUID for one in evidence}


def test_the_newest_set_counts_and_a_newer_one_gives_another_job(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path)
    found = sent(storage, sets(5), sets(6))
    assert "structure set in series 6" in found[2].reason
    receive(storage, [part10(sets(7))])
    again = decided(storage)
    assert "structure set in series 7" in again[2].reason
    assert again[2].job_id != found[2].job_id
    assert done(storage, again[2]).state == "COMPLETED"


def of_another_series(dataset: Dataset) -> None:
    (frame,) = dataset.ReferencedFrameOfReferenceSequence
    series = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    series.SeriesInstanceUID = "2.25.1"


def test_what_no_set_has_is_named_with_what_it_has(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path, names=["Prostate"])
    elsewhere = sets(6)
    of_another_series(elsewhere)
    reason = sent(storage, sets(5), elsewhere)[2].reason
    assert "No structure set has Target." in reason
    assert "series 5: It has BODY, PTV 60." in reason
    assert "series 6: It was drawn on another series." in reason


def test_without_a_set_the_pipeline_waits_for_one(storage: Storage, tmp_path: Path) -> None:
    added(storage, tmp_path)
    reason = decided(storage, images())[2].reason
    assert reason == "There is no complete structure set for Target."
    receive(storage, [part10(sets())])
    assert decided(storage)[2].accepted


def open_contour(dataset: Dataset) -> None:
    dataset.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "OPEN_PLANAR"


def moved_contour(dataset: Dataset) -> None:
    contour = dataset.ROIContourSequence[1].ContourSequence[0]
    contour.ContourData = [float(one) + 1.4 for one in contour.ContourData]


def short_contour(dataset: Dataset) -> None:
    contour = dataset.ROIContourSequence[1].ContourSequence[0]
    contour.ContourData = list(contour.ContourData)[:-1]


def no_contours(dataset: Dataset) -> None:
    del dataset.ROIContourSequence[1].ContourSequence


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            open_contour,
            "The structure PTV 60 cannot be taken: It has a contour of type OPEN_PLANAR",
        ),
        (moved_contour, "lies across or between the slices"),
        (short_contour, "no triples of numbers"),
        (no_contours, "encloses no voxel of the series"),
    ],
)
def test_contours_that_cannot_be_filled_fail_the_job_with_a_sentence(
    storage: Storage, tmp_path: Path, change: Any, says: str
) -> None:
    from inference.worker.run import run_job

    added(storage, tmp_path)
    broken = sets()
    change(broken)
    job = run_job(storage, sent(storage, broken)[2].job_id or "", "worker")
    assert job is not None
    assert job.state == "CANCELED"
    assert says in job.reason


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"structures": {}}, "names names, codes, or both"),
        ({"structures": {"names": ["a"], "values": [1, 1]}}, "the same outside and inside"),
        ({"structures": {"names": ["a"]}, "accepts": {"Modality": "CT"}}, "neither accepts"),
        ({"structures": {"names": ["a"]}, "registration": "rigid"}, "neither accepts"),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    stated = stated_card()
    stated["inputs"]["target"] = changes
    with pytest.raises(InvalidRequest, match=says):
        described(model(tmp_path / "m", channel=1, channels=2, **stated))


def test_the_card_of_the_page_is_one(tmp_path: Path) -> None:
    found = re.search(r"^```json structures\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    assert found is not None
    stated = json.loads(found[1])
    assert described(model(tmp_path / "m", channel=1, channels=2, **stated)).card.inputs["target"]
