"""film-field: on request alone, and its numbers are those of the film in every result."""

import io
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.pipeline import ImageResult, PipelineContext
from inference.pipelines.single_images.film_field import FilmField, saturated_share
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule, schedule_pipeline
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.findings import Finding
from storage.settings import Settings
from tests.inference.films import film, part10
from tests.inference.orchestration import later, receive
from tests.inference.single_images.collimated import drawn
from tests.inference.single_images.support import objects

FILM = drawn(degrees=2.0)
PIXELS = np.clip(np.rint(FILM.values * 4000), 1, 4094).astype(np.uint16)
NAME = "film-field"


def analysed(dataset: Dataset) -> ImageResult:
    (result,) = FilmField().run(PipelineContext(Settings(), images=(dataset,))).images
    return result


def corners_of(finding: Finding) -> NDArray[np.float64]:
    assert finding.image is not None
    assert finding.image.points[0] == finding.image.points[-1]
    return np.array(finding.image.points[:-1])


def test_it_runs_on_request_alone_and_every_result_has_its_numbers(
    storage: Storage,
) -> None:
    dataset = film("field", pixels=PIXELS)
    receive(storage, [part10(dataset)])
    (refused,) = [one for one in complete_and_schedule(storage, later(10)) if one.pipeline == NAME]
    assert not refused.accepted
    assert "runs on request" in refused.reason
    (explained,) = [
        one
        for one in explain_study(
            storage.settings,
            storage.index,
            storage.instances,
            storage.worklist,
            storage.model_states,
            results_in(storage),
            str(dataset.StudyInstanceUID),
        )
        if one.pipeline == NAME
    ]
    assert explained.accepts.accepted
    assert not explained.would_run

    (series,) = storage.index.series_of(str(dataset.StudyInstanceUID))
    asked = schedule_pipeline(storage, series, FilmField())
    assert asked.accepted, asked.reason
    job = run_job(storage, asked.job_id or "", "worker")
    assert job is not None
    assert (job.state, job.reason) == ("COMPLETED", "")
    assert "no diagnosis" in " ".join(job.result["notes"])
    kinds = [one["kind"] for one in job.result["instances"]]
    assert kinds == ["SR", "GSPS", "SC"]

    saturated, exposed = storage.findings.of_job(job.job_id)
    if exposed.label.startswith("Saturated"):
        saturated, exposed = exposed, saturated
    assert exposed.value == pytest.approx(100 * FILM.share, abs=1.0)
    assert exposed.confidence is None
    assert saturated.value == 0.0
    found = corners_of(exposed)
    for corner in FILM.corners:
        assert np.hypot(*(found - corner).T).min() < 2.0

    (report,) = objects(storage, job, "SR")
    content = hd.sr.srread(io.BytesIO(part10(report))).content
    (region,) = content.get_planar_roi_measurement_groups()
    assert region.roi is not None
    np.testing.assert_allclose(region.roi.value[:-1], found, atol=1e-3)
    (share,) = region.get_measurements()
    assert share.value == pytest.approx(exposed.value)
    (state,) = objects(storage, job, "GSPS")
    assert state.ContentLabel == "BOXES"
    (capture,) = objects(storage, job, "SC")
    for one in (report, state, capture):
        assert one.SeriesDescription.endswith("research use only")
        written = str(one)
        assert "Artificial" not in written
        assert "by AI" not in written
        assert "AI result" not in written
    assert "no diagnosis" in report.to_json()


def test_a_rule_of_the_site_turns_it_on(storage: Storage) -> None:
    (storage.settings.data_dir / "rules.yaml").write_text(
        "rules:\n  - name: fields of films\n    pipeline: film-field\n"
    )
    receive(storage, [part10(film("ruled", pixels=PIXELS))])
    accepted = [one.pipeline for one in complete_and_schedule(storage, later(10)) if one.accepted]
    assert accepted == [NAME]


@pytest.mark.parametrize(
    ("pixels", "attributes"),
    [
        (4095 - PIXELS, {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": None}),
        (
            4095 - PIXELS,
            {"PresentationIntentType": "FOR PROCESSING", "PixelIntensityRelationshipSign": 1},
        ),
        (
            np.where(FILM.inside, PIXELS, 4095).astype(np.uint16),
            {"PixelPaddingValue": 4095, "BurnedInAnnotation": "NO"},
        ),
        (
            PIXELS,
            {
                "ShutterShape": "RECTANGULAR",
                "ShutterLeftVerticalEdge": 1,
                "ShutterRightVerticalEdge": 60,
                "ShutterUpperHorizontalEdge": 1,
                "ShutterLowerHorizontalEdge": 90,
            },
        ),
    ],
    ids=["MONOCHROME1", "for processing", "padding", "shutter"],
)
def test_the_field_is_where_it_is_however_it_is_written(
    pixels: NDArray[np.uint16], attributes: dict[str, Any]
) -> None:
    (box,) = analysed(film("written", pixels=pixels, **attributes)).boxes
    for corner in FILM.corners:
        assert np.hypot(*(np.array(box.corners) - corner).T).min() < 2.0
    assert box.measurement is not None
    assert box.measurement.value == pytest.approx(100 * FILM.share, abs=1.0)


def test_pixels_that_are_not_square_are_measured_in_millimetres() -> None:
    low = drawn(rows=120, aspect=2.0, degrees=5.0)
    pixels = np.clip(low.values * 4000, 1, 4094).astype(np.uint16)
    dataset = film("low", pixels=pixels, ImagerPixelSpacing=[0.4, 0.2])
    result = analysed(dataset)
    for corner in low.corners:
        assert np.hypot(*(np.array(result.boxes[0].corners) - corner).T).min() < 1.0


@pytest.mark.parametrize(
    ("values", "attributes", "share"),
    [
        ([0, 0, 5, 6, 7, 4095, 900, 8], {"BitsStored": 12}, 3 / 8),
        ([*range(1, 90), *[90] * 11], {"BitsStored": 12}, 0.11),
        ([*range(1, 101)], {"BitsStored": 12}, 0.0),
        ([-2048, 3, 4, 5], {"BitsStored": 12, "PixelRepresentation": 1}, 0.25),
        ([0, 1 << 22, 7, 8], {"BitsStored": 32}, 0.25),
        ([], {"BitsStored": 12}, 0.0),
    ],
    ids=["both ends", "clipped before", "none", "signed", "32 bits", "no pixels"],
)
def test_saturated_pixels_are_those_at_which_grey_values_end(
    values: list[int], attributes: dict[str, Any], share: float
) -> None:
    stored = np.array(values, np.int32)
    assert saturated_share(stored, film("ends", **attributes)) == pytest.approx(share)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Modality": "MG"}, "CR and DX are taken"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "grey ones are taken"),
        ({"NumberOfFrames": 2}, "has 2 frames"),
        ({"Rows": None}, "not an image"),
    ],
    ids=str,
)
def test_what_is_no_single_grey_film_is_left(attributes: dict[str, Any], reason: str) -> None:
    stated = FilmField().takes(film("other", **attributes))
    assert not stated.accepted
    assert reason in stated.reason


def test_it_proves_itself() -> None:
    assert FilmField().prove().answer["exposed share of the phantom"] == pytest.approx(
        110 * 80 / (160 * 120), abs=0.005
    )
