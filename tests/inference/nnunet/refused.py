"""A folder of nnU-Net that is added, and what is said where it is refused."""

from pathlib import Path
from typing import Any

import pytest

from inference.model_registry.adding import add_model
from storage.container import Storage
from storage.core.errors import MediViewError

LABELS = {"liver": 1}


CARD: dict[str, Any] = {
    "accepts": {"Modality": "CT"},
    "segments": {"1": {"label": "Liver", "code": ["10200004", "SCT", "Liver"]}},
    "model": {"name": "Liver", "version": "1", "modality": "CT"},
}


def refusal(storage: Storage, folder: Path) -> str:
    with pytest.raises(MediViewError) as refused:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    models = storage.settings.resolved_models_dir
    assert not models.is_dir() or list(models.glob("[!.]*")) == []
    return f"{refused.value.message} {refused.value.remedy}"
