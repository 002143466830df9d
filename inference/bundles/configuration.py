"""A bundle's `inference.json` or `.yaml` as it stands, read without MONAI."""

from pathlib import Path
from typing import Any

import yaml

from inference.models.cards.card_file import read_json
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.bounded_yaml import load_bounded_yaml

_NAMES = ("configs/inference.json", "configs/inference.yaml", "configs/inference.yml")


def inference_file_of(folder: Path) -> Path:
    """Raises InvalidRequest where there is none."""
    found = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
    if found is None:
        raise InvalidRequest(
            f"The bundle in {folder} has no {_NAMES[0]}.",
            remedy="Only bundles with an inference configuration can be run.",
        )
    return found


def read_configuration(path: Path) -> dict[str, Any]:
    """Raises InvalidRequest where it cannot be read."""
    try:
        found = (
            read_json(path)
            if path.suffix == ".json"
            else load_bounded_yaml(path.read_text("utf-8"))
        )
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidRequest(
            f"{path} cannot be read.", remedy="Correct it, or get the bundle again."
        ) from error
    return found if isinstance(found, dict) else {}


def targets_of(configuration: Any) -> list[str]:
    """The last part of each `_target_`, in the order of the file."""
    found: list[str] = []
    if isinstance(configuration, dict):
        target = configuration.get("_target_")
        if isinstance(target, str):
            found.append(target.rpartition(".")[2])
        for value in configuration.values():
            found += targets_of(value)
    elif isinstance(configuration, list):
        for value in configuration:
            found += targets_of(value)
    return found


def reads_guidance(path: Path) -> bool:
    """Whether clicks go in as channels beside the image, as DeepEdit's do."""
    return any(name.startswith("AddGuidance") for name in targets_of(read_configuration(path)))


def takes_clicks(path: Path) -> bool:
    """Whether it segments what is clicked, as DeepEdit's and VISTA3D's bundles do; by what the
    configuration names, and so without loading the network."""
    return any(
        name.startswith(("AddGuidance", "VistaPost", "Vista3d"))
        for name in targets_of(read_configuration(path))
    )
