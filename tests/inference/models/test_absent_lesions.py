"""Models that mark nothing in a series: a result where the card lets it be, else a failed job."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.bundles.installed import described
from inference.fhir.observation import observation
from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.pipeline import Segment
from inference.pipelines.segment_measurements import segmented
from inference.refusals import NothingFound
from inference.reports.evidence import gather
from inference.reports.findings_text import findings_sentences, impression_sentences
from inference.reports.locale import load_locale
from inference.results.narrative import shown_value
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.findings import Code
from storage.findings.search import Found
from tests import builders
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.plain_models import torchscript_model
from tests.inference.results_support import complaints, save
from tests.inference.small import changed, mr_series

LESION = {
    "label": "Metastasis",
    "code": ["94225005", "SCT", "Metastatic neoplasm"],
    "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
}
SPLEEN = {"label": "Spleen", "code": ["78961009", "SCT", "Spleen"]}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def ended_job(storage: Storage, folder: Path, brightest: int, *segments: dict[str, Any]) -> Job:
    """Of a model that marks what is brighter than half of `brightest`, as the first segment."""
    torchscript_model(folder, intensity={"values": [0, brightest]})
    card = json.loads((folder / "mediview.json").read_text())
    card["segments"] = {str(value): one for value, one in enumerate(segments, start=1)}
    card["model"]["labels"] = {
        str(value): one["label"] for value, one in enumerate(segments, start=1)
    }
    (folder / "mediview.json").write_text(json.dumps(card))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    receive(storage, mr_series("absent"))
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    job = run_job(storage, decisions["model-plain-spleen"].job_id or "", "worker")
    assert job is not None
    return job


def test_a_study_without_lesions_has_a_result_that_counts_none(
    storage: Storage, tmp_path: Path
) -> None:
    job = ended_job(storage, tmp_path / "m", 90_000, LESION)
    assert job.state == "COMPLETED", job.reason
    (finding,) = storage.findings.of_job(job.job_id)
    assert (finding.label, finding.value) == ("Metastasis found", 0.0)
    # As pictures, PDF and trials have it.
    assert shown_value(finding) == "nothing marked"
    assert any("not a statement that there is none" in one for one in job.result["notes"])
    evidence = gather(storage, job.study_instance_uid)
    for language, says in (
        ("en", "The software marked nothing (“Metastasis found”: 0), which does not state that"),
        ("de", "Die Software hat nichts markiert („Metastasis found“: 0); das sagt nicht, dass"),
    ):
        locale = load_locale(language)
        (sentence,) = findings_sentences(evidence, locale)
        assert sentence.text.startswith(says)
        # No model rewords it.
        assert (sentence.basis, sentence.result_ids) == ("node", (finding.finding_id,))
        assert list(impression_sentences(evidence, locale)) == []
    found = Found(finding, job.finished_at or utcnow(), is_withdrawn=False)
    stated = observation(found, storage.index.study(job.study_instance_uid), [])
    assert stated.note is not None
    assert "marked nothing, which does not state that there is none" in stated.note[0].text
    kinds = {one["kind"] for one in job.result["instances"]}
    assert "SR" in kinds
    assert "SEG" not in kinds
    for made in job.result["instances"]:
        dataset = storage.instances.dataset(storage.index.instance(made["sop_instance_uid"]))
        assert complaints(save(dataset, tmp_path / "x.dcm")) == []


def test_an_organ_that_is_not_there_is_a_failed_job(storage: Storage, tmp_path: Path) -> None:
    job = ended_job(storage, tmp_path / "m", 90_000, SPLEEN)
    assert (job.state, job.reason) == (
        "CANCELED",
        "Plain spleen found nothing in the series. Check that the series shows what the model"
        " looks for.",
    )


@pytest.mark.parametrize(
    ("segment", "state"),
    [
        ({**SPLEEN, "may_be_absent": True}, "COMPLETED"),
        ({**LESION, "may_be_absent": False}, "CANCELED"),
    ],
)
def test_the_card_decides_what_may_be_absent(
    storage: Storage, tmp_path: Path, segment: dict[str, Any], state: str
) -> None:
    assert ended_job(storage, tmp_path / "m", 90_000, segment).state == state


def half_imaged() -> Volume:
    """The right half of each slice is padding."""
    voxels = np.full((4, 20, 20), 40, np.int16)
    voxels[:, :, 10:] = -2000
    images = builders.series(voxels, modality="CT", PixelPaddingValue=-2000, intercept=0.0)
    return assemble_volume(images)


@pytest.mark.parametrize("overlapping", [False, True])
def test_a_segment_that_lies_only_where_nothing_was_imaged_is_not_there(
    tmp_path: Path, overlapping: bool
) -> None:
    folder = torchscript_model(tmp_path / "m")
    card = json.loads((folder / "mediview.json").read_text())
    card["segments"] = {"1": LESION, "2": SPLEEN}
    card["model"]["labels"] = {"1": "Metastasis", "2": "Spleen"}
    (folder / "mediview.json").write_text(json.dumps(card))
    model = described(folder)
    lesion, spleen = (
        Segment(one.label, Code(*one.category), Code(*one.code), (255, 0, 0))
        for one in map(model.segment, (1, 2))
    )
    masks = np.zeros((4, 20, 20), np.uint8)
    masks[1, 5:8, 12:15], masks[1:3, 5:8, 3:6] = 1, 2
    volume = half_imaged()
    stacked = np.stack([masks == 1, masks == 2], axis=-1) if overlapping else masks
    output = segmented(model, [lesion, spleen], stacked, volume)
    assert [one.label for one in output.segments] == ["Spleen"]
    np.testing.assert_array_equal(output.mask(0), masks == 2)
    assert {one.label: one.value > 0 for one in output.measurements} == {
        "Spleen volume": True,
        "Metastasis found": False,
    }
    # Nothing else is there: of a spleen that is no result.
    with pytest.raises(NothingFound):
        segmented(model, [spleen], np.where(masks == 1, 1, 0).astype(np.uint8), volume)


def test_a_lesion_that_is_absent_beside_an_organ_is_counted_none(
    storage: Storage, tmp_path: Path
) -> None:
    job = ended_job(storage, tmp_path / "m", 1_000, SPLEEN, LESION)
    assert job.state == "COMPLETED", job.reason
    found = {one.label: one.value for one in storage.findings.of_job(job.job_id)}
    assert found.keys() == {"Spleen volume", "Metastasis found"}
    assert found["Metastasis found"] == 0.0


def test_lesions_of_before_are_gone_where_nothing_is_marked_any_more(
    storage: Storage, tmp_path: Path
) -> None:
    before = ended_job(storage, tmp_path / "m", 1_000, LESION)
    (lesion,) = storage.lesions.of_jobs([before.job_id])
    dark = np.full((24, 32), 100, np.uint16)
    dark[::4, ::4] = 140
    receive(
        storage,
        [
            changed(one, PixelData=dark.tobytes(), StudyDate="20240601")
            for one in mr_series("later")
        ],
    )
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    job = run_job(storage, decisions["model-plain-spleen"].job_id or "", "worker")
    assert job is not None
    assert job.state == "COMPLETED", job.reason
    (match,) = storage.lesions.matches([job.study_instance_uid], [job.job_id])
    assert (match.relation, match.earlier_lesion_id) == ("gone", lesion.lesion_id)
