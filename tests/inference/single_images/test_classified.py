"""Films and cines are classified, with probabilities, reports and heat maps."""

import io
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.model_registry.adding import add_model
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from tests.inference.films import (
    bright_classifier,
    bright_detector,
    bright_segmenter,
    film,
    part10,
    ultrasound,
)
from tests.inference.orchestration import later, receive
from tests.inference.results_support import complaints, save
from tests.inference.single_images.support import analysed, done, heat_of, objects


def test_one_film_is_classified_with_the_probability_that_is_computed_by_hand(
    storage: Storage, tmp_path: Path
) -> None:
    folder = bright_classifier(tmp_path / "m", calibration=" Platt scaling on 12 phantoms. ")
    added = add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    assert added.standing.state == "active", added.steps
    dataset = film("one")
    job = done(storage, dataset)
    grey = (dataset.pixel_array - 2047.5) / 4095 + 0.5  # PS3.3 C.11.2.1.2.1
    probability = 1 / (1 + np.exp(-(10 * grey.mean() - 1)))
    by_label = {one.label: one for one in storage.findings.of_job(job.job_id)}
    bright = by_label["Bright part"]
    assert bright.confidence == pytest.approx(probability, abs=1e-4)
    assert by_label["Dark"].confidence == pytest.approx(1 - probability, abs=1e-4)
    assert (bright.code.value, bright.code.scheme_designator) == ("52988006", "SCT")
    assert bright.calibration == "Platt scaling on 12 phantoms."
    assert "Probabilities are calibrated: Platt scaling on 12 phantoms." in job.result["notes"]
    assert bright.image is not None
    assert bright.image.sop_instance_uid == dataset.SOPInstanceUID
    assert bright.image.points == ()
    assert [one["kind"] for one in job.result["instances"]] == ["SR", "SC"]


def test_its_report_names_the_image_and_nobody_has_verified_it(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_classifier(tmp_path / "m"),
        "petra",
    )
    dataset = film("report")
    job = done(storage, dataset)
    (report,) = objects(storage, job, "SR")
    assert (report.VerificationFlag, report.Modality) == ("UNVERIFIED", "SR")
    assert report.PatientName == dataset.PatientName
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    groups = content.get_image_measurement_groups()
    assert len(groups) == 2
    for group in groups:
        (source,) = group.source_images
        assert source.referenced_sop_instance_uid == dataset.SOPInstanceUID
    texts = [str(one.value) for one in report.iterall() if one.keyword == "TextValue"]
    assert any(one.startswith("model.ts sha256=") for one in texts)
    assert not any(one.startswith("calibration=") for one in texts)
    assert "is not stated" in " ".join(job.result["notes"])
    assert "RESEARCH USE ONLY" in str(report.SeriesDescription).upper()


@pytest.mark.slow
def test_every_object_is_valid(storage: Storage, tmp_path: Path) -> None:
    """Boxes on three films of other shapes, polarity and pixels, as dciodvfy and another read."""
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_detector(tmp_path / "d"),
        "petra",
    )
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_segmenter(tmp_path / "s", name="Bright area", version="2"),
        "petra",
    )
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_classifier(tmp_path / "c", name="Bright film", heat_map={"grid": 4}),
        "petra",
    )
    table = Dataset()
    table.LUTDescriptor, table.LUTExplanation = [4096, 0, 12], "straight"
    table.add_new("LUTData", "OW", np.arange(4096, dtype="<u2").tobytes())
    films = [
        film("valid", 1),
        film("valid", 2, ImagerPixelSpacing=[0.4, 0.2], PatientOrientation=None),
        film("valid", 3, VOILUTSequence=[table], WindowCenter=None, WindowWidth=None),
    ]
    receive(storage, [part10(one) for one in films])
    decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    for name in ("model-bright-part", "model-bright-area", "model-bright-film"):
        job = run_job(storage, decisions[name].job_id or "", "worker")
        assert job is not None
        assert (job.state, job.reason) == ("COMPLETED", "")
        kinds = [one["kind"] for one in job.result["instances"]]
        assert kinds.count("SR") == 1
        assert kinds.count("SC") == 3
        assert kinds.count("GSPS") == (3 if name == "model-bright-part" else 0)
        assert kinds.count("SEG") == (3 if name == "model-bright-area" else 0)
        for kind in sorted(set(kinds)):
            made_of = objects(storage, job, kind)
            # Captures differ in their pixels alone.
            for made in made_of[:1] if kind == "SC" else made_of:
                assert complaints(save(made, tmp_path / "x.dcm")) == [], kind
                if made.get("InstanceNumber") == 3 and kind == "GSPS":
                    (shown,) = made.SoftcopyVOILUTSequence[0].VOILUTSequence
                    assert shown.LUTDescriptor[2] == 16
                    values = np.frombuffer(shown.LUTData, "<u2")
                    assert (int(values[0]), int(values[-1])) == (0, 65535)


def test_the_heat_map_is_how_far_the_probability_falls(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_classifier(tmp_path / "m", heat_map={"grid": 4}),
        "petra",
    )
    pixels = np.full((240, 320), 500, np.uint16)
    pixels[60:120, 80:160] = 4000  # the part in the second row and column of four by four
    (result,) = analysed(storage, film("heat", pixels=pixels))
    assert result.classifications[0].label == "Bright part"
    hottest = np.unravel_index(heat_of(result).argmax(), heat_of(result).shape)
    assert 60 <= hottest[0] < 120
    assert 80 <= hottest[1] < 160
    grey = (pixels - 2047.5) / 4095 + 0.5
    without = grey.copy()
    without[60:120, 80:160] = 0
    first, second = (1 / (1 + np.exp(-(10 * one.mean() - 1))) for one in (grey, without))
    assert heat_of(result).max() == pytest.approx(first - second, rel=0.05)


@pytest.mark.parametrize(("combine", "expected"), [("mean", None), ("max", 3)])
def test_a_cine_is_taken_frame_by_frame(
    storage: Storage, tmp_path: Path, combine: str, expected: int | None
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        bright_classifier(tmp_path / "m", frames={"combine": combine}),
        "petra",
    )
    levels = np.array([0.0, 51.0, 204.0, 102.0])
    frames = np.broadcast_to(levels[:, None, None], (4, 48, 64)).astype(np.uint8)
    dataset = ultrasound("cine", frames)
    job = done(storage, dataset)
    bright = next(one for one in storage.findings.of_job(job.job_id) if one.label == "Bright part")
    each = 1 / (1 + np.exp(-(10 * levels / 255 - 1)))
    wanted = each.mean() if combine == "mean" else each.max()
    assert bright.confidence == pytest.approx(wanted, abs=1e-4)
    assert bright.image is not None
    assert bright.image.frame_number == expected
    (capture,) = objects(storage, job, "SC")
    assert capture.SourceImageSequence[0].ReferencedFrameNumber == 3
