"""What other pipelines found, in a container: the mask as DICOM or NIfTI, findings as JSON.

What podman does of it is tried by `make containers`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.containers.card import ContainerCard
from inference.containers.container_run import ContainerRun, Ended
from inference.model_registry.adding import add_model
from inference.models.cards.card_file import Card
from inference.scheduling.new_results import look_for_results_again
from inference.scheduling.schedule import complete_and_schedule
from inference.withdrawals.late_instances import withdraw_outdated
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, Job
from tests.inference.containers.test_image_sets import added
from tests.inference.containers.test_single_images import CARD, bright, node
from tests.inference.films import SQUARE, bright_detector, film, part10
from tests.inference.input_selection.chained import (
    COARSE,
    LUNG,
    LUNGS,
    add_lungs,
    chest,
    decided,
    done,
    nodules_card,
    volume_cm3,
)
from tests.inference.orchestration import later, receive
from tests.inference.single_images.support import objects
from tests.inference.small import study_uid

__all__ = ["node"]
PAGE = Path("docs/pipelines/chains.md")
NODULES, SECOND = "model-nodules", "model-second-reading"


def block(label: str) -> dict[str, Any]:
    (found,) = re.findall(rf"```json {label}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    stated: dict[str, Any] = json.loads(found)
    return stated


class Container:
    """Stands for the container: `reading` looks at its input folder, and answers a number."""

    def __init__(self, reading: Callable[[Path], float]) -> None:
        self.reading = reading
        self.files: list[str] = []

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        given = run.input[0]
        self.files = sorted(str(one.relative_to(given)) for one in given.rglob("*.*"))
        number = {"label": "Seen", "value": self.reading(given), "unit": "1"}
        (run.output[0] / "results.json").write_text(json.dumps({"measurements": [number]}))
        check()
        return Ended(0, is_out_of_memory=False)


def series_card(form: str, **result: Any) -> dict[str, Any]:
    card = nodules_card({"result_of": {"pipeline": LUNGS, **result}})
    del card["model"]
    run = {"version": "1.0", "command": ["/app/run"], "input_format": form}
    of = {"image": "localhost/nodules:1", "name": "Nodules", "modality": "CT", "run": run}
    return {**card, "container": of}


def seen(node: Storage, job: Job) -> float:
    (found,) = [one for one in node.findings.of_job(job.job_id) if one.label == "Seen"]
    return float(found.value or 0)


def test_the_segmentation_and_its_numbers_are_given_as_they_are_stored(
    node: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stated: dict[str, Any] = {}

    def reading(given: Path) -> float:
        stated.update(json.loads((given / "lungs.json").read_text()))
        mask = pydicom.dcmread(given / "lungs/00001.dcm")
        return float(np.count_nonzero(mask.pixel_array))

    container = Container(reading)
    add_lungs(node, tmp_path / "lungs")
    added(node, monkeypatch, container, series_card("dicom"))
    # The card takes 20 slices at least.
    oblique = chest(shape=(24, 54, 58), grid={**COARSE, "spacing_mm": (3.0, 1.6, 1.6)})
    assert "Waits for Lungs" in decided(node, oblique, pipeline=NODULES).reason
    lungs = done(node, decided(node, pipeline=LUNGS))
    job = done(node, decided(node, pipeline=NODULES))
    images = [f"ct/{number:05d}.dcm" for number in range(1, len(oblique) + 1)]
    assert container.files == [*images, "lungs.json", "lungs/00001.dcm"]
    (stored,) = objects(node, lungs, "SEG")
    assert seen(node, job) == np.count_nonzero(stored.pixel_array) > 1000
    assert (stated["pipeline"], stated["version"]) == (LUNGS, "1.0")
    assert [(one["number"], one["code"][:2]) for one in stated["segments"]] == [(1, LUNG[:2])]
    (volume,) = [one for one in stated["measurements"] if one["unit"] == "cm3"]
    assert volume["value"] == pytest.approx(volume_cm3(node, lungs))
    assert volume["segment"] == 1
    (report,) = objects(node, job, "SR")
    texts = [str(one.value) for one in report.iterall() if one.keyword == "TextValue"]
    assert f"result_lungs={LUNGS} 1.0" in texts
    assert not any("not given" in one for one in job.result["notes"])


def test_as_nifti_the_mask_lies_on_the_grid_of_the_reference(
    node: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def reading(given: Path) -> float:
        ct, mask = (nibabel.load(given / f"{one}.nii.gz") for one in ("ct", "lungs"))
        assert np.allclose(ct.affine, mask.affine)
        assert json.loads((given / "lungs.json").read_text())["pipeline"] == LUNGS
        return float(np.count_nonzero(mask.get_fdata()))

    add_lungs(node, tmp_path / "lungs")
    container = Container(reading)
    added(node, monkeypatch, container, series_card("nifti"))
    decided(node, chest(), pipeline=NODULES)
    lungs = done(node, decided(node, pipeline=LUNGS))
    job = done(node, decided(node, pipeline=NODULES))
    assert container.files == ["ct.nii.gz", "lungs.json", "lungs.nii.gz"]
    (stored,) = objects(node, lungs, "SEG")
    assert seen(node, job) == np.count_nonzero(stored.pixel_array)


def asked(node: Storage, *images: Dataset, name: str = SECOND) -> Decision:
    receive(node, [part10(one) for one in images])
    withdraw_outdated(node, utcnow())
    complete_and_schedule(node, later(10))
    look_for_results_again(node, later(10))
    found = node.acceptance_decisions.of_study(study_uid("film"))
    return next(one for one in found if one.pipeline == name)


def ran(node: Storage, decision: Decision) -> Job:
    assert decision.accepted, decision.reason
    job = run_job(node, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def test_boxes_and_numbers_of_images_are_given_by_the_roles_of_the_images(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated: list[dict[str, Any]] = []

    def reading(given: Path) -> float:
        stated.append(json.loads((given / "boxes.json").read_text()))
        image = pydicom.dcmread(given / "film/00001.dcm")
        left, top, right, bottom = map(round, stated[-1]["images"]["film"]["boxes"][0]["box"])
        inside = bright(image)[top:bottom, left:right]
        return float(inside.mean())

    container = Container(reading)
    folder = bright_detector(node.settings.data_dir / "detector")
    add_model(node.settings, node.model_states, node.shadow_runs, folder, "petra")
    card = block("findings")
    assert ContainerCard.model_validate(card).inputs["boxes"].result_of is not None
    added(node, monkeypatch, container, card)
    waiting = asked(node, film("film", 1))
    assert waiting.reason == (
        "Waits for Boxes of the detector: model-bright-part on series 3 has not ended yet."
    )
    first = ran(node, asked(node, name="model-bright-part"))
    job = ran(node, asked(node))
    assert container.files == ["boxes.json", "film/00001.dcm"]
    assert seen(node, job) > 0.9
    assert stated[0]["pipeline"] == "model-bright-part"
    (box,) = stated[0]["images"]["film"]["boxes"]
    top, bottom, left, right = SQUARE
    assert box["box"] == pytest.approx([left, top, right, bottom], abs=4)
    assert box["code"][:2] == ["52988006", "SCT"]
    assert stated[0]["images"]["film"]["measurements"][0]["label"] == "Boxes found"
    assert "Given as JSON: Boxes of the detector by model-bright-part 1.0." in job.result["notes"]
    (taken,) = [one for one in job.result["inputs"] if one["role"] == "boxes"]
    assert taken["result"]["job_id"] == first.job_id
    (report,) = objects(node, job, "SR")
    (of_first,) = objects(node, first, "SR")
    named = {
        str(one.ReferencedSOPInstanceUID)
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert of_first.SOPInstanceUID in named
    # Another image makes the detector look again, and what rests on it goes with its result.
    late = film("film", 2)
    assert "Waits for" in asked(node, late).reason
    assert node.jobs.get(job.job_id).status == "SUPERSEDED"
    ran(node, asked(node, name="model-bright-part"))
    second = ran(node, asked(node))
    assert second.job_id != job.job_id
    # The role is filled by the last image; what was found on the other is not given, and named.
    assert (
        "Given as JSON: Boxes of the detector by model-bright-part 1.0. Left out: Boxes found,"
        " Bright part 1."
    ) in second.result["notes"]


IMAGES = {"film": {"accepts": {"view": "PA"}}}
MASK = {"result_of": {"pipeline": "model-dark-lungs"}}
FINDINGS = {"result_of": {"pipeline": "model-dark-lungs", "form": "findings"}}


@pytest.mark.parametrize(
    ("form", "card", "says"),
    [
        (Card, {"inputs": {**IMAGES, "found": FINDINGS}}, "which such a model is not given"),
        (
            ContainerCard,
            {"inputs": {**IMAGES, "found": MASK}, "container": CARD["container"]},
            "inputs.found is a mask, which lies on a series",
        ),
        (
            Card,
            {"inputs": {**IMAGES, "found": {"result_of": {"form": "findings"}}}},
            "names a pipeline and no segments",
        ),
    ],
)
def test_a_result_that_does_not_fit_its_card_is_refused(
    form: type[Card], card: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        form.model_validate({**card, "reference": "film"})
