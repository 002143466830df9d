"""image-classification: a Hugging Face model on an image that is not DICOM."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.language.models.loaded_model import LoadedModel
from inference.language.models.loading import load_model
from inference.pipeline import Classification, PipelineContext, PipelineOutput
from inference.pipelines.pictures import PicturePipeline

_TOP_K = 5


class ImageClassification(PicturePipeline):
    """Labels a PNG or JPEG with the model that HF_IMG_CLS_MODEL names."""

    setting = "hf_img_cls_model"
    task = "image-classification"
    name = "image-classification"
    version = "1.1.0"
    title = "Image classification"
    description = "Labels and confidence for a PNG or JPEG, by the configured Hugging Face model."

    def run(self, context: PipelineContext) -> PipelineOutput:
        """The five likeliest labels, most likely first.

        Raises NotConfigured, ModelUnusable, InvalidRequest, LimitExceeded.
        """
        image = self.picture(context)
        started = time.perf_counter()
        context.on_progress("load_model", 0.1)
        loaded = load_model(self._settings, self.task)
        ready = time.perf_counter()
        context.on_progress("classify", 0.5)
        scores = self.scores(loaded, image)
        likeliest = [int(one) for one in np.argsort(-scores, kind="stable")[:_TOP_K]]
        return PipelineOutput(
            classifications=tuple(
                Classification(self.label(loaded, one), float(scores[one])) for one in likeliest
            ),
            timings_s={"load_model": ready - started, "classify": time.perf_counter() - ready},
        )

    def scores(self, loaded: LoadedModel, image: Image.Image) -> NDArray[Any]:
        """By class, as the configuration says: shares of 1, or each by itself."""
        import torch

        inputs = loaded.processor(image, return_tensors="pt")
        inputs = inputs.to(loaded.model.device, loaded.model.dtype)
        with torch.inference_mode():
            logits = loaded.model(**inputs).logits[0].float()
        several = loaded.model.config.problem_type == "multi_label_classification"
        # A single class is a yes or no; among one alone, softmax would always be sure.
        scores = logits.sigmoid() if several or len(logits) == 1 else logits.softmax(-1)
        answer: NDArray[Any] = scores.cpu().numpy()
        return answer
