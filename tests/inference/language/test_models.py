"""Models are found by their setting, pinned, and loaded by the code that loads large ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.language.models import loading
from inference.language.models.image_inputs import image_inputs
from inference.language.models.loaded_model import LoadedModel
from inference.language.models.loading import classifies_answers, load_model
from inference.language.tasks import TASKS, TaskName, model_ref, readiness
from inference.refusals import ModelUnusable
from storage.core.errors import NotConfigured
from storage.settings import Settings, load_settings
from tests.inference.language import small_models, small_vision_models

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_without_a_model_each_task_says_which_setting_names_one(task: Any) -> None:
    with pytest.raises(NotConfigured) as refusal:
        model_ref(Settings(), task.setting)
    assert task.variable in refusal.value.remedy
    found = readiness(Settings(), task.setting)
    assert not found.ready
    assert found.optional


def test_a_model_of_the_hub_is_taken_with_its_commit_alone(tmp_path: Path) -> None:
    ref = model_ref(load_settings(hf_summ_model=f"owner/name@{COMMIT}"), "hf_summ_model")
    assert (ref.source, ref.revision) == ("owner/name", COMMIT)
    for value in ("owner/name", "owner/name@main", "owner/name@v1.0", "owner/name@"):
        with pytest.raises(NotConfigured, match="without a commit"):
            model_ref(load_settings(hf_summ_model=value), "hf_summ_model")
        found = readiness(load_settings(hf_summ_model=value), "hf_summ_model")
        assert not found.ready
        assert not found.optional
    for value in (str(tmp_path / "nothing"), "../no-models-here", "a b@c"):
        with pytest.raises(NotConfigured, match="not there"):
            model_ref(load_settings(hf_summ_model=value), "hf_summ_model")


def test_a_local_folder_is_found_from_wherever_the_worker_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_VQA_MODEL", "model")
    settings = load_settings()
    assert settings.hf_vqa_model == str(tmp_path / "model")
    assert model_ref(settings, "hf_vqa_model").is_local


def test_the_hub_is_asked_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Token, cache folder, commit, offline, and whose code may run: what transformers is told."""
    stated: list[dict[str, Any]] = []

    def remember(ref: Any, options: dict[str, Any]) -> str:
        stated.append(options)
        return "loaded"

    for name, value in {
        "HF_API_TOKEN": "hf_sesame",
        "HF_HOME": "/cache",
        "HF_HUB_OFFLINE": "1",
        "HF_TRUST_REMOTE_CODE": f"owner/own-code@{COMMIT}",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(hf_summ_model=f"owner/own-code@{COMMIT}")
    assert "hf_sesame" not in repr(settings)
    trusted = model_ref(settings, "hf_summ_model")
    loading.load_ref(settings, trusted, "hf_summ_model", "given-1", remember)
    other = model_ref(load_settings(hf_summ_model=f"owner/other@{COMMIT}"), "hf_summ_model")
    loading.load_ref(settings, other, "hf_summ_model", "given-2", remember)
    assert stated == [
        {
            "trust_remote_code": trust,
            "local_files_only": True,
            "revision": COMMIT,
            "token": "hf_sesame",
            "cache_dir": "/cache/hub",
            **({"code_revision": COMMIT} if trust else {}),
        }
        for trust in (True, False)
    ]


def test_what_is_no_model_is_refused_with_the_setting(tmp_path: Path) -> None:
    settings = load_settings(hf_summ_model=str(tmp_path))
    with pytest.raises(ModelUnusable, match="cannot be loaded") as refusal:
        load_model(settings, "summary")
    assert "HF_SUMM_MODEL" in refusal.value.remedy


def test_offline_and_not_there_says_so(tmp_path: Path) -> None:
    settings = load_settings(
        hf_summ_model=f"owner/name@{COMMIT}", hf_hub_offline=True, hf_home=tmp_path
    )
    with pytest.raises(ModelUnusable) as refusal:
        load_model(settings, "summary")
    assert "HF_HUB_OFFLINE" in refusal.value.remedy


def test_a_model_stays_warm_and_the_least_used_leaves(tmp_path: Path) -> None:
    loads: list[str] = []

    def load(ref: Any, options: dict[str, Any]) -> str:
        loads.append(ref.name)
        return str(ref.name)

    for name in "abca":
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        settings = load_settings(hf_summ_model=str(folder))
        ref = model_ref(settings, "hf_summ_model")
        assert loading.load_ref(settings, ref, "hf_summ_model", "warm", load) == name
    assert loads == ["a", "b", "c"]


BUILD: dict[str, tuple[str, TaskName, Callable[[Path], Path]]] = {
    "layoutlm": ("hf_dqa_model", "docqa", small_vision_models.layoutlm),
    "vilt": ("hf_vqa_model", "vqa", small_vision_models.vilt),
    "blip": ("hf_vqa_model", "vqa", small_vision_models.blip),
    "llava": ("hf_vqa_model", "vqa", small_vision_models.llava),
    "segformer": ("hf_img_seg_model", "image-segmentation", small_vision_models.segformer),
}


@pytest.mark.parametrize("kind", BUILD)
def test_each_class_is_loaded_from_its_folder(kind: str, models: Path) -> None:
    setting, task, build = BUILD[kind]
    settings = load_settings(**{setting: str(build(models / f"{kind}-loaded"))})
    loaded = load_model(settings, task)
    assert load_model(settings, task) is loaded
    if kind == "vilt":
        assert classifies_answers(loaded)


def test_an_image_model_that_does_not_look_is_refused(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As models do whose code and weights no longer fit: they answer from the words alone."""
    import torch
    from transformers import ViltForQuestionAnswering

    folder = small_vision_models.vilt(models / "blind")
    model = ViltForQuestionAnswering.from_pretrained(folder)
    with torch.no_grad():
        projection = model.vilt.embeddings.patch_embeddings.projection
        projection.weight.zero_()
        projection.bias.zero_()
    model.save_pretrained(folder)
    with pytest.raises(ModelUnusable, match="does not look at the image"):
        load_model(load_settings(hf_vqa_model=str(folder)), "vqa")


def test_a_picture_reaches_the_model_that_sees(llava: Path) -> None:
    loaded: LoadedModel = load_model(load_settings(hf_vqa_model=str(llava)), "vqa")
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (50, 40, 3), np.uint8))
    inputs = image_inputs(loaded, noise, "What is shown?")
    assert inputs["pixel_values"].shape[-2:] == (32, 32)
    image_token = loaded.model.config.image_token_id
    assert int((inputs["input_ids"] == image_token).sum()) == 16


def _llama(folder: Path) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=300, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    small_models.byte_tokenizer().save_pretrained(folder)
    return folder


def test_files_that_lie_are_refused_in_a_sentence(tmp_path: Path) -> None:
    good = _llama(tmp_path / "good")
    raw = (good / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8:end]), raw[end:]
    first, second = [name for name in header if name != "__metadata__"][:2]

    def weights(**changes: dict[str, Any]) -> bytes:
        text = json.dumps({name: one | changes.get(name, {}) for name, one in header.items()})
        return len(text).to_bytes(8, "little") + text.encode() + data

    def config(**changes: Any) -> bytes:
        return json.dumps(json.loads((good / "config.json").read_text()) | changes).encode()

    overlap = {second: {"data_offsets": header[first]["data_offsets"]}}
    for number, (name, content) in enumerate(
        (
            ("model.safetensors", weights(**{first: {"shape": [1 << 31, 1 << 20]}})),
            ("model.safetensors", weights(**overlap)),
            ("model.safetensors", (1 << 62).to_bytes(8, "little") + b"{}"),
            ("pytorch_model.bin", b"no pickle at all"),
            ("config.json", config(num_attention_heads=0)),
            ("config.json", config(hidden_size="x")),
            ("config.json", config(num_hidden_layers=3)),  # two would be left to chance
            ("tokenizer.json", b"[" * 100_000),
        )
    ):
        folder = tmp_path / f"lying-{number}"
        shutil.copytree(good, folder)
        if name == "pytorch_model.bin":
            (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(content)
        with pytest.raises(ModelUnusable, match=r"cannot be loaded for summary|lack 18 that"):
            load_model(load_settings(hf_summ_model=str(folder)), "summary")
    assert load_model(load_settings(hf_summ_model=str(good)), "summary")
