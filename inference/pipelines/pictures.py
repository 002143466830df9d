"""What pipelines of pictures have in common: a PNG or JPEG opened, and a model of a setting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.imaging.picture_files import open_picture
from inference.language.models.loaded_model import LoadedModel
from inference.language.models.loading import load_model
from inference.language.tasks import TaskName, card, model_ref, readiness
from inference.models.card import Proof
from inference.pipeline import Acceptance, PipelineContext, Readiness
from inference.reasons import reason as because
from inference.refusals import ModelUnusable
from storage.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from storage.core.entities import Instance, Series
    from storage.settings import Settings

_PROBE_PIXELS = 224
_DIFFERS = 1e-6
_TOLD = 5


class PicturePipeline(ABC):
    """One that takes uploaded pictures, by the Hugging Face model that its setting names."""

    setting: str
    task: TaskName
    name: str
    accepts_text = "A PNG or JPEG image that was uploaded; no DICOM series."
    input_kind: Literal["volume", "image"] = "image"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.card = card(settings, self.setting, "A PNG or JPEG image")

    def readiness(self) -> Readiness:
        """Ready where a model is configured; whether it loads is seen at its first run."""
        return readiness(self._settings, self.setting)

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Never takes a series."""
        return Acceptance(False, because("pictures_only"))

    @abstractmethod
    def scores(self, loaded: LoadedModel, image: Image.Image) -> NDArray[Any]:
        """What the model gives for a picture; the classes are along the first axis."""

    def prove(self) -> Proof:
        """Noise and a blank picture must not get the same scores; the proof keeps the highest
        of the noise, by class.

        Raises NotConfigured, ModelUnusable.
        """
        loaded: LoadedModel = load_model(self._settings, self.task)
        shape = (_PROBE_PIXELS, _PROBE_PIXELS, 3)
        noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        seen, blank = (
            self.scores(loaded, Image.fromarray(pixels))
            for pixels in (noise, np.zeros(shape, np.uint8))
        )
        if not float(np.abs(seen - blank).max()) > _DIFFERS:
            raise ModelUnusable(
                f"The image model {loaded.ref.name} answers a blank picture like any other.",
                remedy=f"Name another model in {self.setting.upper()}.",
            )
        means = seen.reshape(len(seen), -1).mean(axis=1)
        highest = [int(one) for one in np.argsort(-means, kind="stable")[:_TOLD]]
        return Proof(
            {f"score of {self.label(loaded, one)}": float(means[one]) for one in highest},
            "Noise and a blank picture get other scores.",
        )

    def label(self, loaded: LoadedModel, index: int) -> str:
        """A class as the model's authors word it."""
        return str(loaded.model.config.id2label.get(index, index))

    def picture(self, context: PipelineContext) -> Image.Image:
        """The picture of a run in RGB, once it is sure that there is a model for it.

        Raises NotConfigured, InvalidRequest, LimitExceeded.
        """
        model_ref(self._settings, self.setting)
        if context.image is None:
            raise InvalidRequest(f"{self.name} was given no image.", remedy="Upload a PNG or JPEG.")
        return open_picture(context.image)
