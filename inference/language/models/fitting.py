"""Whether a model's weights fit into the memory that they are loaded into."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from inference.language.tasks import ModelRef
from inference.models.devices import device
from inference.models.model_cache import free_memory_bytes, weights_bytes
from inference.refusals import ModelUnusable

# In this order transformers looks for them; a folder may hold the same weights in other forms, too.
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_WHOLE = ("model.safetensors", "pytorch_model.bin")
_GIB = 2**30


def model_bytes(ref: ModelRef) -> int:
    """Of the weights of a local model; what the hub's cache holds has no path."""
    if not ref.is_local:
        return 0
    path = Path(ref.source)
    if not path.is_dir():
        return weights_bytes(path)
    return weights_bytes(*_read_files(path))


def _read_files(folder: Path) -> list[Path]:
    for whole, index in zip(_WHOLE, _INDEXES, strict=True):
        if (folder / whole).is_file():
            return [folder / whole]
        try:
            shards = set(json.loads((folder / index).read_bytes())["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        return [folder / str(name) for name in shards]
    return []


def check_fits(
    ref: ModelRef,
    free_bytes: Callable[[], int] | None = None,
    *,
    share: float = 1.0,
    everywhere: bool = False,
) -> None:
    """Raises ModelUnusable, with the numbers, of weights that are more than what is free. `share`:
    how much of them is kept; `everywhere`: they are spread over all GPUs and memory.

    Loading such a model would have the kernel end the process, with all that it works on.
    """
    needed = round(model_bytes(ref) * share)
    free = (free_bytes or (_free_everywhere_bytes if everywhere else _free_bytes))()
    if needed > free:
        raise ModelUnusable(
            f"The model {ref.name} has {needed / _GIB:.1f} GiB of weights, and"
            f" {free / _GIB:.1f} GiB of memory are free.",
            remedy="Choose a smaller model, give the worker more memory, or let a model server"
            " compute it (server:NAME/MODEL).",
        )


def _free_bytes() -> int:
    """Of the device that models are loaded onto, and of memory, through which they come."""
    free = free_memory_bytes()
    torch = sys.modules.get("torch")
    if torch is not None and str(device()).startswith("cuda"):
        free = min(free, int(torch.cuda.mem_get_info()[0]))
    return free


def _free_everywhere_bytes() -> int:
    """Of all GPUs and of memory."""
    free = free_memory_bytes()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        free += sum(torch.cuda.mem_get_info(one)[0] for one in range(torch.cuda.device_count()))
    return free
