"""Manifests of MONAI Application Packages, of today's packager and of the first ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from inference.containers.description import add_container, describe_container, is_container
from inference.containers.engine_options import gpu_options
from inference.containers.manifest import AppManifest, PackageManifest
from inference.containers.number_output import read_results
from inference.pipelines.container_model import environment_of
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest
from tests.inference.orchestration import settings_in

PAGE = Path(__file__).parents[3] / "docs/pipelines/containers.md"
MAP = Path(__file__).parents[2] / "containers" / "map"
CARD: dict[str, Any] = {
    "accepts": {"Modality": "MR"},
    "container": {"image": "localhost/a:1", "name": "Bright map", "modality": "MR"},
}


def kept(folder: Path, card: dict[str, Any] = CARD, **app: Any) -> Path:
    """As the node keeps it once the image was looked up."""
    folder.mkdir(exist_ok=True)
    stated = {**json.loads((MAP / "app.json").read_text()), **app}
    (folder / "app.json").write_text(json.dumps(stated))
    (folder / "pkg.json").write_text((MAP / "pkg.json").read_text())
    (folder / "image.json").write_text(json.dumps({"id": f"sha256:{'a' * 64}", "engine": "podman"}))
    (folder / "mediview.json").write_text(json.dumps(card))
    return folder


def test_what_the_packager_of_today_writes(tmp_path: Path) -> None:
    model = describe_container(kept(tmp_path))
    assert (model.name, model.version, model.modality) == ("bright-map", "1.2.0", "MR")
    assert model.app.command == ("/opt/venv/bin/python", "/opt/holoscan/app/app.py")
    assert model.app.input_path == "/var/holoscan/input"
    assert model.package.resources.memory_bytes == 429_496_730
    environment = environment_of(model)
    assert environment["HOLOSCAN_INPUT_PATH"] == environment["MONAI_INPUTPATH"]
    assert environment["MONAI_OUTPUTPATH"] == "/var/holoscan/output"
    assert environment["HOLOSCAN_MODEL_PATH"] == "/opt/holoscan/models"


def test_the_card_and_results_of_the_page_are_of_the_right_form(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    (card,) = re.findall(r"```json card\n(.*?)```", page, re.DOTALL)
    assert describe_container(kept(tmp_path, json.loads(card))).labels == {1: "Bright"}
    (results,) = re.findall(r"```json results\n(.*?)```", page, re.DOTALL)
    (tmp_path / "results.json").write_text(results)
    (measured,), (answer,) = read_results(tmp_path / "results.json")
    assert (measured.code.value, measured.value, answer.confidence) == ("BRIGHT", 768, 0.75)


def test_what_the_first_packages_say() -> None:
    app = AppManifest.model_validate(
        {
            "api-version": "0.1.0",
            "command": "python3 -u '/opt/monai/app/my app.py'",
            "version": "0.0.1",
            "input": {"path": "/var/monai/in", "formats": []},
            "output": None,
            "environment": None,
            "timeout": 60,
        }
    )
    assert app.command == ("python3", "-u", "/opt/monai/app/my app.py")
    assert (app.input_path, app.output_path) == ("/var/monai/in", "/var/monai/output")
    assert (app.workdir, app.problem()) == ("/var/monai", "")
    package = PackageManifest.model_validate({"model-root": "/var/opt/monai/models"})
    assert (package.model_root, package.resources.gpu) == ("/var/opt/monai/models", 0)


@pytest.mark.parametrize(
    ("app", "says"),
    [
        ({"input": {"path": "/etc"}}, "/etc belongs to the container itself"),
        ({"input": {"path": "../../proc/self"}}, "/proc/self belongs to the container itself"),
        ({"input": {"path": "/"}}, "/ is not a path of letters"),
        ({"output": {"path": "a,readonly"}}, "is not a path of letters"),
        ({"output": {"path": "input/deep"}}, "lie within each other"),
        ({"output": {"path": "input"}}, "are the same or lie within each other"),
        ({"command": ""}, "command"),
        ({"command": "sh -c 'x"}, "command: Value error, cannot be taken apart"),
        ({"command": ["sh\nx"]}, "command.0"),
        ({"version": "../1"}, "version"),
        ({"environment": {"A=B": "x"}}, "environment"),
    ],
)
def test_a_manifest_that_cannot_be_followed_is_refused(
    tmp_path: Path, app: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        describe_container(kept(tmp_path, **app))
    assert says in refused.value.message
    assert refused.value.remedy


@pytest.mark.parametrize("amount", ["1", "1G", "-1Gi", "1e3Gi", "1,5Gi", ""])
def test_memory_is_stated_in_mi_or_gi(amount: str) -> None:
    with pytest.raises(ValueError, match="is not an amount in Mi or Gi"):
        PackageManifest.model_validate({"resources": {"memory": amount}})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"container": {**CARD["container"], "image": "--privileged"}}, "container.image"),
        ({"container": {**CARD["container"], "image": "a b"}}, "container.image"),
        ({"gantry_tilt": "resample"}, "gantry_tilt cannot be resampled"),
        (
            {"container": {**CARD["container"], "run": {"version": "1", "inputs": "/in"}}},
            "did you mean 'input'",
        ),
    ],
)
def test_a_card_that_cannot_be_followed_is_refused(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        describe_container(kept(tmp_path, {**CARD, **change}))


@pytest.mark.parametrize(
    ("engine", "gpus", "options"),
    [
        ("podman", "all", ["--device=nvidia.com/gpu=all"]),
        ("podman", "0,1", ["--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=1"]),
        ("docker", "all", ["--gpus=all"]),
        ("docker", "0,1", ['--gpus="device=0,1"']),
    ],
)
def test_gpus_are_named_as_the_engine_knows_them(
    engine: str, gpus: str, options: list[str]
) -> None:
    assert gpu_options(engine, gpus) == options


def test_without_an_engine_nothing_is_added(tmp_path: Path) -> None:
    folder = kept(tmp_path / "card")
    assert is_container(folder)
    with pytest.raises(ModelUnusable, match="MEDIVIEW_CONTAINER_ENGINE is empty"):
        add_container(settings_in(tmp_path), folder)
