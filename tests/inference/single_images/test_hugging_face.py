"""More of Hugging Face's models, with weights by chance: what the node gives is what they give."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.model_registry.adding import add_model
from inference.models.cards.card_file import CARD_FILE
from inference.pipeline import ImageResult
from storage.container import Storage
from tests.inference.films import dfine, film, swin
from tests.inference.single_images.support import analysed


def found(storage: Storage, folder: Path, pixels: NDArray[np.uint16]) -> ImageResult:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    (result,) = analysed(storage, film("hugging-face", pixels=pixels))
    return result


def shown(folder: Path, pixels: NDArray[np.uint16]) -> Any:
    """The film in eight bits of grey, as the model's own processor prepares it."""
    from PIL import Image
    from transformers import AutoImageProcessor

    eight_bits = np.rint((pixels - 2047.5) / 4095 * 255 + 127.5).clip(0, 255)
    picture = Image.fromarray(eight_bits.astype(np.uint8)).convert("RGB")
    return AutoImageProcessor.from_pretrained(folder)(picture, return_tensors="pt")


def test_a_swin_classifies_as_transformers_does(storage: Storage, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForImageClassification

    folder = swin(tmp_path / "swin")
    pixels = np.random.default_rng(5).integers(0, 4096, (64, 64)).astype(np.uint16)
    result = found(storage, folder, pixels)
    with torch.inference_mode():
        model = AutoModelForImageClassification.from_pretrained(folder)
        logits = model(**shown(folder, pixels)).logits[0]
    expected = dict(zip(("none", "effusion", "mass"), logits.softmax(0).tolist(), strict=True))
    ours = {one.label: one.confidence for one in result.classifications}
    assert ours == pytest.approx(expected, abs=0.01)
    assert max(ours.values()) - min(ours.values()) > 0.02


def test_a_dfine_finds_the_boxes_of_transformers(storage: Storage, tmp_path: Path) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    folder = dfine(tmp_path / "dfine")
    card = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**card, "score_at_least": 0.05}))
    pixels = np.random.default_rng(6).integers(0, 4096, (64, 96)).astype(np.uint16)
    result = found(storage, folder, pixels)
    with torch.inference_mode():
        outputs = AutoModelForObjectDetection.from_pretrained(folder)(**shown(folder, pixels))
    (theirs,) = AutoImageProcessor.from_pretrained(folder).post_process_object_detection(
        outputs, threshold=0.05, target_sizes=[(64, 96)]
    )
    assert len(theirs["scores"]) == len(result.boxes) > 0
    names = {0: "Nodule", 1: "Mass"}
    left = list(zip(*(theirs[key].tolist() for key in ("labels", "scores", "boxes")), strict=True))
    for box in result.boxes:
        points = np.array(box.corners)
        ours = np.array([*points.min(axis=0), *points.max(axis=0)])
        # By chance many scores are alike: boxes are paired by where they lie.
        away = [np.abs(ours - np.clip(one[2], 0, [96, 64, 96, 64])).max() for one in left]
        label, score, _ = left.pop(int(np.argmin(away)))
        assert min(away) < 0.5
        assert box.label.startswith(names[label])
        assert box.confidence == pytest.approx(score, abs=0.01)
