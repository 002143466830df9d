"""Whether a card fits its network: how many channels go in, and which classes come out."""

from __future__ import annotations

import numpy as np

from inference.models.devices import is_out_of_memory
from inference.refusals import ModelUnusable
from inference.single_images.description import ImageModelDescription
from inference.single_images.networks import Batch, Network
from storage.core.errors import MediViewError

_CHANNELS = (1, 3, 2, 4, 6)
"""That networks of images take, the likeliest first."""
_NAMED_AT_MOST = 10
_CORRECT = "Correct model.labels of its card, or the network."


def check_channels(
    model: ImageModelDescription, network: Network, given: Batch, images_at_once: int
) -> None:
    """Raises ModelUnusable where the network fails at what the card gives it, and takes images of
    another number of channels."""
    stated = given.shape[1]
    try:
        network.raw(given)
        return
    except MediViewError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        others = [one for one in _CHANNELS if one != stated]
        wanted = next((one for one in others if _takes(network, _of(given, one))), None)
        if wanted is None:
            raise
    of_images = f" for {images_at_once} images together" if images_at_once > 1 else ""
    raise ModelUnusable(
        f"The network of {model.name} takes {wanted} channels, and its card gives it"
        f" {stated}{of_images}.",
        remedy=f"State it in the card: model.image.channels {max(1, wanted // images_at_once)}.",
    )


def _takes(network: Network, given: Batch) -> bool:
    try:
        network.raw(given)
    except Exception:  # noqa: BLE001 - frameworks raise whatever their readers raise
        return False
    return True


def _of(given: Batch, channels: int) -> Batch:
    return np.ascontiguousarray(np.repeat(given[:, :1], channels, axis=1))


def check_classes(model: ImageModelDescription, classes: int) -> None:
    """Raises ModelUnusable where the card names other classes than the network gives: each would
    be called by the name of another."""
    named = {value: model.segment(value).label for value in model.labels}
    given = set(range(classes))
    unnamed = sorted(given - named.keys() - {model.background})
    beyond = sorted(named.keys() - given)
    if not unnamed and not beyond:
        return
    parts = [
        *([f"does not name {_listed([str(one) for one in unnamed])}"] if unnamed else []),
        *(
            [f"names {_listed([f'{one} “{named[one]}”' for one in beyond])} beside these"]
            if beyond
            else []
        ),
    ]
    last = classes - 1
    numbers = f"{classes} classes, 0 to {last}" if last else "1 class, 0"
    raise ModelUnusable(
        f"The network of {model.name} gives {numbers}; its card names {len(named)},"
        f" {' and '.join(parts)}.",
        remedy=_CORRECT,
    )


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} others" if more > 0 else "")
