"""Models of films: added from a folder, run on what was received, stated as DICOM."""

import io
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.catalogue import pipeline_named
from inference.models.registry.adding import add_model
from inference.models.registry.status import ModelHeld
from inference.models.registry.transitions import shadow
from inference.pipeline import (
    Acceptance,
    ImageResult,
    Measurement,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
)
from inference.planar.card import Grey
from inference.planar.frame import read_frame
from inference.refusals import ModelUnusable
from inference.reports.evidence import gather
from inference.reports.findings_text import findings_sentences
from inference.reports.locale import load_locale
from inference.scheduling.rules.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.entities import Code, Decision, Finding, Job
from storage.core.errors import InvalidRequest
from tests.inference.films import (
    SQUARE,
    bright_classifier,
    bright_detector,
    bright_segmenter,
    film,
    image_card,
    part10,
    script,
    segformer,
    ultrasound,
    vit,
    write_card,
    yolos,
)
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.results_support import complaints, save
from tests.inference.small import study_uid

TOP, BOTTOM, LEFT, RIGHT = SQUARE
PIPELINE = "model-bright-part"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, result_kinds="SC") as storage:
        yield storage


def decided(storage: Storage, *datasets: Dataset, name: str = PIPELINE) -> Decision:
    receive(storage, [part10(one) for one in datasets])
    found = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
    return found[name]


def done(storage: Storage, *datasets: Dataset, name: str = PIPELINE) -> Job:
    decision = decided(storage, *datasets, name=name)
    assert decision.accepted, decision.reason
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    return job


def objects(storage: Storage, job: Job, kind: str) -> list[Dataset]:
    return [
        pydicom.dcmread(
            io.BytesIO(storage.instances.read(storage.index.instance(one["sop_instance_uid"])))
        )
        for one in job.result["instances"]
        if one["kind"] == kind
    ]


def analysed(storage: Storage, *datasets: Dataset, name: str = PIPELINE) -> Sequence[ImageResult]:
    context = PipelineContext(storage.settings, images=datasets)
    return pipeline_named(storage.settings, name).run(context).images


def test_one_film_is_classified_with_the_probability_that_is_computed_by_hand(
    storage: Storage, tmp_path: Path
) -> None:
    folder = bright_classifier(tmp_path / "m", calibration="Platt scaling on 12 phantoms")
    added = add_model(storage, folder, "petra")
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
    assert bright.calibration == "Platt scaling on 12 phantoms"
    assert bright.image is not None
    assert bright.image.sop_instance_uid == dataset.SOPInstanceUID
    assert bright.image.points == ()
    assert [one["kind"] for one in job.result["instances"]] == ["SR", "SC"]


def test_its_report_names_the_image_and_nobody_has_verified_it(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(storage, bright_classifier(tmp_path / "m"), "petra")
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


def test_every_object_is_valid(storage: Storage, tmp_path: Path) -> None:
    """Boxes on three films of other shapes, polarity and pixels, as dciodvfy and another read."""
    add_model(storage, bright_detector(tmp_path / "d"), "petra")
    add_model(storage, bright_segmenter(tmp_path / "s", name="Bright area", version="2"), "petra")
    add_model(
        storage,
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


def box_of(finding: Finding) -> list[float]:
    """Left, top, right, bottom of a box that is parallel to rows and columns."""
    assert finding.image is not None
    assert finding.image.graphic_type == "POLYLINE"
    assert finding.image.points[0] == finding.image.points[-1]
    points = np.array(finding.image.points)
    assert len(np.unique(points, axis=0)) == 4
    return [*points.min(axis=0), *points.max(axis=0)]


GRID = {"channels": 1, "resize": {"size": [60, 80]}}
SQUARE_GRID = {"channels": 1, "resize": {"size": [80, 80], "fit": "pad"}}
UPRIGHT = {**SQUARE_GRID, "orientation": ["L", "F"]}


@pytest.mark.parametrize(
    ("image", "attributes"),
    [
        (GRID, {}),
        (SQUARE_GRID, {}),
        (UPRIGHT, {}),
        (UPRIGHT, {"PatientOrientation": ["R", "F"]}),
        (UPRIGHT, {"PatientOrientation": ["F", "L"]}),
        (UPRIGHT, {"PatientOrientation": ["H", "R"]}),
        (SQUARE_GRID, {"ImagerPixelSpacing": [0.4, 0.2]}),
        ({"channels": 1, "resize": {"shortest_edge": 60}}, {}),
        ({**GRID, "grey": {"percentiles": [1, 99]}}, {}),
        (
            {**GRID, "crop": "covered"},
            {
                "ShutterShape": "RECTANGULAR",
                "ShutterLeftVerticalEdge": 41,
                "ShutterRightVerticalEdge": 280,
                "ShutterUpperHorizontalEdge": 21,
                "ShutterLowerHorizontalEdge": 200,
            },
        ),
    ],
    ids=str,
)
def test_a_box_lies_where_the_bright_part_is(
    storage: Storage, tmp_path: Path, image: dict[str, Any], attributes: dict[str, Any]
) -> None:
    add_model(storage, bright_detector(tmp_path / "d", image=image), "petra")
    dataset = film("boxed", **attributes)
    job = done(storage, dataset)
    number, box = sorted(storage.findings.of_job(job.job_id), key=lambda one: one.label)[::-1][:2]
    if number.value is None:
        number, box = box, number
    assert (number.label, number.value) == ("Boxes found", 1.0)
    assert box.label == "Bright part 1"
    # The network's pixels are some 4 of the film; a half-bright one counts or does not.
    assert box_of(box) == pytest.approx([LEFT, TOP, RIGHT, BOTTOM], abs=4.5)
    (state,) = objects(storage, job, "GSPS")
    graphic = state.GraphicAnnotationSequence[0].GraphicObjectSequence[0]
    assert box.image is not None
    drawn = np.array(graphic.GraphicData).reshape(-1, 2)
    np.testing.assert_allclose(drawn, box.image.points, atol=1e-3)
    (report,) = objects(storage, job, "SR")
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    (group,) = content.get_planar_roi_measurement_groups()
    roi = group.roi
    assert roi is not None
    np.testing.assert_allclose(roi.value, box.image.points, atol=1e-3)


def test_a_box_is_exact_where_the_grid_meets_its_edges(storage: Storage, tmp_path: Path) -> None:
    """Turned, pixels half as wide as high, and reduced by four: every edge on a pixel's."""
    image = {**UPRIGHT, "resize": {"size": [160, 120], "fit": "pad"}}
    add_model(storage, bright_detector(tmp_path / "d", image=image), "petra")
    # As sent: rows lead down, columns to the left. A row's pixels are 0.2 mm apart, its rows 0.2.
    pixels = np.full((240, 320), 200, np.uint16)
    pixels[40:100, 80:200] = 4095
    dataset = film("exact", pixels=pixels, PatientOrientation=["F", "L"])
    (result,) = analysed(storage, dataset)
    (box,) = result.boxes
    points = np.array(box.corners)
    assert [*points.min(axis=0), *points.max(axis=0)] == pytest.approx([80, 40, 200, 100])


def test_a_mask_covers_the_bright_part_and_has_no_place_in_the_patient(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(storage, bright_segmenter(tmp_path / "s"), "petra")
    dataset = film("mask")
    job = done(storage, dataset)
    (segmentation,) = objects(storage, job, "SEG")
    assert "FrameOfReferenceUID" not in segmentation
    (mask,) = np.atleast_3d(segmentation.pixel_array)[None].reshape(-1, 240, 320)
    truth = dataset.pixel_array > 2000
    assert 2 * (mask.astype(bool) & truth).sum() / (mask.sum() + truth.sum()) > 0.97
    (group,) = segmentation.PerFrameFunctionalGroupsSequence
    source = group.DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    (finding,) = storage.findings.of_job(job.job_id)
    assert finding.value == pytest.approx(100 * mask.sum() / mask.size, abs=1e-3)
    assert finding.segmentation is not None
    assert finding.segmentation.sop_instance_uid == segmentation.SOPInstanceUID
    (report,) = objects(storage, job, "SR")
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    (roi,) = content.get_planar_roi_measurement_groups()
    assert roi.referenced_segmentation_frame.referenced_sop_instance_uid == (
        segmentation.SOPInstanceUID
    )
    assert segmentation.SegmentSequence[0].TrackingUID == finding.tracking_uid


def test_nothing_in_a_film_is_a_result_too(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, bright_detector(tmp_path / "d"), "petra")
    job = done(storage, film("dark", pixels=np.full((64, 64), 100, np.uint16)))
    (finding,) = storage.findings.of_job(job.job_id)
    assert (finding.label, finding.value) == ("Boxes found", 0.0)
    assert [one["kind"] for one in job.result["instances"]] == ["SR", "SC"]


def test_a_vit_sees_what_transformers_shows_it(storage: Storage, tmp_path: Path) -> None:
    """Its own processor, given the film as eight bits of grey, and its own model beside ours."""
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder = vit(tmp_path / "vit", labels_at_most=3)
    add_model(storage, folder, "petra")
    dataset = film("vit", pixels=np.random.default_rng(2).integers(0, 4096, (64, 64)).astype("u2"))
    (result,) = analysed(storage, dataset)
    eight_bits = np.rint((dataset.pixel_array - 2047.5) / 4095 * 255 + 127.5).clip(0, 255)
    picture = Image.fromarray(eight_bits.astype(np.uint8)).convert("RGB")
    inputs = AutoImageProcessor.from_pretrained(folder)(picture, return_tensors="pt")
    with torch.inference_mode():
        logits = AutoModelForImageClassification.from_pretrained(folder)(**inputs).logits[0]
    expected = dict(zip(("none", "effusion", "mass"), logits.softmax(0).tolist(), strict=True))
    ours = {one.label: one.confidence for one in result.classifications}
    assert ours == pytest.approx(expected, abs=0.01)
    assert max(ours.values()) - min(ours.values()) > 0.02


def test_a_yolos_gives_the_boxes_of_transformers(storage: Storage, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForObjectDetection

    folder = yolos(tmp_path / "yolos")
    card = json.loads((folder / "mediview.json").read_text())
    (folder / "mediview.json").write_text(json.dumps({**card, "score_at_least": 0.2}))
    add_model(storage, folder, "petra")
    pixels = np.random.default_rng(3).integers(0, 4096, (128, 192)).astype(np.uint16)
    (result,) = analysed(storage, film("yolos", pixels=pixels))
    assert result.boxes
    description = pipeline_named(storage.settings, PIPELINE)._model  # type: ignore[attr-defined]
    from inference.planar.preprocessing import normalized, prepare

    given = prepare(film("yolos", pixels=pixels), 0, description.preprocessing)
    tensor = torch.from_numpy(normalized(given.seen, description.preprocessing)[None])
    with torch.inference_mode():
        outputs = AutoModelForObjectDetection.from_pretrained(folder)(pixel_values=tensor)
    scores, labels = outputs.logits.softmax(-1)[0, :, :-1].max(-1)
    centre_x, centre_y, width, height = outputs.pred_boxes[0].unbind(-1)
    for box in result.boxes:
        index = int((scores - box.confidence).abs().argmin())
        assert box.label.startswith({0: "Nodule", 1: "Mass"}[int(labels[index])])
        half_x, half_y = float(width[index]) / 2, float(height[index]) / 2
        x, y = float(centre_x[index]), float(centre_y[index])
        expected = np.clip(
            [(x - half_x) * 192, (y - half_y) * 128, (x + half_x) * 192, (y + half_y) * 128],
            0,
            [192, 128, 192, 128],
        )
        points = np.array(box.corners)
        found = [*points.min(axis=0), *points.max(axis=0)]
        assert found == pytest.approx(expected.tolist(), abs=0.05)


def test_a_segformer_runs_to_valid_masks(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, segformer(tmp_path / "seg"), "petra")
    (result,) = analysed(storage, film("seg"))
    assert {one.label for one in result.segments} <= {"lesion", "skin"}
    shares = [one.value for one in result.measurements if one.label.endswith("the image")]
    assert all(0 < one <= 100 for one in shares)


def onnx_of(make: Callable[..., Path], folder: Path) -> Path:
    """The same network as ONNX, written by the exporter of torch."""
    import torch

    make(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = torch.jit.load(folder / "model.ts")
        torch.onnx.export(
            module, (torch.zeros(1, 1, 60, 80),), str(folder / "model.onnx"), dynamo=False,
            input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "batch"}},
        )  # fmt: skip
    (folder / "model.ts").unlink()
    return folder


def test_onnx_gives_what_torchscript_gives(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, bright_classifier(tmp_path / "ts", heat_map={"grid": 4}), "petra")
    dataset = film("same")
    (first,) = analysed(storage, dataset)
    with storage_in(tmp_path / "other") as other:
        onnx = onnx_of(
            lambda folder: bright_classifier(folder, heat_map={"grid": 4}), tmp_path / "onnx"
        )
        add_model(other, onnx, "petra")
        (second,) = analysed(other, dataset)
    for one, two in zip(first.classifications, second.classifications, strict=True):
        assert one.label == two.label
        assert one.confidence == pytest.approx(two.confidence, abs=1e-5)
    assert first.heat is not None
    assert second.heat is not None
    np.testing.assert_allclose(first.heat, second.heat, atol=1e-5)


def test_the_heat_map_is_how_far_the_probability_falls(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, bright_classifier(tmp_path / "m", heat_map={"grid": 4}), "petra")
    pixels = np.full((240, 320), 500, np.uint16)
    pixels[60:120, 80:160] = 4000  # the part in the second row and column of four by four
    (result,) = analysed(storage, film("heat", pixels=pixels))
    assert result.classifications[0].label == "Bright part"
    assert result.heat is not None
    hottest = np.unravel_index(result.heat.argmax(), result.heat.shape)
    assert 60 <= hottest[0] < 120
    assert 80 <= hottest[1] < 160
    grey = (pixels - 2047.5) / 4095 + 0.5
    without = grey.copy()
    without[60:120, 80:160] = 0
    first, second = (1 / (1 + np.exp(-(10 * one.mean() - 1))) for one in (grey, without))
    assert result.heat.max() == pytest.approx(first - second, rel=0.05)


@pytest.mark.parametrize(("combine", "expected"), [("mean", None), ("max", 3)])
def test_a_cine_is_taken_frame_by_frame(
    storage: Storage, tmp_path: Path, combine: str, expected: int | None
) -> None:
    add_model(storage, bright_classifier(tmp_path / "m", frames={"combine": combine}), "petra")
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


def test_boxes_of_a_cine_name_their_frames(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, bright_detector(tmp_path / "d", frames={}), "petra")
    frames = np.zeros((3, 60, 80), np.uint8)
    frames[1, 20:30, 40:60] = 255
    frames[2, 30:40, 10:20] = 255
    frames[0, 0, 0] = 255
    dataset = ultrasound("cine-boxes", frames)
    job = done(storage, dataset)
    places = {
        one.image.frame_number: box_of(one)
        for one in storage.findings.of_job(job.job_id)
        if one.image is not None and one.image.points
    }
    assert places[2] == pytest.approx([40, 20, 60, 30])
    assert places[3] == pytest.approx([10, 30, 20, 40])
    (state,) = objects(storage, job, "GSPS")
    named = [
        one.ReferencedImageSequence[0].ReferencedFrameNumber
        for one in state.GraphicAnnotationSequence
        if "GraphicObjectSequence" in one
    ]
    assert sorted(named) == [1, 2, 3]
    assert complaints(save(state, tmp_path / "x.dcm")) == []


def test_why_an_image_is_not_taken(storage: Storage, tmp_path: Path) -> None:
    folder = bright_classifier(
        tmp_path / "m", modalities=["DX"], image={**GRID, "orientation": ["L", "F"]}
    )
    card = json.loads((folder / "mediview.json").read_text())
    view = {"ViewCodeSequence.CodeValue": "399348003"}
    card["accepts"] = {"any": [{"ViewPosition": ["PA", "AP"]}, view]}
    (folder / "mediview.json").write_text(json.dumps(card))
    add_model(storage, folder, "petra")
    frames = np.zeros((5, 30, 40), np.uint8)
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = (
        "399348003",
        "SCT",
        "antero-posterior",
    )
    for dataset, says in (
        (film("modality", Modality="US"), "Modality is US; DX is taken."),
        (film("lateral", ViewPosition="LL"), "ViewPosition PA or AP"),
        (film("sideways", PatientOrientation=["A", "F"]), "which is another plane"),
        (film("unknown", PatientOrientation=None), "does not state its Patient Orientation"),
        (ultrasound("many", frames, Modality="DX"), "5 frames; the model's card takes single"),
    ):
        decision = decided(storage, dataset)
        assert not decision.accepted
        assert says in decision.reason
    assert decided(storage, film("coded", ViewPosition="", ViewCodeSequence=[code])).accepted
    mixed = decided(storage, film("mixed", 1), film("mixed", 2, ViewPosition="LL"))
    assert mixed.accepted
    assert mixed.reason.startswith("1 of 2 are taken")
    assert "ViewPosition PA or AP" in mixed.reason
    (explained,) = [
        one for one in explain_study(storage, study_uid("mixed")) if one.pipeline == PIPELINE
    ]
    assert explained.would_run
    job = run_job(storage, mixed.job_id or "", "worker")
    assert job is not None
    images = {
        one.image.sop_instance_uid for one in storage.findings.of_job(job.job_id) if one.image
    }
    assert images == {film("mixed", 1).SOPInstanceUID}


def test_two_films_of_a_series_are_two_in_the_report_and_have_no_trend(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(storage, bright_detector(tmp_path / "d"), "petra")
    dark = np.full((240, 320), 100, np.uint16)
    job = done(storage, film("pair", 1), film("pair", 2, pixels=dark))
    counts = [one.value for one in storage.findings.of_job(job.job_id) if one.value is not None]
    assert sorted(counts) == [0.0, 1.0]
    evidence = gather(storage, study_uid("pair"))
    sentences = list(findings_sentences(evidence, load_locale("en")))
    named = {uid for sentence in sentences for uid in sentence.finding_ids}
    assert named == {one.finding_id for one in storage.findings.of_job(job.job_id)}
    assert not any(fact.is_comparable for fact in evidence.facts)


def test_a_series_of_more_images_than_the_card_allows_is_not_taken(
    storage: Storage, tmp_path: Path
) -> None:
    add_model(storage, bright_classifier(tmp_path / "m", images_at_most=2), "petra")
    decision = decided(storage, *(film("three", number) for number in (1, 2, 3)))
    assert not decision.accepted
    assert "3 images that the model takes; its card takes 2" in decision.reason


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"output": "image-captioning"}, "model.output"),
        ({"heat_map": {"grid": 1}}, "heat_map.grid"),
        ({"image": {"grey": {"values": [5, 1]}}}, "the lesser value first"),
        ({"image": {"orientation": ["L", "R"]}}, "at right angles"),
        ({"image": {"mean": [0.5]}}, "mean and std belong together"),
        ({"labels": {}}, "names no labels"),
        ({"version": "../x"}, "model.version"),
        ({"output": "image-segmentation", "frames": {}}, "leave frames out"),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    storage: Storage, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    folder = bright_classifier(tmp_path / "m")
    write_card(folder, image_card(**{"output": "image-classification", **change}))
    with pytest.raises(InvalidRequest, match=says):
        add_model(storage, folder, "petra")


def test_a_gate_and_a_shadow_are_refused_since_nothing_would_come_of_them(
    storage: Storage, tmp_path: Path
) -> None:
    folder = bright_classifier(tmp_path / "m")
    card = json.loads((folder / "mediview.json").read_text())
    gated = {**card, "gate": {"dice": {"at_least": 0.9}}}
    (folder / "mediview.json").write_text(json.dumps(gated))
    with pytest.raises(InvalidRequest, match="gate asks for an evaluation"):
        add_model(storage, folder, "petra")
    (folder / "mediview.json").write_text(json.dumps(card))
    standing = add_model(storage, folder, "petra").standing
    with pytest.raises(ModelHeld, match="shadow runs compare volumes of one series"):
        shadow(storage, standing, "petra")


class WidestFilm:
    """A pipeline of another package: it measures films itself, and chooses none."""

    name, version, title = "widest-film", "1", "Widest film"
    description, accepts_text = "How many columns a film has.", "Any film."
    input_kind = "dicom-image"
    card = ModelCard("ruler", "1", "Apache-2.0", "tests", "Research use only.", "A film.")

    def readiness(self) -> Readiness:
        return Readiness(True, "")

    def accepts(self, series: Any, instances: Any, headers: Any) -> Acceptance:
        return Acceptance(series.modality == "DX", "A series of films.")

    def run(self, context: PipelineContext) -> PipelineOutput:
        def measured(dataset: Dataset) -> ImageResult:
            frame = read_frame(dataset, 0, Grey())
            return ImageResult(
                str(dataset.SOPInstanceUID),
                (frame.values * 255).astype(np.uint8),
                measurements=(
                    Measurement(
                        "Columns", Code("columns", "99TEST", "Columns"), float(frame.shape[1]),
                        Code("{pixels}", "UCUM", "pixels"),
                    ),
                ),
            )  # fmt: skip

        return PipelineOutput(images=tuple(measured(one) for one in context.images))


def test_a_pipeline_of_another_package_measures_each_film(storage: Storage, tmp_path: Path) -> None:
    pipelines = (WidestFilm(),)
    wide = np.full((48, 100), 7, np.uint16)
    receive(storage, [part10(film("own", 1)), part10(film("own", 2, pixels=wide))])
    (decision,) = complete_and_schedule(storage, later(10), pipelines)
    job = run_job(storage, decision.job_id or "", "worker", pipelines=pipelines)
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    found = {one.image.sop_instance_uid: one for one in storage.findings.of_job(job.job_id)
             if one.image}  # fmt: skip
    assert found[film("own", 1).SOPInstanceUID].value == 320
    assert found[film("own", 2).SOPInstanceUID].value == 100
    assert len({one.tracking_uid for one in found.values()}) == 2
    (report,) = objects(storage, job, "SR")
    assert complaints(save(report, tmp_path / "x.dcm")) == []


def test_pickles_code_and_changed_weights_are_refused(storage: Storage, tmp_path: Path) -> None:
    import torch

    folder = vit(tmp_path / "vit")
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(InvalidRequest, match=r"pytorch_model\.bin: code or pickles"):
        add_model(storage, folder, "petra")
    (folder / "pytorch_model.bin").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "x.Y"}}))
    with pytest.raises(InvalidRequest, match="auto_map"):
        add_model(storage, folder, "petra")
    (folder / "config.json").write_text(json.dumps(config))
    add_model(storage, folder, "petra")
    installed = next(storage.settings.resolved_models_dir.glob("bright-part@*"))
    (installed / "model.safetensors").write_bytes(b"other")
    pipeline = pipeline_named(storage.settings, PIPELINE)
    assert not pipeline.readiness().ready
    with pytest.raises(ModelUnusable, match="has changed since it was added"):
        pipeline.run(PipelineContext(storage.settings, images=(film("changed"),)))


def test_weights_that_do_not_fill_the_network_are_refused(storage: Storage, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = vit(tmp_path / "vit")
    weights = load_file(folder / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelUnusable, match="lack 1 that its configuration asks for"):
        add_model(storage, folder, "petra")


def test_a_model_that_attends_to_nothing_is_refused(storage: Storage, tmp_path: Path) -> None:
    import torch

    class Always(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[0.0, 1.0]]).expand(x.shape[0], 2)

    folder = write_card(tmp_path / "m", image_card("image-classification"))
    script(folder, Always())
    with pytest.raises(ModelUnusable, match="answers a blank image like any other"):
        add_model(storage, folder, "petra")


def test_a_rerun_gives_the_same_objects(storage: Storage, tmp_path: Path) -> None:
    add_model(storage, bright_detector(tmp_path / "d"), "petra")
    datasets = film("again", 1), film("again", 2)
    job = done(storage, *datasets)
    first = [one["sop_instance_uid"] for one in job.result["instances"]]
    assert len(set(first)) == len(first)
    late = film("again", 3)
    second = done(storage, late)
    assert second.job_id != job.job_id
    assert len({one["sop_instance_uid"] for one in second.result["instances"]} & set(first)) == 0
