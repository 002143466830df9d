"""image-classification: a Hugging Face model on an image that is not DICOM."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.card import Proof
from inference.language.loading import LoadedModel, load_model
from inference.pipeline import Classification, PipelineContext, PipelineOutput
from inference.pipelines.pictures import PicturePipeline, noise_and_blank
from inference.refusals import ModelUnusable

_TOP_K = 5
_DIFFERS = 1e-6


class ImageClassification(PicturePipeline):
    """Labels a PNG or JPEG with the model that HF_IMG_CLS_MODEL names."""

    setting = "hf_img_cls_model"
    name = "image-classification"
    version = "1.1.0"
    title = "Image classification"
    description = "Labels and confidence for a PNG or JPEG, by the configured Hugging Face model."

    def prove(self) -> Proof:
        """Noise and a blank picture must not get the same scores.

        Raises NotConfigured, ModelUnusable.
        """
        loaded = load_model(self._settings, "image-classification")
        seen, distance = noise_and_blank(lambda picture: _scores(loaded, picture))
        if not distance > _DIFFERS:
            raise ModelUnusable(
                f"The image model {loaded.ref.name} answers a blank picture like any other.",
                remedy="Name another model in HF_IMG_CLS_MODEL.",
            )
        return Proof(
            {f"score of {label}": score for label, score in _likeliest(loaded, seen)},
            "Noise and a blank picture get other scores.",
        )

    def run(self, context: PipelineContext) -> PipelineOutput:
        """The five likeliest labels, most likely first.

        Raises NotConfigured, ModelUnusable, InvalidRequest, LimitExceeded.
        """
        image = self.picture(context)
        started = time.perf_counter()
        context.on_progress("load_model", 0.1)
        loaded = load_model(self._settings, "image-classification")
        ready = time.perf_counter()
        context.on_progress("classify", 0.5)
        answers = _likeliest(loaded, _scores(loaded, image))
        return PipelineOutput(
            classifications=tuple(Classification(label, score) for label, score in answers),
            timings_s={"load_model": ready - started, "classify": time.perf_counter() - ready},
        )


def _scores(loaded: LoadedModel, image: Image.Image) -> NDArray[Any]:
    """By class, as the configuration says that they are made: shares of 1, or each by itself."""
    import torch

    inputs = loaded.processor(image, return_tensors="pt").to(loaded.model.device)
    with torch.inference_mode():
        logits = loaded.model(**inputs).logits[0].float()
    several = loaded.model.config.problem_type == "multi_label_classification"
    # A single class is a yes or no; among one alone, softmax would always be sure.
    scores = logits.sigmoid() if several or len(logits) == 1 else logits.softmax(-1)
    answer: NDArray[Any] = scores.cpu().numpy()
    return answer


def _likeliest(loaded: LoadedModel, scores: NDArray[Any]) -> list[tuple[str, float]]:
    labels = loaded.model.config.id2label
    order = np.argsort(-scores, kind="stable")[:_TOP_K]
    return [(str(labels.get(int(one), int(one))), float(scores[one])) for one in order]
