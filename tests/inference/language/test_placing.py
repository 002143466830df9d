"""Weights in fewer bits and over several devices: as the settings want it, or refused by name.

What is not installed here is refused; what is, loads the real thing.
"""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.language.models.fitting import check_fits, model_bytes
from inference.language.models.loading import load_model
from inference.language.tasks import model_ref
from inference.refusals import ModelUnusable
from storage.settings import Settings, load_settings


def settings_of(model: Path, **changes: Any) -> Settings:
    return load_settings(hf_summ_model=str(model), **changes)


def is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_fewer_bits_without_the_package_or_a_gpu_are_refused_by_name(
    llama: Path, quantization: str
) -> None:
    if torch.cuda.is_available():
        pytest.skip("A GPU is here.")
    missing = [one for one in ("bitsandbytes", "accelerate") if not is_there(one)]
    says = f"the package {missing[0]} is not installed" if missing else "computes on the CPU"
    with pytest.raises(ModelUnusable) as refused:
        load_model(settings_of(llama, language_quantization=quantization), "summary")
    assert f"MEDIVIEW_LANGUAGE_QUANTIZATION is {quantization}" in refused.value.message
    assert says in refused.value.message
    assert refused.value.remedy


def test_a_map_over_devices_needs_accelerate_and_changes_no_answer(llama: Path) -> None:
    plain = load_model(settings_of(llama), "summary")
    mapped = settings_of(llama, language_device_map="auto")
    if not is_there("accelerate"):
        with pytest.raises(ModelUnusable, match="the package accelerate is not installed"):
            load_model(mapped, "summary")
        return
    found = load_model(mapped, "summary")
    assert found is not plain
    given = plain.tokenizer("A large left hydropneumothorax", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected, logits = (one.model(given.to(one.model.device)).logits for one in (plain, found))
    torch.testing.assert_close(logits.cpu(), expected.cpu())


def test_weights_in_fewer_bits_need_less_room(llama: Path) -> None:
    ref = model_ref(settings_of(llama), "hf_summ_model")
    whole = model_bytes(ref)
    check_fits(ref, lambda: whole // 2, share=0.3)
    with pytest.raises(ModelUnusable, match="GiB of weights"):
        check_fits(ref, lambda: whole // 4, share=0.3)
