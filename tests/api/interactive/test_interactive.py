"""Segmenting by clicks as a program does it: over HTTP, with a real worker and a real bundle."""

import base64
import gzip
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.results.masks.read import read_masks
from storage.settings import load_settings
from tests import builders
from tests.api.client import ApiNode, api_node, is_problem, part10
from tests.inference.click_bundle import click_bundle
from tests.inference.orchestration import wait_for
from tests.inference.processes import Workers, children_of, workers_in
from tests.services import free_port

SHAPE = (8, 28, 24)
_SESSIONS = "/api/v1/interactive/sessions"


@dataclass
class Clicking:
    """A node with two bright boxes in an oblique series, and a worker for interactive models."""

    api: ApiNode
    workers: Workers
    volume: Volume
    study: str
    series: str
    boxes: tuple[NDArray[np.bool_], NDArray[np.bool_]]

    def open(self, client: httpx.Client | None = None, **more: str) -> dict[str, Any]:
        client = client or self.api.client
        answer = client.post(_SESSIONS, json=self.wanted(**more))
        assert answer.status_code == 201, answer.text
        found = client.get(f"{_SESSIONS}/{answer.json()['session_id']}", params={"wait_s": 30})
        while found.json()["state"] == "opening":
            found = client.get(f"{_SESSIONS}/{answer.json()['session_id']}", params={"wait_s": 30})
        session: dict[str, Any] = found.json()
        return session

    def wanted(self, **more: str) -> dict[str, str]:
        return {
            "study_instance_uid": self.study,
            "series_instance_uid": self.series,
            "model": "click-clicked-phantom",
            **more,
        }

    def at(self, k: int, j: int, i: int) -> list[float]:
        """Of the patient, by the grid of the volume."""
        return [float(one) for one in (self.volume.lps_from_kji @ (k, j, i, 1))[:3]]

    def click(
        self, session: dict[str, Any], *points: dict[str, Any], box: object = None
    ) -> httpx.Response:
        clicks = {"points": list(points), "box": box}
        return self.api.client.put(f"{_SESSIONS}/{session['session_id']}/clicks", json=clicks)

    def mask(self, session: dict[str, Any]) -> NDArray[np.bool_]:
        """As a client without this package reads it."""
        stated, grid = session["mask"], session["grid"]
        whole = np.zeros((grid["slices"], grid["rows"], grid["columns"]), bool)
        if stated is None:
            return whole
        bits = np.frombuffer(gzip.decompress(base64.b64decode(stated["bits"])), np.uint8)
        size = int(np.prod(stated["shape"]))
        part = np.unpackbits(bits, count=size, bitorder="little").reshape(stated["shape"])
        ranges = zip(stated["start"], stated["shape"], strict=True)
        whole[tuple(slice(start, start + length) for start, length in ranges)] = part
        return whole


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.slow)])
def clicking(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clicking]:
    """`full`: the worker shares PostgreSQL and Redis with the API."""
    folder = tmp_path_factory.mktemp("clicking")
    shared: dict[str, Any] = {}
    if request.param == "full":
        database = request.getfixturevalue("postgres_server")
        shared = {
            "database_url": database.migrated_database(),
            "broker_url": request.getfixturevalue("redis_url"),
        }
    with workers_in(
        folder, http_port=free_port(), interactive_sessions=2, self_test=False, **shared
    ) as workers:
        storage = workers.storage
        add_model(
            storage.settings,
            storage.model_states,
            storage.shadow_runs,
            click_bundle(folder / "bundle"),
            "somebody",
        )
        first, second = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
        first[2:6, 4:14, 3:11] = True
        second[2:6, 18:26, 14:22] = True
        voxels = np.where(first | second, 1000, 0).astype(np.int16)
        datasets = builders.series(
            voxels, spacing_mm=(2.0, 1.1, 0.9), directions=builders.rotation(0.3, -0.2, 0.15)
        )
        for one in datasets:
            storage.ingest.accept(part10(one), source="dimse:TEST")
        volume = assemble_volume(datasets)
        order = [[ds.SOPInstanceUID for ds in datasets].index(u) for u in volume.sop_instance_uids]
        workers.start("interactive")
        with api_node(load_settings(**workers.settings)) as api:
            api.client.timeout = httpx.Timeout(120)
            yield Clicking(
                api,
                workers,
                volume,
                volume.study_instance_uid,
                volume.series_instance_uid,
                (first[order], second[order]),
            )


def test_clicks_give_a_mask_which_is_saved_as_a_coded_segment(clicking: Clicking) -> None:
    client = clicking.api.client
    models = client.get("/api/v1/interactive/models").json()
    assert models["is_available"]
    (model,) = models["items"]
    assert (model["is_ready"], model["structures"]) == (True, ["spleen"])

    session = clicking.open()
    assert session["state"] == "ready", session["reason"]
    assert session["grid"]["lps_from_kji"] == pytest.approx(clicking.volume.lps_from_kji)
    sources = [one["sop_instance_uid"] for one in session["grid"]["sources"]]
    assert sources == list(clicking.volume.sop_instance_uids)
    outside = clicking.click(session, {"lps_mm": clicking.at(3, 8, 80)})
    assert "lies outside of the series" in is_problem(outside, 400, "invalid_request")["detail"]

    first, second = clicking.boxes
    inside = {"lps_mm": clicking.at(4, 8, 6)}
    one = clicking.click(session, inside).json()
    assert np.array_equal(clicking.mask(one), first)
    assert one["voxels"] == first.sum()
    both = clicking.click(session, inside, {"lps_mm": clicking.at(4, 22, 18)}).json()
    assert np.array_equal(clicking.mask(both), first | second)
    less = clicking.click(
        session, inside, {"lps_mm": clicking.at(4, 12, 6), "inside": False}
    ).json()
    assert 0 < less["voxels"] < first.sum()
    corners = [clicking.at(3, 16, 12), clicking.at(4, 27, 23)]
    limited = clicking.mask(clicking.click(session, box=corners).json())
    expected = second.copy()
    expected[:3] = expected[5:] = False
    assert np.array_equal(limited, expected)
    # The last click is taken back by leaving it out.
    again = clicking.click(session, inside).json()
    assert np.array_equal(clicking.mask(again), first)

    path = f"{_SESSIONS}/{session['session_id']}/accept"
    stale = client.post(path, json={"number": 1})
    assert "of change 1" in is_problem(stale, 409, "state_conflict")["detail"]
    unseen = {"number": again["number"], "label": "\u202eSpleen"}
    assert client.post(path, json=unseen).status_code == 422
    job = saved(client, path, {"number": again["number"]})
    (finding,) = job["findings"]
    assert finding["value"] == pytest.approx(first.sum() * 2.0 * 1.1 * 0.9 / 1000, abs=1e-3)
    assert job["pipeline"] == "click-clicked-phantom"
    segmentation, report = results(clicking.api, job)
    (segment,) = segmentation.SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == "78961009"
    assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == "0.2.0"
    assert "by clicks, unverified" in segmentation.ContentDescription
    assert str(segmentation.ContentCreatorName) == "local"
    assert report.VerificationFlag == "UNVERIFIED"
    assert np.array_equal(masks_in(clicking, segmentation)[..., 0], first)

    # A second structure becomes a segment beside the first.
    other = clicking.click(session, {"lps_mm": clicking.at(4, 22, 18)}).json()
    code = {"value": "181277001", "scheme_designator": "SCT", "meaning": "Pancreas"}
    job = saved(client, path, {"number": other["number"], "label": "Pancreas", "code": code})
    segmentation, report = results(clicking.api, job)
    assert [one.SegmentLabel for one in segmentation.SegmentSequence] == ["Spleen", "Pancreas"]
    found = masks_in(clicking, segmentation)
    assert np.array_equal(found[..., 0], first)
    assert np.array_equal(found[..., 1], second)
    assert len(report.PredecessorDocumentsSequence) == 1
    assert {one["label"] for one in job["findings"]} == {"Spleen volume", "Pancreas volume"}

    # A bundle begins with nothing.
    assert not model["takes_initial_mask"]
    initial = {"sop_instance_uid": segmentation.SOPInstanceUID, "segment_number": 1}
    asked = client.put(
        f"{_SESSIONS}/{session['session_id']}/clicks", json={"points": [], "initial": initial}
    ).json()
    assert asked["problem"]["detail"] == f"{model['title']} takes no initial mask."

    assert client.delete(f"{_SESSIONS}/{session['session_id']}").status_code == 204
    ended = client.get(f"{_SESSIONS}/{session['session_id']}").json()
    assert (ended["state"], ended["mask"]) == ("ended", None)
    over = is_problem(clicking.click(session, inside), 409, "session_over")
    assert over["detail"] == "The session is over. It was cancelled."


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_the_session_and_says_so(clicking: Clicking) -> None:
    session = clicking.open()
    assert session["state"] == "ready", session["reason"]
    (worker,) = clicking.workers.running
    for child in children_of(worker.pid):
        os.kill(child, signal.SIGKILL)
    path = f"{_SESSIONS}/{session['session_id']}"
    ended = wait_for(
        lambda: (now := clicking.api.client.get(path).json())["state"] == "ended" and now,
        "the end of the session",
    )
    assert ended["reason"] == (
        "The worker's process that had the series in memory ended, and the clicks with it."
    )
    another = clicking.open()
    assert another["state"] == "ready", another["reason"]


def test_who_has_one_open_opens_another_and_the_first_ends(clicking: Clicking) -> None:
    first, second = clicking.open(), clicking.open()
    now = clicking.api.client.get(f"{_SESSIONS}/{first['session_id']}").json()
    assert now["reason"] == "It ended because the same person opened another."
    assert second["state"] == "ready", second["reason"]


def test_what_cannot_be_opened_is_told(clicking: Clicking) -> None:
    client = clicking.api.client
    wanted = clicking.wanted(series_instance_uid="2.25.1")
    is_problem(client.post(_SESSIONS, json=wanted), 404, "not_found")
    unknown = client.post(_SESSIONS, json=clicking.wanted(model="click-nothing"))
    assert "click-clicked-phantom" in is_problem(unknown, 404, "not_found")["remedy"]
    structure = client.post(_SESSIONS, json=clicking.wanted(structure="liver"))
    assert is_problem(structure, 400, "invalid_request")["remedy"] == "It knows spleen."
    is_problem(client.get(f"{_SESSIONS}/none"), 404, "not_found")


def test_a_node_that_allows_no_sessions_says_which_setting_does(api: ApiNode) -> None:
    models = api.client.get("/api/v1/interactive/models").json()
    assert not models["is_available"]
    assert "MEDIVIEW_INTERACTIVE_SESSIONS" in models["remedy"]


def saved(client: httpx.Client, path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=wanted)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


def results(api: ApiNode, job: dict[str, Any]) -> tuple[pydicom.Dataset, pydicom.Dataset]:
    """The SEG and the SR of a job, as the node has them stored."""
    uids = {one["kind"]: one["sop_instance_uid"] for one in job["results"]}
    segmentation, report = (
        api.storage.instances.dataset(api.storage.generated.instance(uids[kind]))
        for kind in ("SEG", "SR")
    )
    return segmentation, report


def masks_in(clicking: Clicking, segmentation: pydicom.Dataset) -> NDArray[np.bool_]:
    """The segments on the volume, as another reader has them; the segment last."""
    volume = clicking.volume
    slices = list(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    stack = read_masks(segmentation, slices)
    return np.stack(
        [
            np.stack([stack.plane(number, k) for k in range(len(slices))])
            for number in range(1, stack.count + 1)
        ],
        axis=-1,
    )
