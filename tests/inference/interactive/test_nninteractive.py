"""Models of nnInteractive in sessions, beside what nnInteractive's own package makes of the same
points, boxes, scribbles and lassos. The networks are tiny and untrained: no real weights are
here."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference.imaging.directions import RAS_FROM_LPS
from inference.imaging.volume import Volume, assemble_volume
from inference.interactive.interaction_session import NninteractiveSession
from inference.interactive.models import click_models
from inference.model_registry.adding import add_model
from inference.models.devices import MemoryExhausted
from inference.nninteractive.description import NninteractiveDescription
from inference.refusals import ModelUnusable, VolumeRefused
from storage.core.errors import InvalidRequest
from storage.interactive.entities import Point, Shape
from tests import builders
from tests.inference.nninteractive_folder import nninteractive_folder
from tests.inference.orchestration import storage_in

SHAPE = (20, 30, 26)
_SEVERAL = {
    "inference_class": "nnInteractiveInferenceSession",
    "point_radius": 3,
    "preferred_scribble_thickness": [1, 3, 2],
    "interaction_decay": 0.9,
    "supported_interactions": {"bbox3d": True},
    "interaction_channels": 6,
    "channel_mapping": {"prev_seg": 0, "points": [-2, -1], "scribble": [3, 4]},
}


def volume_of(axes: str = "LPS") -> Volume:
    """Two bright boxes in noise, oblique, with voxels of three different edges."""
    voxels = np.random.default_rng(4).integers(0, 200, SHAPE)
    voxels[5:12, 6:16, 4:14] += 900
    voxels[6:14, 18:27, 12:22] += 500
    return assemble_volume(
        builders.series(
            voxels.astype(np.int16),
            spacing_mm=(2.0, 1.1, 0.9),
            directions=builders.rotation(0.3, -0.2, 0.15),
        )
    )


def added(tmp_path: Path, folder: Path) -> NninteractiveDescription:
    with storage_in(tmp_path / "node") as storage:
        made = add_model(
            storage.settings, storage.model_states, storage.shadow_runs, folder, "somebody"
        )
        assert made.standing.state == "active"
        (model,) = click_models(storage.settings)
    found = model.model
    assert isinstance(found, NninteractiveDescription)
    return found


def own_session(folder: Path, image: NDArray[np.float32]) -> Any:
    """nnInteractive's session, as its README opens one."""
    from nnInteractive.inference.inference_session import nnInteractiveInferenceSession

    with contextlib.redirect_stdout(io.StringIO()):
        session = nnInteractiveInferenceSession(
            device=torch.device("cpu"), use_torch_compile=False, torch_n_threads=1
        )
        session.initialize_from_trained_model_folder(str(folder))
        session.set_image(image[None])
        session.set_target_buffer(torch.zeros(image.shape, dtype=torch.uint8))
    return session


def lps(volume: Volume, *kji: float) -> tuple[float, float, float]:
    x, y, z = (volume.lps_from_kji @ (*kji, 1))[:3]
    return float(x), float(y), float(z)


def point(volume: Volume, *kji: float, inside: bool = True) -> Point:
    return {"lps_mm": lps(volume, *kji), "inside": inside}


def shape(volume: Volume, kind: Any, *places: tuple[float, ...], inside: bool = True) -> Shape:
    return {"kind": kind, "inside": inside, "lps_mm": [lps(volume, *one) for one in places]}


@pytest.mark.parametrize("info", [None, "nnInteractiveInferenceSession", _SEVERAL])
def test_each_mark_gives_the_mask_of_nninteractives_own_session(
    tmp_path: Path, info: dict[str, Any] | str | None
) -> None:
    folder = nninteractive_folder(tmp_path / "model", info=info)
    volume = volume_of()
    mine = NninteractiveSession(added(tmp_path, folder), volume, 1)
    theirs = own_session(folder, volume.voxels)
    seen = []

    def same(points: list[Point], shapes: list[Shape]) -> None:
        found = mine.segment(points, None, shapes)
        expected = np.asarray(theirs.target_buffer) > 0
        assert np.array_equal(found, expected)
        seen.append(found)

    with contextlib.redirect_stdout(io.StringIO()):
        points = [point(volume, 8, 10, 8)]
        theirs.add_point_interaction((8, 10, 8), include_interaction=True)
        same(points, [])
        points.append(point(volume, 8.2, 20.4, 15.6, inside=False))
        theirs.add_point_interaction((8, 20, 16), include_interaction=False)
        same(points, [])
        shapes = [shape(volume, "box", (9, 6, 4), (9, 15, 13))]
        theirs.add_bbox_interaction([[9, 10], [6, 16], [4, 14]], include_interaction=True)
        same(points, shapes)
        # A line of two voxels' width along row 11, as wide as the model wants it.
        shapes.append(shape(volume, "scribble", (10, 11, 6), (10, 11, 12)))
        line = np.zeros((20, 30, 26), np.uint8)
        line[10, 11, 6:13] = 1
        rows, columns = theirs.preferred_scribble_thickness[1:]
        line[10, 10:13, 6:13] = rows > 1
        line[10, 11, 5:14] |= np.uint8(columns > 1)
        theirs.add_scribble_interaction(line, include_interaction=True)
        same(points, shapes)
        shapes.append(
            shape(volume, "lasso", (7, 17.6, 11.6), (7, 17.6, 16.4), (7, 24.4, 16.4), inside=False)
        )
        triangle = np.zeros(SHAPE, np.uint8)
        for row in range(18, 25):
            start = 11.6 + (row - 17.6) * (16.4 - 11.6) / (24.4 - 17.6)
            triangle[7, row, int(np.ceil(start)) : 17] = 1
        theirs.add_lasso_interaction(triangle, include_interaction=False)
        same(points, shapes)
    counts = [int(one.sum()) for one in seen]
    assert 0 < min(counts) < max(counts) < np.prod(SHAPE)
    assert len({one.tobytes() for one in seen}) >= 3


def test_a_model_that_saw_turned_images_sees_the_series_turned(tmp_path: Path) -> None:
    folder = nninteractive_folder(tmp_path / "model", reader="NibabelIOWithReorient")
    volume = volume_of()
    mine = NninteractiveSession(added(tmp_path, folder), volume, 1)
    # As nibabel turns a file to RAS; z, y, x as nnU-Net reads it.
    ras_from_ijk = (RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]]
    turned = nib.as_closest_canonical(nib.Nifti1Image(volume.voxels.T, ras_from_ijk))
    theirs = own_session(folder, np.ascontiguousarray(turned.get_fdata(dtype=np.float32).T))
    place = np.linalg.solve(turned.affine, RAS_FROM_LPS @ (*lps(volume, 9, 22, 17), 1))[:3]
    assert not np.allclose(place[::-1], (9, 22, 17))
    with contextlib.redirect_stdout(io.StringIO()):
        theirs.add_point_interaction(tuple(place[::-1]), include_interaction=True)
    found = mine.segment([point(volume, 9, 22, 17)], None, [])
    # What lies where in the patient is the same, whichever way the voxels are counted.
    expected = places(np.asarray(theirs.target_buffer).T > 0, turned.affine)
    ours = places(found.T, ras_from_ijk)
    assert 0 < len(ours) < found.size
    assert ours == expected


def places(mask: NDArray[np.bool_], affine: NDArray[np.float64]) -> set[tuple[float, ...]]:
    return {tuple(np.round(affine @ (*one, 1), 3)) for one in np.argwhere(mask)}


def test_what_is_taken_back_leaves_the_mask_as_without_it(tmp_path: Path) -> None:
    folder = nninteractive_folder(tmp_path / "model", info=_SEVERAL)
    volume = volume_of()
    model = added(tmp_path, folder)
    session = NninteractiveSession(model, volume, 1)
    first, second, third = (point(volume, 8, 10 + 4 * one, 8 + 3 * one) for one in range(3))
    line = shape(volume, "scribble", (10, 8, 6), (10, 12, 12))
    alone = session.segment([first], None, [])
    more = session.segment([first, second], None, [line])
    assert not np.array_equal(alone, more)
    # The last one, and then one from the middle.
    assert np.array_equal(session.segment([first, second], None, []), fresh(model, [first, second]))
    session.segment([first, second, third], None, [])
    assert np.array_equal(session.segment([first, third], None, []), fresh(model, [first, third]))
    assert not session.segment([], None, []).any()
    assert np.array_equal(session.segment([first], None, []), alone)


def fresh(model: NninteractiveDescription, points: list[Point]) -> NDArray[np.bool_]:
    session = NninteractiveSession(model, volume_of(), 1)
    for count in range(1, len(points) + 1):
        found = session.segment(points[:count], None, [])
    return found


@pytest.mark.parametrize("reader", ["SimpleITKIO", "NibabelIOWithReorient"])
def test_an_initial_mask_is_corrected_as_by_nninteractives_own_session(
    tmp_path: Path, reader: str
) -> None:
    folder = nninteractive_folder(tmp_path / "model", info=_SEVERAL, reader=reader)
    volume = volume_of()
    model = added(tmp_path, folder)
    mine = NninteractiveSession(model, volume, 1)
    begun = np.zeros(SHAPE, np.bool_)
    begun[6:11, 6:16, 4:11] = True
    click = point(volume, 8, 10, 12)
    # By itself it is the mask; with a click it is corrected, however that came about.
    assert np.array_equal(mine.segment([], None, [], begun), begun)
    corrected = mine.segment([click], None, [], begun)
    alone = mine.segment([click], None, [])
    assert np.array_equal(mine.segment([click], None, [], begun), corrected)
    assert np.array_equal(mine.segment([], None, [], begun), begun)
    assert not np.array_equal(corrected, alone)
    ras_from_ijk = (RAS_FROM_LPS @ volume.lps_from_kji)[:, [2, 1, 0, 3]]
    images = [
        nib.Nifti1Image(one.astype(np.float32).T, ras_from_ijk) for one in (volume.voxels, begun)
    ]
    if reader != "SimpleITKIO":
        images = [nib.as_closest_canonical(one) for one in images]
    image, mask = (np.ascontiguousarray(one.get_fdata(dtype=np.float32).T) for one in images)
    theirs = own_session(folder, image)
    place = np.linalg.solve(images[0].affine, RAS_FROM_LPS @ (*click["lps_mm"], 1))[:3]
    with contextlib.redirect_stdout(io.StringIO()):
        theirs.add_initial_seg_interaction(mask.astype(np.uint8))
        theirs.add_point_interaction(tuple(place[::-1]), include_interaction=True)
    expected = places(np.asarray(theirs.target_buffer).T > 0, images[0].affine)
    assert places(corrected.T, ras_from_ijk) == expected


def test_a_checkpoint_that_takes_no_initial_mask_says_so(tmp_path: Path) -> None:
    info = {**_SEVERAL, "supports_initial_label": False}
    model = added(tmp_path, nninteractive_folder(tmp_path / "model", info=info))
    session = NninteractiveSession(model, volume_of(), 1)
    with pytest.raises(InvalidRequest, match="takes no initial mask"):
        session.segment([], None, [], np.ones(SHAPE, np.bool_))


def test_what_the_model_is_not_made_for_is_refused_in_a_sentence(tmp_path: Path) -> None:
    info = {**_SEVERAL, "supported_interactions": {"lasso": False}}
    folder = nninteractive_folder(tmp_path / "model", info=info)
    volume = volume_of()
    session = NninteractiveSession(added(tmp_path, folder), volume, 1)
    inside = point(volume, 8, 10, 8)
    before = session.segment([inside], None, [])
    for marked, words in (
        (shape(volume, "lasso", (7, 18, 12), (7, 18, 16), (7, 24, 16)), "takes no lasso"),
        (shape(volume, "box", (5, 6, 4), (9, 15, 13)), "boxes in one slice; this one spans 5"),
        (shape(volume, "box", (5, 6, 4)), "A box has two points"),
        (shape(volume, "scribble", (5, 6, 4), (9, 15, 13)), "lies in no slice"),
        (shape(volume, "scribble", (5, 6, 4), (5, 60, 13)), "outside of the series"),
    ):
        with pytest.raises(InvalidRequest, match=words):
            session.segment([inside], None, [marked])
    assert np.array_equal(session.segment([inside], None, []), before)
    flat = assemble_volume(builders.series(np.full(SHAPE, 7, np.int16)))
    with pytest.raises(VolumeRefused, match="same value everywhere"):
        NninteractiveSession(added(tmp_path / "b", folder), flat, 1)


def test_memory_that_runs_out_in_a_click_leads_to_a_session_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = nninteractive_folder(tmp_path / "model")
    volume = volume_of()
    session = NninteractiveSession(added(tmp_path, folder), volume, 1)
    first = point(volume, 8, 10, 8)
    alone = session.segment([first], None, [])
    network = type(session._session.network)
    forward = network.forward

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(network, "forward", full)
    with pytest.raises(MemoryExhausted, match=r"patches of \d+ × \d+ × \d+ voxels") as failure:
        session.segment([first, point(volume, 9, 22, 17)], None, [])
    assert not failure.value.smaller_tiles_help
    monkeypatch.setattr(network, "forward", forward)
    assert np.array_equal(session.segment([first], None, []), alone)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("trainer", "trained by MyTrainer"),
        ("code", "asks for .*code: nothing of it was executed"),
        ("channels", "has the shape"),
        ("capability", "supported_interactions"),
        ("version", "cannot be loaded"),
    ],
)
def test_a_folder_that_is_not_what_it_says_is_refused(
    tmp_path: Path, broken: str, words: str
) -> None:
    info = dict(_SEVERAL)
    if broken == "capability":
        taken = ("scribble", "lasso", "points", "bbox2d")
        info["supported_interactions"] = dict.fromkeys(taken, False)
    if broken == "version":
        info["inference_class_min_version"] = "99.0"
    interactions = 5 if broken == "channels" else 7
    folder = nninteractive_folder(tmp_path / "model", info=info, interactions=interactions)
    path = folder / "fold_0" / "checkpoint_final.pth"
    if broken in ("trainer", "code"):
        checkpoint = torch.load(path, weights_only=False)
        if broken == "trainer":
            checkpoint["trainer_name"] = "MyTrainer"
        else:
            checkpoint["logging"] = io.StringIO
        torch.save(checkpoint, path)
    with pytest.raises((InvalidRequest, ModelUnusable), match=words):
        added(tmp_path, folder)


def test_no_series_is_given_to_it_by_itself(tmp_path: Path) -> None:
    from inference.pipelines.catalogue import pipeline_named

    folder = nninteractive_folder(tmp_path / "model")
    with storage_in(tmp_path / "node") as storage:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "somebody")
        pipeline = pipeline_named(storage.settings, "click-tiny-clicks")
    assert pipeline.card.licence == "CC BY-NC-SA 4.0"
    judged = pipeline.accepts(None, (), ())  # type: ignore[arg-type]
    assert not judged.accepted
    assert "open a session" in judged.reason


def test_a_card_of_several_series_and_one_without_a_condition_are_refused(tmp_path: Path) -> None:
    folder = nninteractive_folder(tmp_path / "model")
    path = folder / "mediview.json"
    stated = json.loads(path.read_text())
    del stated["accepts"]
    path.write_text(json.dumps(stated))
    with pytest.raises(InvalidRequest, match="accepts is missing"):
        added(tmp_path, folder)


def test_the_page_states_a_card_that_is_read(tmp_path: Path) -> None:
    page = Path("docs/pipelines/interactive.md").read_text()
    (card,) = re.findall(r"```json card\n(.*?)```", page, re.S)
    folder = nninteractive_folder(tmp_path / "model", **json.loads(card))
    model = added(tmp_path, folder)
    assert model.labels == {1: "Spleen"}
    assert model.orientation == "as-sent"
