"""Half precision where a card asks for it: compared with float32 by the self-test, on this CPU in
bfloat16, and stated by what it makes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from inference.bundles.half_precision import labels
from inference.bundles.loading import load_parts
from inference.imaging.volume import Volume, assemble_volume
from inference.model_registry.adding import add_model
from inference.model_registry.status import model_of
from inference.model_registry.verification import verify
from inference.pipeline import PipelineContext, PipelineOutput
from inference.pipelines.catalogue import pipeline_named
from inference.pipelines.monai_bundle import MonaiBundle
from inference.refusals import ModelUnusable
from storage.container import Storage
from storage.core.errors import InvalidRequest
from tests import builders
from tests.inference.bundles import classification_bundle, segmentation_bundle
from tests.inference.orchestration import storage_in
from tests.inference.plain_models import onnx_model, torchscript_model

NAME = "bundle-spleen-of-phantoms"


@pytest.fixture(scope="module")
def volume() -> Volume:
    voxels = np.random.default_rng(8).integers(0, 200, (24, 40, 36))
    voxels[4:18, 6:30, 5:14] = 1000
    return assemble_volume(builders.series(voxels.astype(np.int16), spacing_mm=(2.0, 1.1, 0.9)))


def added(storage: Storage, folder: Path, name: str) -> tuple[MonaiBundle, str]:
    """The pipeline, and what `mediview models verify` shows of it."""
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "somebody")
    pipeline = pipeline_named(storage.settings, name)
    assert isinstance(pipeline, MonaiBundle)
    version = pipeline.card.version
    standing = model_of(storage.settings, storage.model_states, pipeline.card.name, version)
    return pipeline, verify(storage.model_states, standing, "somebody")[1]


def run(storage: Storage, pipeline: MonaiBundle, volume: Volume) -> PipelineOutput:
    return pipeline.run(PipelineContext(storage.settings, volume))


def test_a_network_that_stays_equal_computes_in_bfloat16_and_the_result_says_so(
    tmp_path: Path, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise is far below nine tenths of the brightest, so that no label changes."""
    with storage_in(tmp_path) as storage:
        bundle = segmentation_bundle(tmp_path / "b", threshold=0.9, half_precision={"on_cpu": True})
        pipeline, shown = added(storage, bundle, NAME)
        assert shown.endswith(
            "It computes in bfloat16: in bfloat16 100 % of the self-test's voxels get the same"
            " label, and the card asks for 99.9 %."
        )
        forward, seen = torch.nn.Conv3d.forward, set()

        def watched(self: torch.nn.Conv3d, windows: torch.Tensor) -> torch.Tensor:
            answer = forward(self, windows)
            seen.add(answer.dtype)
            return answer

        monkeypatch.setattr(torch.nn.Conv3d, "forward", watched)
        output = run(storage, pipeline, volume)
        assert seen == {torch.bfloat16}
        assert output.parameters == ("numbers=bfloat16 (bfloat16: 100 % of labels equal)",)


def test_a_network_that_does_not_stay_equal_computes_in_float32(
    tmp_path: Path, volume: Volume
) -> None:
    """A threshold amid the noise: the labels of many voxels hang on the last digits."""
    with storage_in(tmp_path) as storage:
        asked = segmentation_bundle(tmp_path / "b", half_precision={"on_cpu": True})
        pipeline, shown = added(storage, asked, NAME)
        assert "It computes in float32: in bfloat16 9" in shown
        (parameter,) = run(storage, pipeline, volume).parameters
        assert parameter.startswith("numbers=float32 (bfloat16: 9")
        half = run(storage, pipeline, volume).mask(0)
        # The card may be content with less.
        parts = load_parts(pipeline._model, 1)
        assert parts.precision is not None
        assert 0.9 < parts.precision.equal < 0.999
        assert parts.computing is parts.network
    with storage_in(tmp_path / "other") as storage:
        plain = segmentation_bundle(tmp_path / "c")
        pipeline, _ = added(storage, plain, NAME)
        output = run(storage, pipeline, volume)
        assert output.parameters == ()
        np.testing.assert_array_equal(output.mask(0), half)


def test_a_card_may_be_content_with_less(tmp_path: Path, volume: Volume) -> None:
    with storage_in(tmp_path) as storage:
        bundle = segmentation_bundle(
            tmp_path / "b", half_precision={"on_cpu": True, "equal_at_least": 0.9}
        )
        pipeline, shown = added(storage, bundle, NAME)
        assert "It computes in bfloat16" in shown
        assert run(storage, pipeline, volume).parameters[0].startswith("numbers=bfloat16")


def test_on_a_cpu_it_is_off_unless_the_card_says_so(tmp_path: Path, volume: Volume) -> None:
    with storage_in(tmp_path) as storage:
        bundle = segmentation_bundle(tmp_path / "b", threshold=0.9, half_precision={})
        pipeline, shown = added(storage, bundle, NAME)
        assert "computes in" not in shown
        assert run(storage, pipeline, volume).parameters == ()


def _with_half(folder: Path, **stated: Any) -> Path:
    path = folder / "mediview.json"
    card = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**card, "half_precision": {"on_cpu": True, **stated}}))
    return folder


def test_torchscript_computes_by_it_and_onnx_does_not(tmp_path: Path, volume: Volume) -> None:
    with storage_in(tmp_path) as storage:
        script = _with_half(torchscript_model(tmp_path / "ts"), equal_at_least=0.9)
        pipeline, shown = added(storage, script, "model-plain-spleen")
        assert "It computes in bfloat16" in shown
        run(storage, pipeline, volume)
    with (
        storage_in(tmp_path / "other") as storage,
        pytest.raises(ModelUnusable, match="cannot compute in half precision"),
    ):
        added(storage, _with_half(onnx_model(tmp_path / "onnx")), "model-plain-spleen")


def test_what_has_no_labels_is_refused(tmp_path: Path) -> None:
    with (
        storage_in(tmp_path) as storage,
        pytest.raises(InvalidRequest, match="half_precision, which is for segmentations"),
    ):
        added(storage, _with_half(classification_bundle(tmp_path / "b")), "bundle-motion")


def test_structures_that_may_overlap_are_compared_one_by_one() -> None:
    logits = torch.tensor([[[1.0, 3.0, -1.0]], [[2.0, -1.0, -2.0]]]).transpose(0, 1)
    assert labels(logits, overlapping=False).tolist() == [[1, 0, 0]]
    assert labels(logits, overlapping=True).tolist() == [
        [[True, True, False], [True, False, False]]
    ]
