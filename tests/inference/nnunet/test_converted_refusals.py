"""What of a model that the node has converted is refused where somebody changed it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from inference.model_registry.adding import add_model
from inference.nnunet.description import describe_nnunet
from inference.nnunet.loading import load_model
from inference.refusals import ModelUnusable
from storage.container import Storage
from tests.inference.nnunet.refused import CARD, LABELS, refusal
from tests.inference.nnunet.untrained import trained_folder
from tests.inference.orchestration import storage_in


@pytest.fixture(scope="module")
def added_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the node keeps of a model, made once."""
    place = tmp_path_factory.mktemp("added")
    with storage_in(place) as storage:
        folder = trained_folder(place / "Dataset7_Liver" / "a__nnUNetPlans__3d_fullres", LABELS)
        (folder / "mediview.json").write_text(json.dumps(CARD))
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        (added,) = storage.settings.resolved_models_dir.glob("[!.]*")
        return added


@pytest.fixture
def moved(added_once: Path, tmp_path: Path) -> Path:
    """What the node made of a model, as somebody may hand it on."""
    return shutil.copytree(added_once, tmp_path / "converted")


def change_converted(folder: Path, **changes: Any) -> None:
    path = folder / "nnunet.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.slow
def test_a_converted_model_of_another_trainer_is_refused_as_well(
    storage: Storage, moved: Path
) -> None:
    change_converted(moved, trainer="nnUNetTrainerBN")
    assert "network is that of nnUNetTrainerBN" in refusal(storage, moved)


def test_another_trainer_is_refused_when_the_model_is_loaded(storage: Storage, moved: Path) -> None:
    change_converted(moved, trainer="nnUNetTrainerUMambaBot")
    with pytest.raises(ModelUnusable, match="nnUNetTrainerUMambaBot, which is none of nnunetv2's"):
        load_model(describe_nnunet(moved), 1)


@pytest.mark.parametrize("fold", ["../../etc", "0/../../x", "1000", ""])
def test_a_fold_leads_nowhere_but_into_the_folder_of_the_model(
    storage: Storage, moved: Path, fold: str
) -> None:
    change_converted(moved, folds=[fold])
    assert "nnunet.json cannot be used: folds.0" in refusal(storage, moved)


@pytest.mark.parametrize("part", ["..", "../other", "/etc", "a/b", ".hidden"])
def test_a_part_lies_in_the_folder_of_the_model(storage: Storage, moved: Path, part: str) -> None:
    combined = {"task": "total", "spacing_mm": 1.5, "parts": [{"folder": part, "values": {}}]}
    (moved / "combined.json").write_text(json.dumps(combined))
    assert "combined.json cannot be used: parts.0.folder" in refusal(storage, moved)
