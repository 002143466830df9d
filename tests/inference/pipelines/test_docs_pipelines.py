"""docs/pipelines.md, followed to the letter."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from inference.models.cards.card_file import Card
from inference.models.cards.card_gate import (
    CLASSIFICATION_METRICS,
    DETECTION_METRICS,
    METRICS,
    REGRESSION_METRICS,
    SEGMENTATION_METRICS,
)
from inference.pipeline import CONTRACT_VERSION
from inference.pipelines.catalogue import catalogue, pipeline_named
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage
from tests.inference.bundles import segmentation_bundle
from tests.inference.orchestration import later, receive, settings_in, storage_in
from tests.inference.plain_models import onnx_model
from tests.inference.small import mr_series, study_uid
from tests.ready_processes import run

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "pipelines.md").read_text("utf-8")


def block(language: str) -> str:
    """The fenced block of that language and label, without its indent."""
    found = re.search(rf"^( *)```{language}\n(.*?)^ *```", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found is not None, language
    indent = len(found[1])
    return "\n".join(line[indent:] for line in found[2].splitlines()) + "\n"


def mediview(folder: Path, storage: Storage, *arguments: str) -> str:
    done = run(
        [sys.executable, "-m", "api.cli", *arguments],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "MEDIVIEW_DATA_DIR": str(storage.settings.data_dir),
            "COLUMNS": "200",
            # As in this process: threads that wait for each other take many times as long.
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_bundle_is_added_and_ruled_as_the_page_says(tmp_path: Path) -> None:
    bundle = segmentation_bundle(tmp_path / "spleen_bundle")
    (bundle / "mediview.json").write_text(block("json card"))
    with storage_in(tmp_path) as storage:
        added = mediview(tmp_path, storage, "models", "add", "spleen_bundle")
        assert "It is active: the pipeline bundle-spleen-of-phantoms runs with it." in added
        assert "bundle-spleen-of-phantoms" in mediview(tmp_path, storage, "models", "list")
        rules = storage.settings.data_dir / "rules.yaml"
        rules.write_text(block("yaml rules"))
        assert "no mistake" in mediview(tmp_path, storage, "rules", "check", str(rules))
        receive(storage, mr_series("head", 12))
        decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
        decision = decisions["bundle-spleen-of-phantoms"]
        assert decision.accepted, decision.reason
        assert storage.jobs.get(decision.job_id or "").priority == 100
        output = mediview(tmp_path, storage, "rules", "explain", study_uid("head"))
        assert "bundle-spleen-of-phantoms: All that the card asks holds." in output
        assert "rule 'spleens for research' holds" in output
        job = run_job(storage, decision.job_id or "", "worker")
        assert job is not None
        assert (job.state, job.reason) == ("COMPLETED", "")


def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The page's pipeline, as a package that is installed."""
    package = tmp_path / "site"
    package.mkdir()
    (package / "bright_tissue.py").write_text(code)
    metadata = package / "bright_tissue-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bright-tissue\nVersion: 1\n")
    (name, target) = re.findall(r'^(\S+) = "(\S+)"$', block("toml entry-point"), re.MULTILINE)[0]
    (metadata / "entry_points.txt").write_text(f"[mediview.pipelines]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(str(package))
    # Of the test before, under the same name.
    monkeypatch.delitem(sys.modules, "bright_tissue", raising=False)


@pytest.mark.parametrize("contract", ["    contract_version = 2\n", ""])
def test_a_pipeline_is_written_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: str
) -> None:
    """Without its version it is that of the releases before."""
    code = block("python pipeline")
    assert "    contract_version = 2\n" in code
    assert CONTRACT_VERSION == 2
    _package(tmp_path, monkeypatch, code.replace("    contract_version = 2\n", contract))
    with storage_in(tmp_path) as storage:
        assert pipeline_named(storage.settings, "bright-tissue").version == "1.0.0"
        receive(storage, mr_series("head", 8))
        decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
        job = run_job(storage, decisions["bright-tissue"].job_id or "", "worker")
        assert job is not None
        assert (job.state, job.reason) == ("COMPLETED", "")
        (finding,) = storage.findings.of_study(study_uid("head"))
        assert finding.label == "Bright volume"


@pytest.mark.parametrize("stated", ["3", "0", "'2'", "True", "None"])
def test_a_contract_that_is_not_known_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str
) -> None:
    code = block("python pipeline").replace("contract_version = 2", f"contract_version = {stated}")
    _package(tmp_path, monkeypatch, code)
    with storage_in(tmp_path) as storage:
        readiness = pipeline_named(storage.settings, "bright-tissue").readiness()
        shown = stated.strip("'")
        assert f"states version {shown} of the contract of pipelines" in readiness.detail
        assert "this node knows 1 and 2. Install a version" in readiness.detail
        receive(storage, mr_series("head", 8))
        decisions = {one.pipeline: one for one in complete_and_schedule(storage, later(10))}
        refused = decisions["bright-tissue"]
        assert not refused.accepted
        assert "the contract of pipelines" in refused.reason
        assert "brain-volume" in decisions


def test_a_package_that_cannot_be_loaded_does_not_take_the_others_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site"
    (package / "broken-1.dist-info").mkdir(parents=True)
    (package / "broken-1.dist-info" / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (package / "broken-1.dist-info" / "entry_points.txt").write_text(
        "[mediview.pipelines]\nbroken = no_such_module:Nothing\n"
    )
    monkeypatch.syspath_prepend(str(package))
    names = {one.name for one in catalogue(settings_in(tmp_path))}
    assert "brain-volume" in names


def test_the_table_names_every_pipeline_of_the_box(tmp_path: Path) -> None:
    for pipeline in catalogue(settings_in(tmp_path)):
        assert f"| `{pipeline.name}` |" in DOCUMENT
    assert json.loads(block("json card"))


@pytest.mark.slow
def test_a_plain_model_is_added_as_the_page_says(tmp_path: Path) -> None:
    folder = onnx_model(tmp_path / "plain_spleen")
    (folder / "mediview.json").write_text(block("json plain"))
    with storage_in(tmp_path) as storage:
        added = mediview(tmp_path, storage, "models", "add", "plain_spleen")
        assert "It is active: the pipeline model-plain-spleen runs with it." in added
        shown = mediview(tmp_path, storage, "models", "show", "plain-spleen")
        assert "verified -> active" in shown
        retired = mediview(
            tmp_path, storage, "models", "retire", "plain-spleen", "--reason", "A test."
        )
        assert "plain-spleen 1.2 is retired." in retired
        listed = mediview(tmp_path, storage, "models", "list")
        assert "retired" in listed
        assert "There are no shadow runs of plain-spleen." in mediview(
            tmp_path, storage, "models", "agreement", "plain-spleen"
        )
        assert "not enough jobs yet" in mediview(tmp_path, storage, "models", "drift")


def test_the_gate_of_the_page_is_one_that_a_card_may_have() -> None:
    card = Card.model_validate(json.loads(block("json gate")))
    assert {one.metric for one in card.thresholds} == {"dice", "failures", "cases"}
    of_labels = json.loads(block("json gate of labels"))["gate"]
    assert of_labels.keys() <= set(CLASSIFICATION_METRICS)
    of_number = json.loads(block("json gate of a number"))["gate"]
    assert of_number.keys() <= set(REGRESSION_METRICS)
    of_boxes = json.loads(block("json gate of boxes"))["gate"]
    assert of_boxes.keys() <= set(DETECTION_METRICS)
    of_masks = json.loads(block("json gate of masks"))["gate"]
    assert of_masks.keys() <= set(SEGMENTATION_METRICS)
    of_images = (
        *CLASSIFICATION_METRICS,
        *REGRESSION_METRICS,
        *DETECTION_METRICS,
        *SEGMENTATION_METRICS,
    )
    for metric in (*METRICS, *of_images):
        assert f"`{metric}`" in DOCUMENT
