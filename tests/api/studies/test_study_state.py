"""One sentence for people, whatever mixture of series, jobs and deliveries there is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from api.studies.progress import refusals as by_pipeline
from api.studies.state import derive_state
from inference.delays.main_reason import telling
from inference.pipelines.brain.t1_head import judge_t1_head
from inference.rules.judge import ON_REQUEST
from storage.core.entities import Decision, Delivery, Job, Series
from tests import builders

NOW = datetime(2026, 1, 2, 10, tzinfo=UTC)

SERIES = Series(
    series_instance_uid="1.2",
    study_instance_uid="1",
    modality="MR",
    series_number=1,
    series_description="",
    body_part_examined="",
    protocol_name="",
    frame_of_reference_uid="",
    manufacturer="",
    state="COMPLETE",
    origin="received",
    fingerprint="f",
    first_instance_at=NOW,
    last_instance_at=NOW,
    completed_at=NOW,
    instance_count=7,
    size_bytes=1,
)
JOB = Job(
    job_id="j",
    pipeline="brain-volume",
    pipeline_version="1",
    study_instance_uid="1",
    series_instance_uid="1.2",
    input_fingerprint="f",
    input_object_key="",
    state="SCHEDULED",
    stage="",
    progress=0.0,
    reason="",
    priority=0,
    attempts=0,
    lease_owner="",
    lease_expires_at=None,
    created_at=NOW,
    started_at=None,
    finished_at=None,
    updated_at=NOW,
)
REFUSED = Decision("1", "1.2", "brain-volume", "1", "f", False, "Only 4 slices.", None, NOW)
DELIVERY = Delivery("d", "pacs", "1", "1.9", "1.9.1", "j", "PENDING", 0, NOW, "", NOW, NOW)
DONE = replace(JOB, state="COMPLETED", progress=1.0)
FAILED = replace(JOB, state="CANCELED", ending="failed", reason="Slices 3 and 4 overlap.")
RECEIVING = replace(SERIES, state="RECEIVING")


@pytest.mark.parametrize(
    ("series", "decisions", "jobs", "deliveries", "state", "text"),
    [
        ([RECEIVING], [], [], [], "RECEIVING", "Receiving: 7 instances so far."),
        ([SERIES], [], [], [], "COMPLETE", "Everything has arrived."),
        ([SERIES], [], [JOB], [], "QUEUED", "brain-volume waits for a worker."),
        (
            [SERIES],
            [],
            [replace(JOB, state="IN PROGRESS", progress=0.426)],
            [],
            "RUNNING",
            "brain-volume is running: 43%.",
        ),
        ([SERIES], [], [DONE], [], "RESULTS", "brain-volume finished."),
        ([SERIES], [], [DONE], [DELIVERY], "RESULTS", "The results are on their way to pacs."),
        (
            [SERIES],
            [],
            [DONE],
            [replace(DELIVERY, last_error="Nobody listens at PACS@10.0.0.5:104.")],
            "RESULTS",
            "The results wait for pacs, which could not take them yet:"
            " Nobody listens at PACS@10.0.0.5:104.",
        ),
        (
            [SERIES],
            [],
            [DONE],
            [replace(DELIVERY, state="SENT")],
            "RESULTS",
            "The results were sent to pacs, whose proof of holding them is awaited.",
        ),
        (
            [SERIES],
            [],
            [DONE],
            [replace(DELIVERY, state="CONFIRMED")],
            "DELIVERED",
            "The results are confirmed by pacs.",
        ),
        (
            [SERIES],
            [],
            [FAILED],
            [],
            "FAILED",
            "brain-volume failed: Slices 3 and 4 overlap.",
        ),
        ([SERIES], [REFUSED], [], [], "REFUSED", "No analysis fits: Only 4 slices."),
    ],
)
def test_a_state_and_its_sentence(
    series: list[Series],
    decisions: list[Decision],
    jobs: list[Job],
    deliveries: list[Delivery],
    state: str,
    text: str,
) -> None:
    derived = derive_state(series, decisions, jobs, deliveries)
    assert (derived.state, derived.text) == (state, text)


def test_our_own_results_arriving_do_not_make_a_study_receive_again() -> None:
    ours = replace(SERIES, series_instance_uid="1.9", state="RECEIVING", origin="generated")
    assert derive_state([SERIES, ours], [], [DONE], []).state == "RESULTS"


def test_a_late_instance_makes_the_older_job_history() -> None:
    later = replace(DONE, job_id="k", created_at=NOW + timedelta(hours=1))
    assert derive_state([SERIES], [], [later, FAILED], []).text == "brain-volume finished."


def test_one_pipeline_may_fail_beside_another() -> None:
    other = replace(FAILED, job_id="k", pipeline="brain-structures")
    derived = derive_state([SERIES], [], [DONE, other], [])
    assert derived.state == "RESULTS"
    assert derived.text == (
        "brain-volume finished. brain-structures failed: Slices 3 and 4 overlap."
    )


def test_the_reason_is_that_of_the_images_and_not_of_a_mask_among_them() -> None:
    images = replace(SERIES, series_instance_uid="1.3", series_number=4, instance_count=192)
    mask = replace(SERIES, series_instance_uid="1.2", modality="SEG", instance_count=1)
    scout = replace(SERIES, series_instance_uid="1.4", series_number=1, instance_count=3)
    refusals = [
        replace(REFUSED, reason="Modality is SEG; only MR is taken."),
        replace(REFUSED, series_instance_uid="1.3", reason="Modality is MR; only CT is taken."),
        replace(REFUSED, series_instance_uid="1.3", reason="Acquisition is 2D; only 3D is taken."),
        replace(REFUSED, series_instance_uid="1.3", reason="Nothing says that it is T1-weighted."),
        replace(REFUSED, series_instance_uid="1.4", reason="The series has 3 slices."),
    ]
    derived = derive_state([mask, scout, images], refusals, [], [])
    assert derived.text == (
        "No analysis fits series 4 (MR, 192 instances): Acquisition is 2D; only 3D is taken."
        " 1 more reason with the series."
    )
    # Beside each pipeline, too, though the mask was decided on last.
    late = replace(refusals[0], decided_at=NOW + timedelta(hours=1))
    assert [
        one.reason for one in by_pipeline([mask, scout, images], [*refusals[1:], late], [])
    ] == ["Nothing says that it is T1-weighted."]
    # Nothing but a mask: its own reason.
    assert derive_state([mask], refusals[:1], [], []).text == (
        "No analysis fits: Modality is SEG; only MR is taken."
    )


def test_the_reason_is_that_of_the_series_that_was_nearly_taken() -> None:
    """A T1 with a gap, beside a larger T2, a CT and a localizer that is stacked askew."""
    sizes = {"1.2": ("MR", 191), "1.3": ("MR", 192), "1.4": ("CT", 400), "1.5": ("MR", 9)}
    series = [
        replace(
            SERIES, series_instance_uid=uid, modality=kind, series_number=n, instance_count=size
        )
        for n, (uid, (kind, size)) in enumerate(sizes.items(), start=1)
    ]
    gap = "Slices 14 and 15 are 2.0 mm apart; the rest are 1.0 mm. Ask for a resend."
    refusals = [
        replace(REFUSED, series_instance_uid=uid, pipeline=pipeline, reason=reason)
        for uid, pipeline, reason in (
            ("1.4", "lung-density", "BodyPartExamined is ABDOMEN; only the chest is taken."),
            ("1.4", "brain-volume", "Modality is CT; only MR is taken."),
            ("1.5", "brain-volume", "The slices are not parallel. Ask for a resend."),
            ("1.3", "brain-volume", "EchoTime is 90 ms; T1-weighted 3D has 15 ms at most."),
            ("1.2", "brain-volume", gap),
            ("1.2", "lung-density", "Modality is MR; only CT is taken."),
            ("1.5", "lung-density", "Modality is MR; only CT is taken."),
        )
    ]
    for order in (refusals, refusals[::-1]):
        derived = derive_state(series, order, [], [])
        assert derived.text == f"No analysis fits series 1 (MR, 191 instances): {gap}"
        assert [(one.pipeline, one.series_number) for one in by_pipeline(series, order, [])] == [
            ("brain-volume", 1), ("lung-density", 3)
        ]  # fmt: skip
    assert by_pipeline(series, refusals, [])[0].reason == gap
    # A film that no model takes, and a pipeline that nobody has asked for.
    film = replace(SERIES, modality="DX", instance_count=1)
    refused = [
        replace(REFUSED, pipeline="film-field", reason=ON_REQUEST),
        replace(REFUSED, pipeline="model-x", reason="The model x 1 failed its self-test."),
    ]
    assert derive_state([film], refused, [], []).text == (
        "No analysis fits: The model x 1 failed its self-test. 1 more reason with the series."
    )


@pytest.mark.parametrize(
    ("changes", "nearness"),
    [
        ({"Modality": "CT"}, 0),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, 0),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, 1),
        ({"SeriesDescription": "localizer"}, 1),
        ({"MRAcquisitionType": "2D"}, 1),
        ({"EchoTime": 90}, 1),
        ({"RepetitionTime": 9000}, 1),
        ({"SeriesDescription": "T2 FLAIR"}, 1),
        ({"SeriesDescription": "x", "ScanningSequence": "SE"}, 1),
        ({"BodyPartExamined": "KNEE"}, 1),
        ({"SeriesDescription": "T1 MPRAGE"}, 1),  # of seven slices alone
        ({"ImagePositionPatient": None, "SeriesDescription": "T1 MPRAGE"}, 2),
    ],
)
def test_reasons_are_known_by_how_the_pipelines_word_them(
    changes: dict[str, object], nearness: int
) -> None:
    slices = 80 if "ImagePositionPatient" in changes else 7
    headers = builders.series(np.zeros((slices, 8, 8), np.int16), modality="MR")
    for header in headers:
        for keyword, value in changes.items():
            setattr(header, keyword, value)
        if changes.get("ImagePositionPatient", "") is None:
            del header.ImagePositionPatient
    judged = judge_t1_head(headers)
    assert not judged.accepted
    found = telling(replace(REFUSED, reason=judged.reason), {SERIES.series_instance_uid: SERIES})
    assert found[0] == nearness, judged.reason


def test_results_that_await_release_are_said_to_and_withheld_ones_are_done_with() -> None:
    waits = replace(DELIVERY, state="AWAITING_RELEASE")
    held = replace(DELIVERY, state="CONFIRMED", destination="research")
    withheld = replace(DELIVERY, state="WITHHELD")
    found = derive_state([SERIES], [], [DONE], [waits, held])
    assert (found.state, found.text) == (
        "RESULTS",
        "The results await release to pacs by a person.",
    )
    assert derive_state([SERIES], [], [DONE], [withheld, held]).state == "DELIVERED"
    nothing = derive_state([SERIES], [], [DONE], [withheld])
    assert (nothing.state, nothing.text) == ("RESULTS", "A person has withheld the results.")
