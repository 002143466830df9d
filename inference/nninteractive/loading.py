"""A network of nnInteractive with what its own session needs besides, loaded once and probed."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inference.models.cards.card_file import CARD_FILE
from inference.models.devices import device, is_out_of_memory
from inference.models.files import file_sha256, use_threads
from inference.models.model_cache import WARM, weights_bytes
from inference.nninteractive.description import CONVERTED_FILE, NninteractiveDescription
from inference.nninteractive.info import info_file_of
from inference.nnunet.conversion import weights_file
from inference.nnunet.loading import check_weights
from inference.nnunet.package import nnunetv2_at_work
from inference.nnunet.plans import PLANS_FILE
from inference.refusals import ModelUnusable, no_numbers
from storage.core.errors import MediViewError

if TYPE_CHECKING:
    import torch

REMEDY = "Add the model again: mediview models add FOLDER."
_DIFFERS = 1e-6
_HEADS = 2
"""Background and structure, whatever the plans' data set had for classes."""
# What nnunetv2 asks of dataset.json to build that network.
_DATASET = {
    "channel_names": {"0": "image"},
    "labels": {"background": 0, "structure": 1},
    "file_ending": ".nii.gz",
}


@dataclass(frozen=True)
class LoadedModel:
    """`artifacts`: what `nnInteractiveInferenceSession.initialize_from_loaded_artifacts` takes;
    sessions share it."""

    artifacts: dict[str, Any]
    answer: dict[str, float]
    """What the network gives for the noise of the self-test."""


def load_model(model: NninteractiveDescription, threads: int) -> LoadedModel:
    """From session to session the same one. Raises ModelUnusable."""
    use_threads(threads)
    weights = model.folder / weights_file(model.converted.folds[0])
    described = (model.folder / PLANS_FILE, model.folder / CONVERTED_FILE, model.folder / CARD_FILE)
    info = info_file_of(model.folder)
    files = (weights, *described, *([] if info is None else [info]))
    key = (model.name, model.version, *(file_sha256(path) for path in files), device())
    return WARM.get(key, lambda: _loaded(model), weights_bytes(weights))


def package_at_work() -> AbstractContextManager[None]:
    """Import and use nnInteractive, which prints; raises ModelUnusable where it is missing."""
    return nnunetv2_at_work("nnInteractive", "nninteractive")


def new_session() -> Any:
    """A session of nnInteractive without a model and an image, within `package_at_work`."""
    import torch
    from nnInteractive.inference.inference_session import nnInteractiveInferenceSession

    return nnInteractiveInferenceSession(
        device=torch.device(device()), torch_n_threads=torch.get_num_threads()
    )


def _loaded(model: NninteractiveDescription) -> LoadedModel:
    try:
        with package_at_work():
            artifacts = _artifacts(model)
            return LoadedModel(artifacts, _answer(model, artifacts["network"]))
    except MediViewError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Whatever the packages raise about the model's files means that it is unusable.
        raise ModelUnusable(
            f"The model {model.name} cannot be loaded ({type(error).__name__}).", remedy=REMEDY
        ) from error


def _artifacts(model: NninteractiveDescription) -> dict[str, Any]:
    """As nnInteractive makes them of a folder, of weights that were no pickle."""
    from nnInteractive.interaction.point import PointInteraction_stub
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    session = new_session()
    # nnInteractive's own reading, which checks the release that the model asks for.
    found = session._load_capability_and_runtime_defaults(str(model.folder))
    capability, radius, thickness, decay, padding = found
    plans = PlansManager(json.loads((model.folder / PLANS_FILE).read_text("utf-8")))
    artifacts = {
        "capability_content": capability,
        "point_interaction": PointInteraction_stub(radius, use_distance_transform=True),
        "preferred_scribble_thickness": thickness,
        "interaction_decay": decay,
        "pad_mode_data": padding,
        "network": None,
        "plans_manager": plans,
        "configuration_manager": plans.get_configuration(model.converted.configuration),
        "dataset_json": _DATASET,
        "trainer_name": model.converted.trainer,
        "label_manager": plans.get_label_manager(_DATASET),
        "license": model.licence,
    }
    # It says how many channels are behind the image.
    session.initialize_from_loaded_artifacts(artifacts)
    channels = 1 + int(session.num_interaction_channels)
    artifacts["network"] = _network(model, artifacts["configuration_manager"], channels)
    return artifacts


def _network(model: NninteractiveDescription, configuration: Any, channels: int) -> torch.nn.Module:
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from safetensors.torch import load_file

    weights = load_file(model.folder / weights_file(model.converted.folds[0]))
    weights |= {alias: weights[key] for alias, key in model.converted.aliases.items()}
    # Without memory, so that a size that plans.json states is compared before it is allocated.
    with torch.device("meta"):
        network: torch.nn.Module = get_network_from_plans(
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
            channels,
            _HEADS,
            allow_init=False,
            deep_supervision=False,
        )
    check_weights(network, weights, model.name, REMEDY)
    network.load_state_dict(weights, assign=True)
    return network.to(device()).eval()


def _answer(model: NninteractiveDescription, network: torch.nn.Module) -> dict[str, float]:
    """A blank image and noise, and a click and none, must not give the same."""
    import torch

    channels = next(network.parameters()).shape[1]
    shape = (1, channels, *model.planned.probe_shape)
    noise = torch.zeros(shape)
    noise[:, 0] = torch.rand(shape[2:], generator=torch.Generator().manual_seed(1))
    clicked = noise.clone()
    middle = tuple(slice(size // 2, size // 2 + 1) for size in shape[2:])
    clicked[(slice(None), slice(2, None), *middle)] = 1.0
    with torch.inference_mode():
        seen, blank, shown = (
            network(one.to(device())).float() for one in (noise, torch.zeros(shape), clicked)
        )
    if not all(torch.isfinite(one).all() for one in (seen, blank, shown)):
        raise no_numbers(f"the model {model.name}", "noise or a blank image", REMEDY)
    for other, what in ((blank, "a blank image like any other"), (shown, "clicks like none")):
        if float((seen - other).abs().max()) <= _DIFFERS:
            raise ModelUnusable(f"The model {model.name} answers {what}.", remedy=REMEDY)
    return {
        "mean answer of the network to noise": float(seen.mean()),
        "largest answer of the network to noise": float(seen.max()),
    }
