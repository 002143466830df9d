"""image-classification: a Hugging Face model on an image that is not DICOM."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, UnidentifiedImageError
from pydicom.dataset import Dataset

from inference.card import Proof
from inference.compute import device
from inference.pipeline import (
    Acceptance,
    Classification,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
)
from inference.refusals import ModelUnusable
from inference.warm import WARM
from storage.entities import Instance, Series
from storage.errors import InvalidRequest, LimitExceeded, NotConfigured

if TYPE_CHECKING:
    from transformers import Pipeline as HuggingFacePipeline

_REMEDY = "Set HF_IMG_CLS_MODEL to a local model folder or a Hugging Face model id."
_TOP_K = 5
_MAX_PIXELS = 100_000_000
_FORMATS = ("PNG", "JPEG")
_PROBE_PIXELS = 224
_DIFFERS = 1e-6


class ImageClassification:
    """Labels a PNG or JPEG with the model that HF_IMG_CLS_MODEL names."""

    name = "image-classification"
    version = "1.0.0"
    title = "Image classification"
    description = "Labels and confidence for a PNG or JPEG, by the configured Hugging Face model."
    accepts_text = "A PNG or JPEG image that was uploaded; no DICOM series."
    input_kind: Literal["volume", "image"] = "image"

    def __init__(self, model: str) -> None:
        self._model = model
        self.card = ModelCard(
            # Of a path or of `owner/name`: it stands in addresses.
            name=model.rstrip("/").rpartition("/")[2] or "none configured",
            version="as configured",
            licence="as the model's authors state it",
            source=model,
            intended_use="Research. Not a medical device; nobody but its authors has proven it.",
            input_description="A PNG or JPEG image",
            admission="setting",
        )

    def readiness(self) -> Readiness:
        """Ready where a model is configured; whether it loads is seen at its first run."""
        if not self._model:
            return Readiness(False, f"No image model is configured. {_REMEDY}", optional=True)
        return Readiness(True, f"Configured: {self._model}.")

    def prove(self) -> Proof:
        """Noise and a blank picture must not get the same scores. Raises ModelUnusable."""
        if not self._model:
            raise ModelUnusable("No image model is configured.", remedy=_REMEDY)
        return _load(self._model).proof

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Never takes a series."""
        return Acceptance(False, "Only an uploaded PNG or JPEG is taken, not a DICOM series.")

    def run(self, context: PipelineContext) -> PipelineOutput:
        """The five likeliest labels, most likely first.

        Raises NotConfigured, ModelUnusable, InvalidRequest, LimitExceeded.
        """
        if not self._model:
            raise NotConfigured("No image model is configured.", remedy=_REMEDY)
        if context.image is None:
            raise InvalidRequest(
                "image-classification was given no image.", remedy="Upload a PNG or JPEG."
            )
        started = time.perf_counter()
        image = _open(context.image)
        context.on_progress("load_model", 0.1)
        classify = _load(self._model)
        loaded = time.perf_counter()
        context.on_progress("classify", 0.5)
        answers: list[dict[str, Any]] = classify.pipeline(image, top_k=_TOP_K)
        return PipelineOutput(
            classifications=tuple(
                Classification(str(answer["label"]), float(answer["score"])) for answer in answers
            ),
            timings_s={
                "load_model": loaded - started,
                "classify": time.perf_counter() - loaded,
            },
        )


def _open(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise LimitExceeded(
                    f"The image has {image.width} × {image.height} pixels; {_MAX_PIXELS:,} is the"
                    " most taken.",
                    remedy="Send a smaller image.",
                )
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequest(
            "The file is not a readable PNG or JPEG.", remedy="Send the image again."
        ) from error


@dataclass(frozen=True)
class _Classifier:
    pipeline: HuggingFacePipeline
    proof: Proof


def _load(model: str) -> _Classifier:
    return WARM.get(("huggingface", model, device()), lambda: _loaded(model))


def _loaded(model: str) -> _Classifier:
    from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline

    try:
        made = pipeline(
            "image-classification",
            model=AutoModelForImageClassification.from_pretrained(model),
            image_processor=AutoImageProcessor.from_pretrained(model),
            device=device(),
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelUnusable(f"The image model {model} cannot be loaded.", remedy=_REMEDY) from error
    return _Classifier(made, _proof(model, made))


def _proof(model: str, made: HuggingFacePipeline) -> Proof:
    """Some models are said to answer without looking; such a one is not used."""
    shape = (_PROBE_PIXELS, _PROBE_PIXELS, 3)
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    seen, blank = (
        {str(one["label"]): float(one["score"]) for one in made(Image.fromarray(pixels))}
        for pixels in (noise, np.zeros(shape, np.uint8))
    )
    distance = max(abs(score - blank.get(label, 0.0)) for label, score in seen.items())
    if not distance > _DIFFERS:
        raise ModelUnusable(
            f"The image model {model} answers a blank picture like any other.", remedy=_REMEDY
        )
    return Proof(
        {f"score of {label}": score for label, score in seen.items()},
        "Noise and a blank picture get other scores.",
    )
