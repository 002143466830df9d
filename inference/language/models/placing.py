"""In how many bits the weights of models that write are loaded, and over which devices."""

from __future__ import annotations

import importlib.util
from typing import Any

from inference.language.tasks import ModelRef
from inference.models.devices import device
from inference.models.pretrained import pretrained
from inference.refusals import ModelUnusable
from storage.settings import Settings

_SHARES = {"none": 1.0, "int8": 0.5, "nf4": 0.3}
"""Of the bytes of weights that are saved with 16 bits; norms and embeddings stay as they are."""
_QUANTIZATION, _DEVICE_MAP = "MEDIVIEW_LANGUAGE_QUANTIZATION", "MEDIVIEW_LANGUAGE_DEVICE_MAP"


def placing_of(settings: Settings) -> tuple[str, str]:
    """What a loaded model depends on besides its files."""
    return settings.language_quantization, settings.language_device_map


def share_of_weights(settings: Settings) -> float:
    """How much of their size on the disk the weights take on the device."""
    return _SHARES[settings.language_quantization]


def check_placing(settings: Settings, ref: ModelRef) -> None:
    """Raises ModelUnusable naming what a setting needs and is not there."""
    quantization, device_map = placing_of(settings)
    if quantization != "none":
        _check_package("bitsandbytes", _QUANTIZATION, quantization)
        _check_package("accelerate", _QUANTIZATION, quantization)
        if not device().startswith("cuda"):
            raise ModelUnusable(
                f"{_QUANTIZATION} is {quantization}, and models are quantised on a GPU alone; this"
                " worker computes on the CPU.",
                remedy=f"Set {_QUANTIZATION} to none, or let a model server compute it"
                " (server:NAME/MODEL).",
            )
        if ref.source.endswith(".gguf"):
            raise ModelUnusable(
                f"{ref.name} is a GGUF file, whose weights are quantised already;"
                f" {_QUANTIZATION} is {quantization}.",
                remedy="Set it to none, or name the folder of the model as it was saved.",
            )
    if device_map != "one":
        _check_package("accelerate", _DEVICE_MAP, device_map)


def placed(settings: Settings, auto_class: Any, source: str, **options: Any) -> Any:
    """A model with its weights where the settings want them, ready to be called.

    Raises ModelUnusable, and what the framework raises.
    """
    quantization, device_map = placing_of(settings)
    if quantization == "none" and device_map == "one":
        return pretrained(auto_class, source, **options).to(device()).eval()
    # Without a map transformers would load in full first, and what is quantised is not moved.
    placing: dict[str, Any] = {"device_map": "auto" if device_map == "auto" else {"": device()}}
    if quantization != "none":
        placing["quantization_config"] = _quantized(quantization)
    return pretrained(auto_class, source, **options, **placing).eval()


def _quantized(quantization: str) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _check_package(package: str, setting: str, value: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ModelUnusable(
            f"{setting} is {value}, and the package {package} is not installed.",
            remedy=f"Install it beside the node (pip install {package}), or leave {setting} out.",
        )
