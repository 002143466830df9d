"""Heat maps lie where the parts lie that were hidden, and say how far probabilities fall."""

from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.imaging.heat_pixels import on_pixels
from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from inference.single_images.card import Preprocessing
from inference.single_images.heat import placed_heat
from inference.single_images.preprocessing import prepare
from storage.container import Storage
from storage.core.findings import Finding
from tests import builders
from tests.inference.films import bright_classifier, film, ultrasound
from tests.inference.orchestration import storage_in
from tests.inference.results_support import complaints, save
from tests.inference.single_images.awkward import (
    SHUTTER,
    TURNED,
    UPRIGHT,
    WIDE,
    awkward_film,
    heat_by_hand,
)
from tests.inference.single_images.heat_maps.heated import oblique_slice
from tests.inference.single_images.support import analysed, done, heat_of, objects


@pytest.mark.parametrize(
    ("image", "attributes"),
    [
        ({"resize": {"size": (60, 80)}}, {}),
        ({}, {"PatientOrientation": ["R", "H"]}),
        ({"resize": {"size": (90, 90), "fit": "pad"}}, WIDE),
        ({"resize": {"size": (90, 90), "fit": "crop"}}, WIDE),
        (UPRIGHT, {"PatientOrientation": ["F", "L"], **WIDE}),
        (UPRIGHT, {"PatientOrientation": ["H", "R"]}),
        (UPRIGHT, {"PatientOrientation": ["F", "R"]}),
        (UPRIGHT, {"PatientOrientation": ["R", "F"]}),
        ({**UPRIGHT, "crop": "covered"}, {"PatientOrientation": ["H", "L"], **SHUTTER, **WIDE}),
        ({"resize": {"size": (64, 96)}, "crop": "covered"}, {**SHUTTER, "PixelSpacing": [1, 1]}),
    ],
    ids=str,
)
def test_each_part_lies_where_the_model_was_shown_it(
    image: dict[str, Any], attributes: dict[str, Any]
) -> None:
    """Films whose pixels are their own column, or row: the model's grid then shows from where each
    of its pixels comes."""
    rows, columns = np.mgrid[:240, :320] + 0.5
    given = {}
    for name, places in (("column", columns), ("row", rows)):
        pixels = np.rint(places * 8).astype(np.uint16)
        card = Preprocessing.model_validate({"channels": 1, "grey": {"values": (0, 4000)}, **image})
        given[name] = prepare(film("places", pixels=pixels, **attributes), 0, card)
    column, row = (given[name].seen[..., 0] * 500 for name in ("column", "row"))
    height, width = column.shape
    # Parts that do not divide the grid evenly, each with a number of its own.
    row_edges, column_edges = ([0, *range(7, size - 5, 13), size] for size in (height, width))
    numbers = np.arange((len(row_edges) - 1) * (len(column_edges) - 1), dtype=np.float32)
    values = numbers.reshape(len(row_edges) - 1, -1)
    placement = given["row"].placement
    heat = placed_heat(placement, values, row_edges, column_edges, "occlusion")
    placed = on_pixels(heat, 240, 320)

    top, left, bottom, right = placement.window
    checked = 0
    for y in range(top + 1, bottom - 1):
        for x in range(left + 1, right - 1):
            at = int(row[y, x]), int(column[y, x])
            alone = [
                not any(abs(one - place - 0.5) < 1.5 for one in edges)
                for edges, place in ((row_edges, y), (column_edges, x))
            ]
            if not all(alone) or not column[y, x]:
                continue
            part = np.searchsorted(row_edges, y, "right"), np.searchsorted(column_edges, x, "right")
            assert placed[at] == values[part[0] - 1, part[1] - 1]
            checked += 1
    assert checked > 2000
    # And nothing where the model saw nothing.
    shown = np.zeros(placed.shape, bool)
    first_row, first_column, height, width = placement.crop
    shown[first_row : first_row + height, first_column : first_column + width] = True
    assert np.isnan(placed[~shown]).all()
    if image.get("resize", {}).get("fit") != "crop":
        assert np.isfinite(placed[shown]).all()


def test_a_turned_shuttered_film_gets_the_heat_that_is_computed_in_its_own_pixels(
    storage: Storage, tmp_path: Path
) -> None:
    folder = bright_classifier(tmp_path / "m", image=TURNED, heat_map={"grid": 4})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    dataset, grey = awkward_film("awkward")
    job = done(storage, dataset)
    found = {one.label: one for one in storage.findings.of_job(job.job_id)}
    (result,) = analysed(storage, dataset)

    first, expected = heat_by_hand(grey)
    np.testing.assert_allclose(heat_of(result), expected, atol=2e-4)
    assert expected.max() > 0.02

    bright = found["Bright part"]
    assert bright.confidence == pytest.approx(first, abs=1e-3)
    assert bright.heat_map is not None
    assert (bright.heat_map.method, bright.heat_map.frame_number) == ("occlusion", None)
    np.testing.assert_allclose(on_pixels(bright.heat_map, 240, 320), heat_of(result))
    assert found["Dark"].heat_map is None
    # A film has no Frame of Reference, which a Parametric Map would have to name.
    assert [one["kind"] for one in job.result["instances"]] == ["SR", "SC"]


def test_of_a_cine_it_is_of_the_frame_that_decided(storage: Storage, tmp_path: Path) -> None:
    folder = bright_classifier(tmp_path / "m", heat_map={"grid": 2}, frames={"combine": "mean"})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    frames = np.full((4, 48, 64), 20, np.uint8)
    frames[2] = 0
    frames[2, :24, 32:] = 250
    job = done(storage, ultrasound("cine-heat", frames))
    bright = by_label(storage.findings.of_job(job.job_id))["Bright part"]
    assert bright.image is not None
    assert bright.image.frame_number is None
    assert bright.heat_map is not None
    assert bright.heat_map.frame_number == 3
    heat = on_pixels(bright.heat_map, 48, 64)
    assert (heat[:24, 32:] > 0.1).all()
    # What is black is hidden without effect, but for the line that resizing blurs.
    assert np.abs(heat[:, :32]).max() < 0.002


def by_label(findings: list[Finding]) -> dict[str, Finding]:
    return {one.label: one for one in findings}


def test_an_image_with_a_place_in_the_patient_gets_a_parametric_map(
    storage: Storage, tmp_path: Path
) -> None:
    """An oblique slice with pixels that are not square: valid, and its numbers at its places."""
    folder = bright_classifier(tmp_path / "m", heat_map={"grid": 4}, modalities=["CT"])
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    dataset = oblique_slice("slice")
    job = done(storage, dataset)
    (result,) = analysed(storage, dataset)
    (made,) = objects(storage, job, "PM")
    assert complaints(save(made, tmp_path / "map.dcm")) == []
    space = hd.imread(tmp_path / "map.dcm").get_volume(apply_real_world_transform=True)
    np.testing.assert_allclose(space.array[0], heat_of(result), atol=1e-6)
    # Row 100, column 200 by PS3.3 C.7.6.2.1-1.
    expected = np.array([-12.5, 30.25, 88.0])
    expected += 200 * 0.6 * np.array([0.8, 0.6, 0.0]) + 100 * 0.9 * np.array([-0.36, 0.48, 0.8])
    np.testing.assert_allclose((space.affine @ (0, 100, 200, 1))[:3], expected, atol=1e-6)
    assert "AI, research use only" in made.SeriesDescription
    (mapping,) = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == (
        "PROBABILITYFALL"
    )
    assert mapping.LUTExplanation == "Bright part"


@pytest.mark.parametrize("is_cine", [False, True])
def test_a_pacs_that_takes_presentation_states_gets_the_outline_where_the_heat_is(
    tmp_path: Path, *, is_cine: bool
) -> None:
    """Every pixel inside counts for half of the most or more, and none outside."""
    with storage_in(tmp_path / "node", result_kinds="GSPS") as storage:
        image = {"channels": 1, "resize": {"size": [60, 80]}} if is_cine else TURNED
        folder = bright_classifier(
            tmp_path / "m", image=image, heat_map={"grid": 5}, frames={"combine": "mean"}
        )
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        dataset, _ = awkward_film("outlined")
        if is_cine:
            frames = np.full((3, 48, 64), 60, np.uint8)
            frames[1, 4:20, 30:60] = 255
            dataset = ultrasound("outlined", frames)
        job = done(storage, dataset)
        (result,) = analysed(storage, dataset)
        (state,) = objects(storage, job, "GSPS")
    assert complaints(save(state, tmp_path / "state.dcm")) == []
    assert state.ContentLabel == "AI_HEAT_MAP"
    annotation = state.GraphicAnnotationSequence[0]
    (reference,) = annotation.ReferencedImageSequence
    assert reference.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    assert reference.get("ReferencedFrameNumber") == (2 if is_cine else None)
    said = annotation.TextObjectSequence[0].UnformattedTextValue
    assert "Heat map of Bright part" in said
    assert "Not where a disease is." in said
    # At the middle of each pixel.
    row, column = np.mgrid[: dataset.Rows, : dataset.Columns] + 0.5
    outlined = np.zeros(row.shape, bool)
    for graphic in annotation.GraphicObjectSequence:
        corners = np.array(graphic.GraphicData).reshape(-1, 2)
        assert len(np.unique(corners, axis=0)) == 4
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        outlined |= (left < column) & (column < right) & (top < row) & (row < bottom)
    heat = heat_of(result)
    np.testing.assert_array_equal(outlined, heat >= 0.5 * np.nanmax(heat))
    assert 0 < outlined.sum() < outlined.size


@pytest.mark.parametrize("shares_plane", [True, False])
def test_the_frame_of_an_enhanced_image_that_decided_gets_a_parametric_map(
    storage: Storage, tmp_path: Path, *, shares_plane: bool
) -> None:
    """Measures and orientation stated once of all frames, or of each."""
    folder = bright_classifier(
        tmp_path / "m", heat_map={"grid": 2}, modalities=["MR"], frames={"combine": "mean"}
    )
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    voxels = np.full((5, 48, 64), 300, np.int16)
    voxels[3, :24, 32:] = 4000
    slices = builders.series(
        voxels, seed=3, spacing_mm=(3.0, 0.9, 0.7), directions=builders.rotation(12, -7, 20)
    )
    dataset = builders.enhanced_mr(slices, [4, 0, 3, 1, 2])
    dataset.WindowCenter, dataset.WindowWidth = 2000, 4000
    if not shares_plane:
        (shared,) = dataset.SharedFunctionalGroupsSequence
        for groups in dataset.PerFrameFunctionalGroupsSequence:
            groups.PixelMeasuresSequence = shared.PixelMeasuresSequence
            groups.PlaneOrientationSequence = shared.PlaneOrientationSequence
        dataset.SharedFunctionalGroupsSequence = [Dataset()]
    job = done(storage, dataset)
    (result,) = analysed(storage, dataset)
    (made,) = objects(storage, job, "PM")
    assert complaints(save(made, tmp_path / "map.dcm")) == []
    (groups,) = made.PerFrameFunctionalGroupsSequence
    (source,) = groups.DerivationImageSequence[0].SourceImageSequence
    assert source.ReferencedSOPInstanceUID == dataset.SOPInstanceUID
    assert source.ReferencedFrameNumber == 3
    space = hd.imread(tmp_path / "map.dcm").get_volume(apply_real_world_transform=True)
    np.testing.assert_allclose(space.array[0], heat_of(result), atol=1e-6)
    affine = assemble_volume(slices).lps_from_kji
    for row, column in ((0, 0), (47, 63)):
        place = (space.affine @ (0, row, column, 1))[:3]
        np.testing.assert_allclose(place, (affine @ (3, row, column, 1))[:3], atol=1e-4)
    (report,) = objects(storage, job, "SR")
    named = [one for one in report.iterall() if one.keyword == "ReferencedSOPInstanceUID"]
    assert made.SOPInstanceUID in {one.value for one in named}
    assert not any("becomes no Parametric Map" in one for one in job.result["notes"])
