"""Networks of nnU-Net with nnunetv2's own predictor, loaded once and probed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inference.models.cards.card_file import CARD_FILE
from inference.models.devices import device, is_out_of_memory
from inference.models.files import file_sha256, use_threads
from inference.models.model_cache import WARM, weights_bytes
from inference.nnunet.conversion import CONVERTED_FILE, check_trainer, weights_file
from inference.nnunet.dataset import DATASET_FILE
from inference.nnunet.description import NnunetDescription, TrainedModel
from inference.nnunet.package import nnunetv2_at_work
from inference.nnunet.plans import PLANS_FILE
from inference.refusals import ModelUnusable, no_numbers
from storage.core.errors import InvalidRequest

if TYPE_CHECKING:
    import torch

REMEDY = "Add the model again: mediview models add FOLDER."
_DIFFERS = 1e-6


@dataclass(frozen=True)
class LoadedPart:
    """`predictor` is an nnUNetPredictor; `values` what its values become, empty: the same."""

    predictor: Any
    values: dict[int, int]


@dataclass(frozen=True)
class LoadedModel:
    parts: tuple[LoadedPart, ...]
    answer: dict[str, float]
    """What the networks give for the noise of the self-test."""


def load_model(model: NnunetDescription, threads: int) -> LoadedModel:
    """From job to job the same one. Raises ModelUnusable."""
    use_threads(threads)
    weights = [
        part.folder / weights_file(fold) for part in model.parts for fold in part.converted.folds
    ]
    # What the same weights were built and are run with counts as well.
    described = [
        part.folder / name
        for part in model.parts
        for name in (PLANS_FILE, DATASET_FILE, CONVERTED_FILE)
    ]
    files = (*weights, *described, model.folder / CARD_FILE)
    key = (model.name, model.version, *(file_sha256(path) for path in files), device())
    return WARM.get(key, lambda: _loaded(model), weights_bytes(*weights))


def _loaded(model: NnunetDescription) -> LoadedModel:
    try:
        for part in model.parts:
            check_trainer(part.converted.trainer)
        with nnunetv2_at_work():
            parts = tuple(LoadedPart(_predictor(part, model), part.values) for part in model.parts)
            answer: dict[str, float] = {}
            for part, loaded in zip(model.parts, parts, strict=True):
                answer |= _answer(part, loaded.predictor, model)
    except ModelUnusable:
        raise
    except InvalidRequest as error:
        raise ModelUnusable(error.message, remedy=error.remedy) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Whatever nnunetv2 raises about its own files means that the model is unusable.
        raise ModelUnusable(
            f"The model {model.name} cannot be loaded ({type(error).__name__}).", remedy=REMEDY
        ) from error
    return LoadedModel(parts, answer)


def _predictor(part: TrainedModel, model: NnunetDescription) -> Any:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
    from safetensors.torch import load_file

    converted, settings = part.converted, model.card.model
    plans = PlansManager(json.loads((part.folder / PLANS_FILE).read_text("utf-8")))
    dataset = json.loads((part.folder / DATASET_FILE).read_text("utf-8"))
    configuration = plans.get_configuration(converted.configuration)
    heads = plans.get_label_manager(dataset).num_segmentation_heads
    folds = []
    for fold in converted.folds:
        weights = load_file(part.folder / weights_file(fold))
        folds.append(weights | {alias: weights[key] for alias, key in converted.aliases.items()})
    # Without memory, so that a size that plans.json states is compared before it is allocated.
    with torch.device("meta"):
        network = _network(configuration, len(part.dataset.channels), heads)
    for weights in folds:
        check_weights(network, weights, model.name, REMEDY)
    # nnunetv2 copies each fold's weights into the network, which therefore has its own.
    own = {key: tensor.clone() for key, tensor in folds[0].items()} if folds[1:] else folds[0]
    network.load_state_dict(own, assign=True)
    predictor = nnUNetPredictor(
        tile_step_size=settings.step,
        use_mirroring=settings.mirroring,
        perform_everything_on_device=device() != "cpu",
        device=torch.device(device()),
        allow_tqdm=False,
    )
    predictor.manual_initialization(
        network,
        plans,
        configuration,
        folds,
        dataset,
        converted.trainer,
        # An empty tuple would be averaged over nothing.
        converted.mirror_axes or None,
    )
    return predictor


def _network(configuration: Any, channels: int, heads: int) -> torch.nn.Module:
    """As nnUNetTrainer builds it."""
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    network: torch.nn.Module = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        channels,
        heads,
        allow_init=False,
        deep_supervision=False,
    )
    return network


def check_weights(
    network: torch.nn.Module, weights: dict[str, torch.Tensor], model_name: str, remedy: str
) -> None:
    """Raises ModelUnusable unless they are those of a network that its plans describe."""
    wanted = network.state_dict()
    for key in sorted(wanted.keys() ^ weights.keys()):
        what = "has no weights for" if key in wanted else "has weights for another network:"
        raise ModelUnusable(f"The model {model_name} {what} {key}.", remedy=remedy)
    for key, tensor in weights.items():
        if tensor.shape != wanted[key].shape:
            raise ModelUnusable(
                f"{key} of the model {model_name} has the shape {tuple(tensor.shape)};"
                f" plans.json says {tuple(wanted[key].shape)}.",
                remedy=remedy,
            )


def _answer(part: TrainedModel, predictor: Any, model: NnunetDescription) -> dict[str, float]:
    """A blank image and noise must not give the same: a network that attends to nothing fails."""
    import torch

    shape = (1, len(part.dataset.channels), *part.configuration.probe_shape)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(1)).to(device())
    network = predictor.network.to(device()).eval()
    of_part = part.plans.dataset_name if len(model.parts) > 1 else "the network"
    answer: dict[str, float] = {}
    # As nnUNetPredictor goes from fold to fold.
    for fold, weights in zip(part.converted.folds, predictor.list_of_parameters, strict=True):
        network.load_state_dict(weights)
        with torch.inference_mode():
            seen, blank = (network(one).float() for one in (noise, torch.zeros_like(noise)))
        distance = float((seen - blank).abs().max())
        # The first is named as it was when other folds were not tried.
        name = f"{of_part} (fold {fold})" if answer else of_part
        if not (torch.isfinite(seen).all() and torch.isfinite(blank).all()):
            raise no_numbers(f"{name} of the model {model.name}", "noise or a blank image", REMEDY)
        if distance <= _DIFFERS:
            raise ModelUnusable(
                f"The model {model.name} answers a blank image like any other: {name}.",
                remedy=REMEDY,
            )
        answer[f"mean answer of {name} to noise"] = float(seen.mean())
        answer[f"largest answer of {name} to noise"] = float(seen.max())
    return answer
