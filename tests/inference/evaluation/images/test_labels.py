"""A classification of films on cases whose labels a table states, and the gate of its card."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.evaluation.images.labels import LabelEvaluation, evaluate_labels
from inference.evaluation.images.reference_table import read_label_reference
from inference.model_registry.adding import add_model
from inference.pipelines.catalogue import pipeline_named
from inference.pipelines.single_images.model import ImageModelPipeline
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.films import bright_classifier, film, ultrasound
from tests.inference.orchestration import storage_in
from tests.inference.single_images.support import PIPELINE
from tests.ready_processes import run

ROOT = Path(__file__).parents[4]
LEVELS = {"a": 0.02, "b": 0.08, "c": 0.12, "d": 0.3}
"""By case: how bright its film is, by which `probability` is that of `Bright part`."""
LABELS = ("Bright part", "Dark")
TRUTH = "case,Bright part,Dark\na,0,1\nb,1,0\nc,0,\nd,yes,no\n"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    folder = tmp_path / "cases"
    for name, level in LEVELS.items():
        write_case(folder / name, name, level)
    (folder / "reference.csv").write_text(TRUTH)
    return folder


def write_case(folder: Path, name: str, *levels: float, **attributes: Any) -> None:
    folder.mkdir(parents=True)
    films = [
        film(name, number, pixels=np.full((24, 32), round(4095 * level), np.uint16), **attributes)
        for number, level in enumerate(levels, 1)
    ]
    builders.write(films, folder)


def added(storage: Storage, folder: Path, gate: dict[str, Any] | None = None, **of: Any) -> None:
    path = bright_classifier(folder, **of)
    card = json.loads((path / "mediview.json").read_text())
    (path / "mediview.json").write_text(json.dumps({**card, "gate": gate or {}}))
    add_model(storage.settings, storage.model_states, storage.shadow_runs, path, "petra")


def evaluated(storage: Storage, cases: Path) -> LabelEvaluation:
    pipeline = pipeline_named(storage.settings, PIPELINE)
    assert isinstance(pipeline, ImageModelPipeline)
    return evaluate_labels(storage.settings, pipeline, cases)


def probability(level: float) -> float:
    return float(1 / (1 + np.exp(1 - 10 * round(4095 * level) / 4095)))


def test_labels_of_films_are_measured_at_the_threshold_of_the_card(
    storage: Storage, tmp_path: Path, cases: Path
) -> None:
    # Only the likeliest label is stated in results; an evaluation asks for all of them.
    added(storage, tmp_path / "m", labels_at_most=1, thresholds={"1": 0.4})
    write_case(cases / "ct", "ct", 0.3, Modality="CT")
    write_case(cases / "more", "more", 0.3)
    (cases / "reference.csv").write_text(TRUTH + "ct,1,0\n")
    summary = evaluated(storage, cases).summary()
    by_case = {
        one["case"]: one["probability"] for one in summary["cases"] if one["label"] == "Bright part"
    }
    assert by_case == pytest.approx({name: probability(LEVELS[name]) for name in LEVELS}, abs=2e-3)
    bright, dark = summary["labels"]["Bright part"], summary["labels"]["Dark"]
    # b is less bright than c, which is absent: three of four pairs are in order.
    assert bright["auc"] == 0.75
    assert (bright["threshold"], bright["sensitivity"], bright["specificity"]) == (0.4, 1.0, 0.5)
    assert (dark["cases"], dark["threshold"]) == (3.0, 0.5)
    assert summary["metrics"]["auc"] == pytest.approx((0.75 + 1.0) / 2)
    assert {one["case"]: one["reason"] for one in summary["failures"]} == {
        "ct": "Modality is CT; CR, DX, MG, US, XA, SC is taken.",
        "more": "The reference does not state the case: add it to reference.csv or reference.json.",
    }
    assert summary["metrics"]["failures"] == 2.0
    assert summary["subgroups"]["manufacturer"]["Phantom"]["auc"] == summary["metrics"]["auc"]


def test_a_case_of_several_films_and_cines_has_the_highest_probability_of_them(
    storage: Storage, tmp_path: Path
) -> None:
    added(storage, tmp_path / "m", frames={"combine": "max"})
    folder = tmp_path / "cases"
    write_case(folder / "two", "two", 0.02, 0.12)
    cine = np.stack([np.full((24, 32), level, np.uint8) for level in (0, 102, 51)])
    (folder / "cine").mkdir()
    builders.write([ultrasound("cine", cine)], folder / "cine")
    (folder / "reference.json").write_text(
        json.dumps({"two": {"bright part": True}, "cine": {"Bright part": 0}})
    )
    found = {one.case: one.found for one in evaluated(storage, folder).scored}
    assert found["two"] == pytest.approx(probability(0.12), abs=2e-3)
    assert found["cine"] == pytest.approx(1 / (1 + np.exp(1 - 10 * 0.4)), abs=2e-3)


@pytest.mark.parametrize(
    ("reference", "says", "remedy"),
    [
        ("case,Brigth part\na,1\n", "did you mean 'Bright part'", "It knows Bright part, Dark"),
        ("case,Dark\na,maybe\n", 'Line 2 of reference.csv has "maybe" for Dark', "Write 1"),
        ("case,Dark\na,1\nz,1\n", 'Line 3 .* case "z", and there is no such folder', "Name the"),
        ("case,Dark\na,1\na,0\n", 'Line 3 of reference.csv names the case "a" again', "once"),
        ("case,Dark\na\n", "Line 2 of reference.csv has 1 values, and the heading 2", "Give each"),
        ("name,Dark\na,1\n", "Line 1 of reference.csv is not a heading", "Begin with"),
        ('{"a": {"Dark": 2}}', '"a" of reference.json has "2" for Dark', "Write 1"),
        ('{"../a": {"Dark": 1}}', "there is no such folder", "Name the folder"),
        ("", "has no reference.csv or reference.json", "case, Bright part, Dark"),
    ],
)
def test_a_reference_that_cannot_be_used_names_row_value_and_remedy(
    tmp_path: Path, reference: str, says: str, remedy: str
) -> None:
    (tmp_path / "a").mkdir()
    if reference:
        ending = "json" if reference.startswith("{") else "csv"
        (tmp_path / f"reference.{ending}").write_text(reference)
    with pytest.raises(InvalidRequest, match=says) as raised:
        read_label_reference(tmp_path, LABELS)
    assert remedy in raised.value.remedy


def test_semicolons_of_a_spreadsheet_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "reference.csv").write_text("case;bright part;Dark\na;1;\n", "utf-8-sig")
    assert read_label_reference(tmp_path, LABELS) == {"a": {"Bright part": True}}


@pytest.mark.slow
def test_the_gate_opens_by_what_the_command_measured(
    storage: Storage, tmp_path: Path, cases: Path
) -> None:
    added(storage, tmp_path / "m", {"auc": {"at_least": 0.8}, "sensitivity": {"at_least": 0.9}})
    command = [
        sys.executable, "-m", "api.cli", "evaluate", PIPELINE, "--cases", str(cases),
        "--output", str(tmp_path / "out"),
    ]  # fmt: skip
    env = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
        "MEDIVIEW_DATA_DIR": str(storage.settings.data_dir),
    }  # fmt: skip
    (cases / "reference.csv").write_text("case,Bright part\na,0\nb,1\nc,0\nd,1\n")
    done = run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "The gate does not open: auc is 0.75, at least 0.8 is asked." in done.stdout
    assert "sensitivity is 0.5, at least 0.9 is asked" in done.stdout
    assert "<polyline" in (tmp_path / "out" / "evaluation.html").read_text()
    # As somebody corrects the reference: both films with the part are the brightest ones.
    (cases / "reference.csv").write_text("case,Bright part\na,0\nb,0\nc,1\nd,1\n")
    done = run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
