"""Drift: what jobs saw and gave, by scanner, against the first of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.model_registry.adding import add_model
from inference.model_registry.drift import ALERT_STABILITY_INDEX, shifts_of, stability_index
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.events.repository import Events
from storage.model_registry.drift import Observation
from tests.inference.films import bright_classifier, bright_detector, film
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.scheduling import four_sequences
from tests.inference.single_images.support import PIPELINE, done
from tests.inference.small import BrightRegion

START = datetime(2026, 1, 1, tzinfo=UTC)


def observed(storage: Storage, values: list[float], scanner: str, offset: int = 0) -> None:
    for number, value in enumerate(values, start=offset):
        storage.drift.observe(
            Observation(
                f"{scanner}-{number}", "bright-region", "1.0.0", scanner, "2.25.1",
                {"output: Bright volume (cm3)": value}, START + timedelta(minutes=number),
            )
        )  # fmt: skip


def test_a_scanner_that_changes_alerts_once_and_the_other_does_not(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    with storage_in(tmp_path) as storage:
        observed(storage, list(random.normal(100, 10, 200)), "steady")
        observed(storage, list(random.normal(100, 10, 100)), "Phantom")
        observed(storage, list(random.normal(130, 10, 49)), "Phantom", 100)
        shifted = {one.scanner: one for one in shifts_of(storage.drift, "bright-region", "1.0.0")}
        assert not shifted["steady"].alerts
        assert shifted["Phantom"].alerts
        assert shifted["Phantom"].recent_median == pytest.approx(130, abs=5)
        # A job of that scanner raises the alert, a second one does not repeat it.
        for name in ("one", "two"):
            series = complete_series(storage, name)
            (decision,) = schedule_series(storage, series, [BrightRegion()])
            job = run_job(storage, decision.job_id or "", "w", pipelines=[BrightRegion()])
            assert job is not None
            assert job.state == "COMPLETED"
        (alert,) = storage.drift.alerts()
        assert (alert.scanner, alert.measure) == ("Phantom", "output: Bright volume (cm3)")
        events = [one for one in Events(storage.engine).since(0) if one.topic == "model"]
        assert [one.payload["change"] for one in events] == ["drift"]
        storage.drift.set_baseline("bright-region", "1.0.0", utcnow(), "petra")
        assert storage.drift.alerts() == []
        assert shifts_of(storage.drift, "bright-region", "1.0.0") == []


def test_a_job_tells_what_it_saw(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        (decision,) = schedule_series(storage, complete_series(storage, "s"), [BrightRegion()])
        run_job(storage, decision.job_id or "", "w", pipelines=[BrightRegion()])
        (one,) = storage.drift.observations("bright-region", "1.0.0")
        assert one.scanner == "Phantom"
        assert one.measured["input: slices"] == 8.0
        assert one.measured["input: slice spacing (mm)"] == 2.0
        assert one.measured["output: Bright volume (cm3)"] == pytest.approx(8 * 96 * 2 / 1000)
        # SEG and SR need no grey values, so that the voxels were gone once they were written.
        assert one.measured["input: 1. percentile of grey values"] == 100.0
        assert one.measured["input: 99. percentile of grey values"] > 100.0


def test_a_job_of_films_states_what_the_model_was_shown_and_what_it_answered(
    tmp_path: Path,
) -> None:
    with storage_in(tmp_path) as storage:
        model = bright_classifier(tmp_path / "m")
        add_model(storage.settings, storage.model_states, storage.shadow_runs, model, "petra")
        dark = film("a", 2, pixels=np.full((48, 64), 4, np.uint16), ImagerPixelSpacing=[0.4, 0.4])
        done(storage, film("a"), dark)
        (one,) = storage.drift.observations(PIPELINE, "1.0")
    assert one.scanner == "Phantom"
    seen = {name: value for name, value in one.measured.items() if name.startswith("input")}
    assert seen["input: images"] == 2.0
    assert (seen["input: rows"], seen["input: columns"]) == ((240 + 48) / 2, (320 + 64) / 2)
    assert seen["input: row spacing (mm)"] == pytest.approx(0.3)
    assert seen["input: 1. percentile of grey values as shown"] < 10
    # A bright film and a dark one; the bright part is a sixth of the film.
    answers = [one.measured[f"output: probability of {name}"] for name in ("Bright part", "Dark")]
    assert sum(answers) == pytest.approx(1.0, abs=1e-5)


def test_a_job_of_four_series_states_what_it_saw_of_each(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        model = four_sequences.model(tmp_path / "m")
        add_model(storage.settings, storage.model_states, storage.shadow_runs, model, "petra")
        found = four_sequences.decided(storage, *four_sequences.all_four())
        four_sequences.done(storage, found[2])
        (one,) = storage.drift.observations(four_sequences.PIPELINE, "1.0")
    assert one.measured["input: slice spacing (mm)"] == pytest.approx(1.6)
    assert one.measured["input flair: slice spacing (mm)"] == pytest.approx(1.7)
    assert one.measured["input flair: 99. percentile of grey values"] > 60
    assert not any(name.startswith("input t1c") for name in one.measured)


@pytest.mark.parametrize("finds", [True, False])
def test_a_detector_states_how_many_boxes_and_how_sure(tmp_path: Path, finds: bool) -> None:
    with storage_in(tmp_path) as storage:
        model = bright_detector(tmp_path / "m")
        add_model(storage.settings, storage.model_states, storage.shadow_runs, model, "petra")
        blank = np.tile(np.arange(320, dtype=np.uint16), (240, 1))
        done(storage, film("a") if finds else film("a", pixels=blank))
        (one,) = storage.drift.observations(PIPELINE, "1.0")
    assert one.measured["output: Boxes found (1)"] == float(finds)
    assert ("output: confidence of boxes" in one.measured) == finds


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100))
def test_the_index_of_one_population_is_small_and_of_another_large(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    before, same = random.normal(0, scale, (2, 2000))
    assert stability_index(before, before) == pytest.approx(0.0)
    assert 0 <= stability_index(before, same) < 0.1
    assert stability_index(before, same + 2 * scale) > ALERT_STABILITY_INDEX


def test_a_constant_that_changes_is_seen() -> None:
    before = np.full(100, 1.0)
    assert stability_index(before, before) == 0.0
    assert stability_index(before, np.full(50, 1.5)) > ALERT_STABILITY_INDEX
