"""What of lungs cannot be right is marked, and what a reader must know of it goes with it."""

import numpy as np
import pytest

from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.chest.hounsfield import why_scale_is_off
from inference.pipelines.chest.lung_density import LungDensity
from inference.volume_preparation.coverage import run_with_coverage
from storage.settings import Settings
from tests.inference.chest import SHAPE, SPACING_MM, Chest, Mask, chest, volume_of

_NOISE = np.random.default_rng(24)


def mm() -> tuple[Mask, Mask, Mask]:
    k, j, i = np.indices(SHAPE)
    return -170.0 + 2.0 * i, -165.0 + 2.2 * j, 3.0 * k - 114.0


def output_of(body: Chest) -> PipelineOutput:
    return run_with_coverage(LungDensity(), PipelineContext(Settings(), volume_of(body)))


def states_of(output: PipelineOutput) -> dict[str, str]:
    return {one.label: one.validity.state for one in output.measurements if one.validity}


def caveats_of(output: PipelineOutput) -> set[str]:
    (kinds,) = {
        tuple(caveat.kind for caveat in one.validity.caveats)
        for one in output.measurements
        if one.validity
    }
    return set(kinds)


def reasons_of(output: PipelineOutput) -> str:
    return " ".join(one.validity.reason for one in output.measurements if one.validity)


def test_a_chest_in_order_has_neither_doubts_nor_caveats() -> None:
    output = output_of(chest())
    assert set(states_of(output).values()) == {"complete"}
    assert caveats_of(output) == set()


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_left_of_the_other_lung_makes_a_lung_implausible(side: str) -> None:
    """An effusion fills all of a lung but a piece that touches the other one in front."""
    body = chest(touching=True)
    x, _, _ = mm()
    lung, sign = (body.left, 1) if side == "left" else (body.right, -1)
    body.hu[lung & (sign * x > 22.0)] = 12.0
    other = "right" if side == "left" else "left"
    output = output_of(body)
    assert [one.label for one in output.segments] == [f"{other.title()} lung"]
    assert set(states_of(output).values()) == {"implausible"}
    assert f"lies on the patient's {side}, beyond the middle" in reasons_of(output)
    assert caveats_of(output) == {"side_not_certain", f"no_{side}_lung"}


def test_lung_of_undetermined_side_is_compared_with_nothing() -> None:
    body = chest()
    x, y, z = mm()
    body.hu[body.left & (((x - 60) / 40) ** 2 + (y / 60) ** 2 + (z / 70) ** 2 > 1)] = 40.0
    body.hu[(np.abs(x) < 45) & (np.abs(y + 20) < 45) & (np.abs(z) < 60)] = -850.0
    output = output_of(body)
    assert [one.label for one in output.segments] == ["Lung of undetermined side"]
    assert set(states_of(output).values()) == {"implausible"}


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_lung_that_is_not_found_is_said_beside_every_value(side: str) -> None:
    body = chest()
    body.hu[body.left if side == "left" else body.right] = 12.0
    output = output_of(body)
    assert set(states_of(output).values()) == {"complete"}
    assert caveats_of(output) == {f"no_{side}_lung"}
    assert any(f"No {side} lung was found" in note for note in output.notes)


def with_pneumothorax(side: str, in_front_of_mm: float) -> Chest:
    body = chest()
    _, y, _ = mm()
    free = (body.left if side == "left" else body.right) & (y < in_front_of_mm)
    body.hu[free] = -1000.0 + _NOISE.normal(0, 8, int(free.sum()))
    return body


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_lung_with_free_air_is_implausible_and_the_other_one_is_not(side: str) -> None:
    output = output_of(with_pneumothorax(side, -25.0))
    states = states_of(output)
    other = "Right" if side == "left" else "Left"
    assert {states[label] for label in states if label.startswith(other)} == {"complete"}
    assert {states[label] for label in states if not label.startswith(other)} == {"implausible"}
    assert "free air (pneumothorax)" in reasons_of(output)
    assert caveats_of(output) == {"free_air"}


def test_a_bulla_of_fifty_ml_counts_with_a_caveat() -> None:
    body = chest()
    away = (np.indices(SHAPE).T - np.argwhere(body.left).mean(axis=0)) * SPACING_MM
    bulla = (np.linalg.norm(away, axis=-1).T < 24.0) & body.left
    body.hu[bulla & (body.hu < -800)] = -1000.0
    output = output_of(body)
    assert set(states_of(output).values()) == {"complete"}
    assert caveats_of(output) == {"free_air"}


def test_severe_emphysema_is_measured() -> None:
    """A quarter of both lungs below -950 HU, everywhere in them."""
    body = chest()
    lung = (body.left | body.right) & (body.hu < -800)
    body.hu[lung] = -920.0 + _NOISE.normal(0, 45, int(lung.sum()))
    output = output_of(body)
    assert set(states_of(output).values()) == {"complete"}
    assert caveats_of(output) == set()
    values = {one.label: one.value for one in output.measurements}
    assert values["Both lungs LAA-950"] == pytest.approx(25.2, abs=3)


@pytest.mark.parametrize("off_hu", [60, -60])
def test_a_hounsfield_scale_that_is_off_makes_all_implausible(off_hu: int) -> None:
    body = chest()
    body.hu[:] += off_hu
    output = output_of(body)
    assert set(states_of(output).values()) == {"implausible"}
    assert "the Hounsfield scale of the images is off" in reasons_of(output)
    assert "hounsfield_scale" in caveats_of(output)


def test_noise_that_the_scanner_clips_is_no_doubt() -> None:
    body = chest()
    noisy = np.maximum(body.hu + _NOISE.normal(0, 80, SHAPE), -1024.0).astype(np.float32)
    assert why_scale_is_off(noisy, np.zeros(SHAPE, bool), None, SPACING_MM) == ""


@pytest.mark.parametrize("off_hu", [20, -20])
def test_a_scale_within_what_scanners_differ_by_is_no_doubt(off_hu: int) -> None:
    body = chest()
    body.hu[:] += off_hu
    assert set(states_of(output_of(body)).values()) == {"complete"}


def test_metal_beside_a_lung_is_said_and_metal_in_an_arm_is_not() -> None:
    body = chest()
    body.hu[40:44, 70:74, 100:104] = 3071.0
    assert caveats_of(output_of(body)) == {"streaks"}
    body = chest()
    body.hu[40:44, 5:9, 5:9] = 3071.0
    assert caveats_of(output_of(body)) == set()
