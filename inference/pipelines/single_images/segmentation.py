"""image-segmentation: which parts of an image that is not DICOM are what, and how much of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.language.models.loaded_model import LoadedModel
from inference.language.models.loading import load_model
from inference.pipeline import Measurement, PipelineContext, PipelineOutput
from inference.pipelines.codes import PERCENT
from inference.pipelines.pictures import PicturePipeline
from inference.refusals import ModelUnusable
from storage.core.findings import Code

SHARE_OF_PICTURE = Code("PICTURESHARE", "99MEDIVIEW", "Share of the picture's area")
_MOST_CLASSES = 256


class ImageSegmentation(PicturePipeline):
    """Tells each class's share of a PNG or JPEG, by the model that HF_IMG_SEG_MODEL names."""

    setting = "hf_img_seg_model"
    task = "image-segmentation"
    name = "image-segmentation"
    version = "1.0.0"
    title = "Image segmentation"
    description = (
        "The share of a PNG or JPEG that each class takes, by the configured Hugging Face model."
    )

    def run(self, context: PipelineContext) -> PipelineOutput:
        """One measurement for each class that is seen, the largest first.

        A picture has no physical size, so shares of its area are given. Confidence is the
        mean probability of the class where it is the likeliest.
        Raises NotConfigured, ModelUnusable, InvalidRequest, LimitExceeded.
        """
        image = self.picture(context)
        started = time.perf_counter()
        context.on_progress("load_model", 0.1)
        loaded = load_model(self._settings, self.task)
        ready = time.perf_counter()
        context.on_progress("segment", 0.5)
        probabilities = self.scores(loaded, image)
        if len(probabilities) > _MOST_CLASSES:
            raise ModelUnusable(
                f"The image model {loaded.ref.name} has {len(probabilities)} classes;"
                f" {_MOST_CLASSES} are the most taken.",
                remedy="Name another model in HF_IMG_SEG_MODEL.",
            )
        labels, confidence = _labelled(probabilities, image)
        names = tuple(self.label(loaded, one) for one in range(len(probabilities)))
        return PipelineOutput(
            measurements=_shares(names, labels, confidence),
            label_picture=labels,
            label_names=names,
            timings_s={"load_model": ready - started, "segment": time.perf_counter() - ready},
        )

    def scores(self, loaded: LoadedModel, image: Image.Image) -> NDArray[Any]:
        """Shape (classes, rows, columns), on the model's own grid over the whole picture."""
        import torch

        inputs = loaded.processor(image, return_tensors="pt")
        inputs = inputs.to(loaded.model.device, loaded.model.dtype)
        with torch.inference_mode():
            logits = loaded.model(**inputs).logits[0].float()
        # One channel is a yes or no; the other class is what is left.
        if len(logits) == 1:
            yes = logits.sigmoid()
            channels = torch.cat((1 - yes, yes))
        else:
            channels = logits.softmax(0)
        answer: NDArray[Any] = channels.cpu().numpy()
        return answer

    def label(self, loaded: LoadedModel, index: int) -> str:
        """With one channel alone, what is not its class is the background."""
        if len(loaded.model.config.id2label) > 1:
            return super().label(loaded, index)
        return super().label(loaded, 0) if index else "background"


def _labelled(
    probabilities: NDArray[Any], image: Image.Image
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The likeliest class and its probability for each pixel of the picture."""
    labels = np.zeros((image.height, image.width), np.uint8)
    highest = np.full(labels.shape, -1, np.float32)
    for index, one in enumerate(probabilities):
        # Class by class: all of them at the picture's size would not fit.
        of_class = np.asarray(
            Image.fromarray(one.astype(np.float32)).resize(image.size, Image.Resampling.BILINEAR)
        )
        higher = of_class > highest
        labels[higher] = index
        highest[higher] = of_class[higher]
    return labels, highest


def _shares(
    names: Sequence[str], labels: NDArray[np.uint8], confidence: NDArray[np.float32]
) -> tuple[Measurement, ...]:
    counts = np.bincount(labels.ravel())
    sums = np.bincount(labels.ravel(), confidence.ravel())
    return tuple(
        Measurement(
            label=f"Share of {names[one]}",
            code=SHARE_OF_PICTURE,
            value=100 * float(counts[one]) / labels.size,
            unit=PERCENT,
            confidence=float(sums[one] / counts[one]),
        )
        for one in np.argsort(-counts, kind="stable")
        if counts[one]
    )
