"""A bundle's configuration, in memory, as it can run here: its file is left as it is.

What the zoo's configurations take for granted, and a node has not: files to read and write, an
archive of weights on the internet, a GPU, packages of the training, arguments of older releases of
MONAI.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

_IMPORT = re.compile(r"\$\s*import\s+([\w.]+)(?:\s+as\s+(\w+))?\s*$")
_CUDA = re.compile(r"torch\.device\((['\"])cuda(?::\d+)?\1\)")
# Released bundles still state them; they never changed what the network computes.
_GONE = {"SwinUNETR": ("img_size",)}
_OWN = ("scripts", "configs")


def read_keys(parser: Any) -> tuple[str, ...]:
    """The keys under which the configuration reads images, each once; empty where it reads one
    image without keys."""
    found: list[str] = []
    for loader in _dicts({name: parser.config[name] for name in _preprocessing(parser.config)}):
        if _target(loader).startswith("LoadImaged"):
            keys = _value(parser, loader.get("keys", ()))
            found += [keys] if isinstance(keys, str) else [str(_value(parser, one)) for one in keys]
    return tuple(dict.fromkeys(found))


def leave_out(parser: Any, targets: tuple[str, ...]) -> None:
    """Drop the transforms that do what the node does, in whatever list of the configuration."""
    for name, value in parser.config.items():
        parser[name] = _without(value, targets)


def without_what_is_not_here(parser: Any, device: str) -> None:
    """Drop imports of packages that are not installed, and arguments that MONAI has no more; put
    the node's device in the place of a GPU."""
    imports = parser.config.get("imports")
    if isinstance(imports, list):
        parser["imports"] = [one for one in imports if _is_here(str(one))]
    for name, value in parser.config.items():
        parser[name] = _fitting(value, device)


def checkpoint_of(parser: Any, folder: Path) -> Path | None:
    """The weights that the configuration itself loads, inside the bundle; None where there are
    none."""
    loaders = [one for one in _dicts(parser.config) if _target(one).startswith("CheckpointLoader")]
    for loader in loaders:
        stated = loader.get("load_path")
        if not isinstance(stated, str):
            continue
        # Resolved under a name of its own, since a handler's list would be resolved as a whole.
        parser["mediview_load_path"] = stated
        path = Path(str(parser.get_parsed_content("mediview_load_path")))
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path
    return None


@contextlib.contextmanager
def without_downloads() -> Iterator[None]:
    """While networks are built: torchvision's weights are not fetched from the internet, since the
    bundle's own replace them at once. What else `pretrained` sets up stays."""
    import torch

    nothing: dict[str, Any] = {}
    load = torch.nn.Module.load_state_dict

    def load_something(self: Any, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        return None if state_dict is nothing else load(self, state_dict, *args, **kwargs)

    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.serialization.safe_globals(_arrays()))
        if importlib.util.find_spec("torchvision") is not None:
            patch, kinds = mock.patch.object, importlib.import_module("torchvision.models._api")
            gives_nothing = patch(kinds.WeightsEnum, "get_state_dict", lambda *_, **__: nothing)
            stack.enter_context(gives_nothing)
            stack.enter_context(patch(torch.nn.Module, "load_state_dict", load_something))
        yield


def _preprocessing(configuration: dict[str, Any]) -> list[str]:
    """Chains of transforms before the network; some stand apart and are joined by an expression."""
    return [name for name in configuration if name.endswith(("preprocessing", "_transforms"))]


def _value(parser: Any, stated: Any) -> Any:
    """What a plain reference such as `@image_key` stands for."""
    is_reference = isinstance(stated, str) and stated.startswith("@")
    return parser.config.get(stated[1:], stated) if is_reference else stated


def _arrays() -> list[Any]:
    """What NumPy's arrays are unpickled by: numbers alone. An architecture found by search comes
    as such a file beside the weights."""
    import numpy as np

    reconstruct = np.zeros(1).__reduce__()[0]
    kinds = [type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "u1", "?")]
    return [reconstruct, np.ndarray, np.dtype, *kinds]


def _is_here(statement: str) -> bool:
    """Whether what a configuration imports can be imported; the bundle's own scripts always."""
    found = _IMPORT.match(statement)
    if found is None:
        return True
    package = found[1].partition(".")[0]
    return package in _OWN or importlib.util.find_spec(package) is not None


def _without(value: Any, targets: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, targets) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(one, targets) for one in value if not _target(one).startswith(targets)]
    return value


def _fitting(value: Any, device: str) -> Any:
    if isinstance(value, str):
        return _CUDA.sub(f"torch.device('{device}')", value) if value.startswith("$") else value
    if isinstance(value, list):
        return [_fitting(one, device) for one in value]
    if isinstance(value, dict):
        gone = _GONE.get(_target(value), ())
        return {key: _fitting(one, device) for key, one in value.items() if key not in gone}
    return value


def _target(value: Any) -> str:
    """The last part of a component's `_target_`; empty for what is none."""
    return str(value.get("_target_", "")).rpartition(".")[2] if isinstance(value, dict) else ""


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    parts: Sequence[Any] = (
        list(value.values())
        if isinstance(value, dict)
        else value
        if isinstance(value, list)
        else ()
    )
    for part in parts:
        yield from _dicts(part)
