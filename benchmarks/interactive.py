#!/usr/bin/env python3
"""From a click to its mask: a session of an interactive model over HTTP, cold and warm.

    python benchmarks/interactive.py [--size 256] [--network 128] [--clicks 5]

Starts a node with one worker for interactive models in a folder of its own, with a small bundle in
the manner of DeepEdit. Seconds of this machine's clock, as a client sees them.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from storage.settings import load_settings
from tests import builders
from tests.api.client import api_node, part10
from tests.inference.click_bundle import click_bundle
from tests.inference.processes import workers_in
from tests.services import free_port

SESSIONS = "/api/v1/interactive/sessions"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--network", type=int, default=128)
    parser.add_argument("--clicks", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="interactive-") as name:
        print(json.dumps(measured(Path(name), asked.size, asked.network, asked.clicks), indent=1))


def measured(folder: Path, size: int, network: int, clicks: int) -> dict[str, object]:
    voxels = np.random.default_rng(1).integers(0, 90, (size,) * 3).astype(np.int16)
    third = size // 3
    voxels[third : 2 * third, third : 2 * third, third : 2 * third] = 1000
    datasets = builders.series(voxels, spacing_mm=(1.0, 1.0, 1.0))
    volume = assemble_volume(datasets)
    with workers_in(
        folder, http_port=free_port(), interactive_sessions=1, self_test=False
    ) as workers:
        storage = workers.storage
        bundle = click_bundle(folder / "bundle", steps=network // 3, size=(network,) * 3)
        add_model(storage.settings, storage.model_states, storage.shadow_runs, bundle, "benchmark")
        for one in datasets:
            storage.ingest.accept(part10(one), source="benchmark")
        workers.start("interactive")
        with api_node(load_settings(**workers.settings)) as api:
            api.client.timeout = httpx.Timeout(600)
            first = opened(api.client, volume)
            cold_s, cold = clicked(api.client, first[1], volume, 0)
            warm = [clicked(api.client, first[1], volume, number) for number in range(1, clicks)]
            again = opened(api.client, volume)
            return {
                "voxels": f"{size}^3",
                "network": f"{network}^3",
                "open, cold process (s)": round(first[0], 2),
                "first click (s)": round(cold_s, 2),
                "further clicks, median (s)": round(statistics.median(s for s, _ in warm), 2),
                "of which in the model, median (ms)": statistics.median(ms for _, ms in warm),
                "mask of the first click (voxels)": cold,
                "open, warm process (s)": round(again[0], 2),
            }


def opened(client: httpx.Client, volume: Volume) -> tuple[float, str]:
    begun = time.monotonic()
    answer = client.post(
        SESSIONS,
        json={
            "study_instance_uid": volume.study_instance_uid,
            "series_instance_uid": volume.series_instance_uid,
            "model": "click-clicked-phantom",
        },
    ).raise_for_status()
    session = answer.json()
    while session["state"] == "opening":
        session = client.get(f"{SESSIONS}/{session['session_id']}", params={"wait_s": 20}).json()
    assert session["state"] == "ready", session["reason"]
    return time.monotonic() - begun, session["session_id"]


def clicked(
    client: httpx.Client, session_id: str, volume: Volume, number: int
) -> tuple[float, int]:
    middle = volume.voxels.shape[0] // 2 + number
    at = (volume.lps_from_kji @ (middle, middle, middle, 1))[:3]
    begun = time.monotonic()
    answer = client.put(
        f"{SESSIONS}/{session_id}/clicks", json={"points": [{"lps_mm": [float(x) for x in at]}]}
    ).raise_for_status()
    session = answer.json()
    while session["answered"] < session["number"]:
        session = client.get(f"{SESSIONS}/{session_id}", params={"wait_s": 30}).json()
        assert session["state"] == "ready", session["reason"]
    spent_s = time.monotonic() - begun
    return spent_s, session["voxels"] if number == 0 else session["took_ms"]


if __name__ == "__main__":
    main()
