"""Folders of models that are larger than memory, or that bring code of their own along."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.language.models.fitting import check_fits, model_bytes
from inference.language.models.loading import load_model
from inference.language.models.own_code import code_digest
from inference.language.tasks import model_ref
from inference.models.model_cache import WARM
from inference.refusals import ModelUnusable
from storage.settings import load_settings

_OWN_CODE = """
from transformers import LlamaConfig, LlamaForCausalLM

class OwnConfig(LlamaConfig):
    model_type = "own-llama"

class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
    ran = True
"""


@pytest.fixture
def own_code(llama: Path, tmp_path: Path) -> Iterator[Path]:
    """A model whose class stands in its own folder."""
    folder = tmp_path / "own-code"
    shutil.copytree(llama, folder)
    (folder / "modeling_own.py").write_text(_OWN_CODE)
    path = folder / "config.json"
    path.write_text(
        json.dumps(
            {
                **json.loads(path.read_text()),
                "model_type": "own-llama",
                "architectures": ["OwnModel"],
                "auto_map": {
                    "AutoConfig": "modeling_own.OwnConfig",
                    "AutoModelForCausalLM": "modeling_own.OwnModel",
                },
            }
        )
    )
    yield folder
    WARM.forget_all()


def test_code_in_a_folder_runs_once_its_digest_is_named(
    own_code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))
    settings = load_settings(hf_summ_model=str(own_code))
    with pytest.raises(ModelUnusable, match="runs code of its own") as refusal:
        load_model(settings, "summary")
    digest = code_digest(own_code)
    assert digest in refusal.value.remedy
    trusting = load_settings(hf_summ_model=str(own_code), hf_trust_remote_code=digest)
    assert load_model(trusting, "summary").model.ran
    WARM.forget_all()
    (own_code / "modeling_own.py").write_text(_OWN_CODE + "\n# Another line.\n")
    with pytest.raises(ModelUnusable, match="runs code of its own"):
        load_model(trusting, "summary")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("{outside}--evil.Own", "not a file beside"),
        ("outside--evil.Own", "not a file beside"),
        ("owner/name--evil.Own", "not a file beside"),
        ("sub/evil.Own", "not a file beside"),
        ("../outside/evil.Own", "not a file beside"),
        (["modeling_own.OwnModel", "{outside}--evil.Own"], "not a file beside"),
        ("absent.Own", "lacks code"),
    ],
)
def test_code_from_elsewhere_runs_by_no_digest(own_code: Path, named: object, words: str) -> None:
    outside = own_code.parent / "outside"
    outside.mkdir()
    (outside / "evil.py").write_text(_OWN_CODE)
    named = json.loads(json.dumps(named).replace("{outside}", str(outside)))
    config = json.loads((own_code / "config.json").read_text())
    # Also where a part of the model has a configuration of its own.
    for changed in (
        {**config, "auto_map": {**config["auto_map"], "AutoConfig": named}},
        {**config, "vision_config": {"auto_map": {"AutoModel": named}}},
    ):
        (own_code / "config.json").write_text(json.dumps(changed))
        settings = load_settings(
            hf_summ_model=str(own_code), hf_trust_remote_code=code_digest(own_code)
        )
        with pytest.raises(ModelUnusable, match=words):
            load_model(settings, "summary")


def test_the_digest_is_of_what_names_the_code_too(own_code: Path) -> None:
    before = code_digest(own_code)
    config = json.loads((own_code / "config.json").read_text())
    config["auto_map"]["AutoModel"] = "modeling_own.OwnModel"
    (own_code / "config.json").write_text(json.dumps(config))
    assert code_digest(own_code) != before


@pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "folder"])
def test_a_folder_with_links_or_folders_runs_no_code(own_code: Path, kind: str) -> None:
    outside = own_code.parent / "outside"
    outside.mkdir()
    (outside / "evil.py").write_text(_OWN_CODE)
    if kind == "folder":
        (own_code / "custom_generate").mkdir()
    else:
        target = outside / "evil.py" if "file" in kind else outside
        (own_code / "evil.py").symlink_to(target)
    settings = load_settings(
        hf_summ_model=str(own_code), hf_trust_remote_code=code_digest(own_code)
    )
    with pytest.raises(ModelUnusable, match="links or folders"):
        load_model(settings, "summary")


def test_weights_beyond_what_is_free_are_refused_with_the_numbers(llama: Path) -> None:
    ref = model_ref(load_settings(hf_summ_model=str(llama)), "hf_summ_model")
    needed = model_bytes(ref)
    assert needed == (llama / "model.safetensors").stat().st_size
    check_fits(ref, lambda: needed)
    with pytest.raises(ModelUnusable, match=r"GiB of weights, and 0\.0 GiB of memory are free"):
        check_fits(ref, lambda: needed - 1)


def test_weights_in_parts_count_once(tmp_path: Path) -> None:
    """Beside them may lie the same in another form, which is not read."""
    for name, size in (("a.safetensors", 300), ("b.safetensors", 500), ("consolidated.bin", 800)):
        (tmp_path / name).write_bytes(bytes(size))
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "a.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    settings = load_settings(hf_summ_model=str(tmp_path))
    assert model_bytes(model_ref(settings, "hf_summ_model")) == 800


def test_what_is_larger_than_this_machine_is_refused_before_it_is_read(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.touch()
    with weights.open("r+b") as file:
        # Of zeros that no disk holds.
        file.truncate(1 << 42)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelUnusable, match=r"has 4096\.0 GiB of weights"):
        load_model(load_settings(hf_summ_model=str(tmp_path)), "summary")
