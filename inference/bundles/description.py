"""What a bundle says of itself: MONAI's `metadata.json`, and the card beside it.

`metadata.json` (`inference.bundles.metadata`) names version, licence, channels of input and
output. The card, `mediview.json` in the bundle's folder, adds what MONAI has no place for: which
series are accepted (in the language of the site's rules), codes and colours of the segments.
"""

from pathlib import Path

from inference.bundles.configuration import inference_file_of, reads_guidance
from inference.bundles.metadata import METADATA, Metadata, check_taken, kind_of
from inference.models.cards.card_file import CARD_FILE, Card, parsed
from inference.models.cards.card_precision import CardHalfPrecision
from inference.models.description import ModelDescription, slug
from storage.core.errors import InvalidRequest

_BACKGROUND = {"background", "bg", "0", "unlabeled"}


class BundleCard(Card):
    """A card with what is for bundles alone."""

    half_precision: CardHalfPrecision | None = None


def is_bundle(folder: Path) -> bool:
    return (folder / METADATA).is_file()


def describe(folder: Path) -> ModelDescription:
    """Read a bundle's description. Raises InvalidRequest naming what is wrong."""
    metadata = parsed(Metadata, folder / METADATA)
    title = metadata.name or folder.name
    check_taken(metadata, title)
    inference_file = inference_file_of(folder)
    card = BundleCard()
    if (folder / CARD_FILE).is_file():
        card = parsed(BundleCard, folder / CARD_FILE)
    source = metadata.image
    output = metadata.output
    kind = kind_of(output)
    channels = len(card.inputs) or 1
    if kind != "segmentation" and card.half_precision is not None:
        raise InvalidRequest(
            f"The card of {title} asks for half_precision, which is for segmentations.",
            remedy="Leave it out: without labels nothing can be compared.",
        )
    if kind == "detection" and card.inputs:
        raise InvalidRequest(
            f"The bundle {title} detects, and its card names inputs.",
            remedy="Detectors take one series.",
        )
    # Channels for clicks are made by the bundle's own preprocessing.
    clicks = source is not None and source.num_channels > 1 and reads_guidance(inference_file)
    if kind is None or source is None or (source.num_channels != channels and not clicks):
        what = (
            f"gives '{output.format or output.type}'"
            if kind is None
            else f"does not take one image of {_channels(len(card.inputs) or 1)}"
        )
        raise InvalidRequest(
            f"The bundle {title} {what}, which cannot be run here.",
            remedy="Segmentation, classification and detection can, in one series or, with a series"
            " for each channel, by the inputs of a card.",
        )
    name = slug(metadata.name or folder.name)
    classes = {int(value): label for value, label in output.names.items()}
    background = next(
        (value for value, label in classes.items() if label.lower() in _BACKGROUND), None
    )
    labels = {value: label for value, label in classes.items() if value != background}
    if card.inputs and kind == "segmentation":
        # Such bundles merge their channels into values of their own, which metadata do not tell.
        if not card.segments:
            raise InvalidRequest(
                f"The card of {metadata.name or folder.name} has inputs and no segments.",
                remedy="Name each value that the bundle's postprocessing gives in segments.",
            )
        labels = {int(value): one.label for value, one in card.segments.items()}
    if kind == "detection" and not labels:
        labels = {int(value): one.label for value, one in card.segments.items()} or {0: "Object"}
    return ModelDescription(
        folder=folder,
        inference_file=inference_file,
        name=name,
        version=metadata.version,
        title=card.title or (metadata.name or folder.name)[:64],
        description=metadata.description or f"The MONAI bundle {metadata.name}.",
        licence=card.licence or metadata.license or metadata.copyright or "not stated",
        intended_use=card.intended_use or metadata.intended_use,
        modality=source.modality.upper(),
        kind=kind,
        labels=labels,
        background=background,
        card=card,
        half_precision=card.half_precision,
        channels=source.num_channels,
        probe_shape=source.whole_shape,
    )


def _channels(count: int) -> str:
    return "one channel" if count == 1 else f"{count} channels"
