"""A model of nnInteractive over HTTP: clicked, drawn, boxed, saved; with a real worker."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from inference.imaging.volume import assemble_volume
from inference.model_registry.adding import add_model
from storage.settings import load_settings
from tests import builders
from tests.api.client import api_node, part10
from tests.api.interactive.test_interactive import Clicking, masks_in, results, saved
from tests.inference.nninteractive_folder import nninteractive_folder
from tests.inference.processes import workers_in
from tests.services import free_port

SHAPE = (8, 28, 24)
_SESSIONS = "/api/v1/interactive/sessions"
_SEGMENTS = {"1": {"label": "Pancreas", "code": ["181277001", "SCT", "Pancreas"]}}


@pytest.fixture(scope="module")
def clicking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clicking]:
    folder = tmp_path_factory.mktemp("drawing")
    with workers_in(
        folder, http_port=free_port(), interactive_sessions=1, self_test=False
    ) as workers:
        storage = workers.storage
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            nninteractive_folder(folder / "model", segments=_SEGMENTS),
            "somebody",
        )
        voxels = np.random.default_rng(4).integers(0, 200, SHAPE)
        voxels[2:6, 4:14, 3:11] += 900
        datasets = builders.series(voxels.astype(np.int16), spacing_mm=(2.0, 1.1, 0.9))
        for one in datasets:
            storage.ingest.accept(part10(one), source="dimse:TEST")
        volume = assemble_volume(datasets)
        workers.start("interactive")
        with api_node(load_settings(**workers.settings)) as api:
            api.client.timeout = httpx.Timeout(120)
            empty = np.zeros(SHAPE, bool)
            yield Clicking(
                api,
                workers,
                volume,
                volume.study_instance_uid,
                volume.series_instance_uid,
                (empty, empty),
            )


def test_what_is_drawn_changes_the_mask_which_is_saved_under_a_name_of_the_card(
    clicking: Clicking,
) -> None:
    client = clicking.api.client
    (model,) = client.get("/api/v1/interactive/models").json()["items"]
    assert model["interactions"] == ["point", "box", "scribble", "lasso"]
    assert (model["needs_structure"], model["structures"]) == (False, ["Pancreas"])
    assert model["takes_initial_mask"]
    session = clicking.open(model="click-tiny-clicks", structure="pancreas")
    assert session["state"] == "ready", session["reason"]

    def draw(*shapes: dict[str, object]) -> dict[str, object]:
        answer = client.put(
            f"{_SESSIONS}/{session['session_id']}/clicks",
            json={"points": [{"lps_mm": clicking.at(4, 8, 6)}], "shapes": shapes},
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    def shape(kind: str, *places: tuple[int, int, int], inside: bool = True) -> dict[str, object]:
        return {"kind": kind, "inside": inside, "lps_mm": [clicking.at(*one) for one in places]}

    clicked = clicking.mask(draw())
    scribble = shape("scribble", (3, 6, 5), (3, 11, 9))
    lasso = shape("lasso", (4, 18, 3), (4, 26, 3), (4, 22, 18), inside=False)
    drawn = draw(scribble, lasso)
    assert drawn["problem"] is None
    assert [one["kind"] for one in drawn["shapes"]] == ["scribble", "lasso"]
    mask = clicking.mask(drawn)
    assert mask.any()
    assert not np.array_equal(mask, clicked)
    assert np.array_equal(clicking.mask(draw()), clicked)
    mask = clicking.mask(draw(scribble, lasso))

    # A box through several slices: this model takes none, and says so; the session goes on.
    refused = draw(shape("box", (2, 4, 3), (5, 13, 10)))
    assert "boxes in one slice" in refused["problem"]["detail"]
    outside = client.put(
        f"{_SESSIONS}/{session['session_id']}/clicks",
        json={"points": [], "shapes": [{"kind": "lasso", "lps_mm": [clicking.at(3, 8, 80)]}]},
    )
    assert outside.status_code == 400
    again = draw(scribble, lasso)
    assert np.array_equal(clicking.mask(again), mask)

    path = f"{_SESSIONS}/{session['session_id']}/accept"
    job = saved(client, path, {"number": again["number"]})
    assert job["pipeline"] == "click-tiny-clicks"
    assert any("1 point, 1 scribble, 1 lasso" in one for one in job["notes"])
    segmentation, _ = results(clicking.api, job)
    (segment,) = segmentation.SegmentSequence
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "181277001"
    assert np.array_equal(masks_in(clicking, segmentation)[..., 0], mask)

    # What was saved is where the next one begins.
    def begin(uid: str, number: int, *points: dict[str, object]) -> dict[str, object]:
        initial = {"sop_instance_uid": uid, "segment_number": number}
        answer = client.put(
            f"{_SESSIONS}/{session['session_id']}/clicks",
            json={"points": list(points), "initial": initial},
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    uid = segmentation.SOPInstanceUID
    begun = begin(uid, 1)
    assert begun["problem"] is None
    assert begun["initial"] == {"sop_instance_uid": uid, "segment_number": 1}
    assert begun["shapes"] == []
    assert np.array_equal(clicking.mask(begun), mask)
    corrected = begin(uid, 1, {"lps_mm": clicking.at(4, 22, 18), "inside": False})
    assert not np.array_equal(clicking.mask(corrected), mask)
    assert np.array_equal(clicking.mask(begin(uid, 1)), mask)
    assert "has no segment 7" in begin(uid, 7)["problem"]["detail"]
    source = clicking.volume.sop_instance_uids[0]
    assert f"no Segmentation {source}" in begin(source, 1)["problem"]["detail"]
    again = begin(uid, 1)
    job = saved(client, path, {"number": again["number"], "label": "Begun"})
    assert f"It began with segment 1 of the Segmentation {uid}." in job["notes"]
    client.delete(f"{_SESSIONS}/{session['session_id']}")
