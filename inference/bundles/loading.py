"""The parts of a bundle: transforms, network and inferer, loaded once and probed.

The parts that read and write files are left out. MONAI calls whatever the bundle's
configuration names, so a bundle is code: only what an operator added runs.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.bundles.description import is_bundle
from inference.bundles.half_precision import HalfNetwork, Precision, labels, precision_of
from inference.bundles.preparing import (
    checkpoint_of,
    leave_out,
    read_keys,
    without_downloads,
    without_what_is_not_here,
)
from inference.bundles.probe_image import main_output, noise_for
from inference.bundles.scripts import scripts_of
from inference.model_servers.open_inference import client_of
from inference.models.cards.card_file import CARD_FILE
from inference.models.description import ModelDescription
from inference.models.devices import device, is_out_of_memory
from inference.models.files import file_sha256, load_module, use_threads
from inference.models.model_cache import WARM, weights_bytes
from inference.refusals import ModelUnusable, no_numbers
from storage.core.errors import MediViewError

if TYPE_CHECKING:
    import torch

REMEDY = "Get the bundle again, or one for this version of MONAI, and add it again."
_READS, _WRITES = ("LoadImage",), ("SaveImage", "SaveClassification", "SaveToDisk", "NpySaver")
# Boxes are placed in the patient by the node, from the grid on which they were found.
_PLACES_BOXES = ("AffineBoxToWorld", "ConvertBoxMode", "DeleteItems")
_WEIGHTS = ("models/model.pt", "models/model.ts", "models/model.onnx", "model.ts", "model.onnx")
_STATE_KEYS = ("model", "state_dict", "network", "model_state_dict")
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
_DIFFERS = 1e-6
_QUOTED_AT_MOST = 200


@dataclass(frozen=True)
class Parts:
    preprocessing: Any
    network: torch.nn.Module
    inferer: Any
    postprocessing: Any
    answer: dict[str, float]
    """What the network gives for the noise of the self-test."""
    reads: tuple[str, ...] = ("image",)
    """The keys under which the preprocessing wants its images; empty: one image without a key."""
    prompts: tuple[int, ...] = ()
    """Of a network that segments the classes it is asked for: all that it may be asked."""
    precision: Precision | None = None
    """Where the card asks for half precision on this device."""

    @property
    def computing(self) -> Any:
        """The network, in the numbers that stood the self-test."""
        if self.precision is None or not self.precision.is_half:
            return self.network
        return HalfNetwork(self.network, self.precision.asked.numbers, device())


def load_parts(bundle: ModelDescription, threads: int) -> Parts:
    """The bundle's parts, from job to job the same ones. Raises ModelUnusable."""
    use_threads(threads)
    weights = _weights_in(bundle)
    # The same weights with another configuration are another model; of one that a server computes,
    # the card says which.
    described = [path for path in (bundle.inference_file, bundle.folder / CARD_FILE) if path]
    files = [*weights, *(path for path in described if path.is_file())]
    key = (bundle.name, bundle.version, *(file_sha256(path) for path in files), device())
    return WARM.get(key, lambda: _loaded(bundle, threads), weights_bytes(*weights))


@contextlib.contextmanager
def as_bundle(bundle: ModelDescription) -> Iterator[None]:
    """Let the configuration import the bundle's own scripts, as MONAI's runner does.

    Models that are data alone bring none.
    """
    own = scripts_of(bundle.folder) if is_bundle(bundle.folder) else contextlib.nullcontext()
    with own, warnings.catch_warnings():
        # Of MONAI's and torch's own making, and of no use to an operator.
        warnings.simplefilter("ignore")
        yield


def _weights_in(bundle: ModelDescription) -> list[Path]:
    """What holds the weights by its name; else all of which the configuration may load one."""
    named = [bundle.folder / name for name in _WEIGHTS if (bundle.folder / name).is_file()]
    return named or sorted((bundle.folder / "models").glob("*.pt"))


def _loaded(bundle: ModelDescription, threads: int) -> Parts:
    try:
        with as_bundle(bundle):
            return _parse(bundle, threads)
    except MediViewError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # A bundle is other people's code: whatever it raises means that it is unusable.
        missing = _missing_package(error)
        if missing:
            raise ModelUnusable(
                f"The bundle {bundle.name} needs the package {missing}, which is not installed.",
                remedy=f"pip install {missing}",
            ) from error
        raise ModelUnusable(
            f"{subject_of(bundle)} cannot be loaded or fails its self-test: {_raised(error)}",
            remedy=remedy_of(bundle),
        ) from error


def subject_of(bundle: ModelDescription) -> str:
    """As errors name it: files of a network alone are no bundle to who added them."""
    return f"The {'bundle' if is_bundle(bundle.folder) else 'model'} {bundle.name}"


def remedy_of(bundle: ModelDescription) -> str:
    if is_bundle(bundle.folder):
        return REMEDY
    return "Correct the network or its card, and add it again."


def _raised(error: Exception) -> str:
    """Of what class it is, and the last line of what it says: above it TorchScript writes its
    code. No patient's data have been seen yet."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = "".join(one for one in (lines[-1] if lines else "") if one.isprintable())
    quoted = last if len(last) <= _QUOTED_AT_MOST else f"{last[:_QUOTED_AT_MOST]}…"
    return f"{type(error).__name__}: {quoted}".removesuffix(": ").rstrip(".") + "."


def _missing_package(error: BaseException | None) -> str:
    """The package whose absence an error comes from; MONAI and its parser wrap it."""
    while error is not None:
        found = _NO_MODULE.search(str(error))
        if found:
            return found[1].partition(".")[0]
        error = error.__cause__ or error.__context__
    return ""


def _parse(bundle: ModelDescription, threads: int) -> Parts:
    from monai.bundle import ConfigParser

    parser = ConfigParser(bundle.configuration or None)
    if bundle.inference_file is not None:
        parser.read_config(str(bundle.inference_file))
    parser["bundle_root"] = str(bundle.folder)
    parser["device"] = f"$torch.device('{device()}')"
    reads = read_keys(parser) if bundle.inference_file is not None else ("image",)
    boxes = _PLACES_BOXES if bundle.kind == "detection" else ()
    # A classification is stated with its probability, and not as the class that is likeliest.
    decides = ("AsDiscrete",) if bundle.kind == "classification" else ()
    leave_out(parser, (*_READS, *_WRITES, *boxes, *decides))
    without_what_is_not_here(parser, device())
    network = _network(bundle, parser, threads)
    network.to(device()).eval()
    if "detector_ops" in parser.config:
        # They set up the detector that the inferer refers to.
        parser.get_parsed_content("detector_ops")
    inferer = parser.get_parsed_content("inferer")
    has_post = "postprocessing" in parser.config
    prompts: tuple[int, ...] = ()
    if takes_prompts(network):
        everything = parser.get_parsed_content("everything_labels", default=sorted(bundle.labels))
        prompts = tuple(int(one) for one in everything)
    return Parts(
        parser.get_parsed_content("preprocessing"),
        network,
        inferer,
        parser.get_parsed_content("postprocessing") if has_post else None,
        _answer(network, inferer, bundle),
        reads,
        prompts,
        _precision(network, inferer, bundle, parser, prompts),
    )


def _network(bundle: ModelDescription, parser: Any, threads: int) -> torch.nn.Module:
    import torch

    if bundle.served is not None:
        from inference.bundles.served_network import ServedNetwork

        return ServedNetwork(client_of(bundle.name, bundle.endpoint, bundle.served))
    weights = checkpoint_of(parser, bundle.folder) or next(
        (bundle.folder / name for name in _WEIGHTS if (bundle.folder / name).is_file()), None
    )
    if weights is None:
        raise ModelUnusable(f"The bundle {bundle.name} has no weights.", remedy=REMEDY)
    if weights.suffix == ".ts":
        return load_module(weights)
    if weights.suffix == ".onnx":
        from inference.bundles.onnx_network import OnnxNetwork

        return OnnxNetwork(weights, threads)
    # `network` is what other parts of the configuration refer to, where it is there.
    with without_downloads():
        network: torch.nn.Module = parser.get_parsed_content(
            _first_of(parser, "network", "network_def")
        )
    state = torch.load(str(weights), map_location=device(), weights_only=True)
    network.load_state_dict(next((state[key] for key in _STATE_KEYS if key in state), state))
    return network


def _first_of(parser: Any, *names: str) -> str:
    for name in names:
        if name in parser.config:
            return name
    raise ModelUnusable(f"The configuration names none of {', '.join(names)}.", remedy=REMEDY)


def _answer(network: torch.nn.Module, inferer: Any, bundle: ModelDescription) -> dict[str, float]:
    """A blank image and noise must not give the same: a network that attends to nothing fails."""
    import torch

    noise = noise_for(inferer, bundle)
    given = (
        {"class_vector": torch.ones((1, 1), dtype=torch.long, device=device())}
        if takes_prompts(network)
        else {}
    )
    with torch.inference_mode():
        seen, blank = (
            main_output(network(x, **given)).float() for x in (noise, torch.zeros_like(noise))
        )
    distance = float((seen - blank).abs().max())
    if not (torch.isfinite(seen).all() and torch.isfinite(blank).all()):
        raise no_numbers(subject_of(bundle), "noise or a blank image", remedy_of(bundle))
    if distance <= _DIFFERS:
        raise ModelUnusable(
            f"{subject_of(bundle)} answers a blank image like any other.",
            remedy=remedy_of(bundle),
        )
    return {
        "mean answer to noise": float(seen.mean()),
        "largest answer to noise": float(seen.max()),
    }


def _precision(
    network: torch.nn.Module,
    inferer: Any,
    bundle: ModelDescription,
    parser: Any,
    prompts: tuple[int, ...],
) -> Precision | None:
    """Raises ModelUnusable where the card asks for what this network has not."""
    asked = bundle.half_precision
    if asked is None:
        return None
    if prompts or next(network.parameters(), None) is None:
        raise ModelUnusable(
            f"{subject_of(bundle)} cannot compute in half precision: torch does not compute its"
            " network, or it is asked for classes.",
            remedy="Leave half_precision out of its card.",
        )
    if device() == "cpu" and not asked.on_cpu:
        return None
    overlapping = "sigmoid" in str(parser.config.get("postprocessing")).lower()
    noise = noise_for(inferer, bundle)
    return precision_of(
        asked,
        network,
        device(),
        noise,
        lambda answer: labels(main_output(answer), overlapping=overlapping),
    )


def takes_prompts(network: Any) -> bool:
    """Whether it segments what it is asked for, by class or by point, as VISTA3D."""
    return hasattr(network, "class_head") and hasattr(network, "point_head")
