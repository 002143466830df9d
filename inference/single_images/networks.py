"""The networks of models of single images, behind one call: a batch in, arrays out.

transformers (safetensors alone), TorchScript, ONNX and model servers. torch is imported when one
is loaded.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.model_servers.open_inference import InferenceClient, client_of
from inference.models.card import ModelCard
from inference.models.devices import device, is_out_of_memory
from inference.models.files import load_module, use_threads
from inference.models.model_cache import WARM, weights_bytes
from inference.models.pretrained import pretrained
from inference.refusals import ModelUnusable
from inference.single_images.description import ImageModelDescription
from inference.single_images.outputs import (
    REMEDY,
    Boxes,
    NoAnswer,
    array,
    boxes_of,
    boxes_of_each,
    detections,
    first,
    not_given,
)
from storage.core.errors import MediViewError

Batch = NDArray[np.float32]
"""(images, channels, rows, columns)."""
_AUTO_CLASSES = {
    "image-classification": "AutoModelForImageClassification",
    "object-detection": "AutoModelForObjectDetection",
    "image-segmentation": "AutoModelForSemanticSegmentation",
    "image-regression": "AutoModelForImageClassification",
}


class Network(Protocol):
    """A loaded network."""

    def scores(self, batch: Batch) -> NDArray[np.float32]:
        """Before activation: (images, classes) or (images, classes, rows, columns)."""
        ...

    def boxes(self, batch: Batch, images: int = 1) -> Boxes:
        """What a detector finds in a batch of one, whatever its score; `images` are given together
        as the channels of it."""
        ...

    def output(self, batch: Batch, name: str) -> NDArray[np.float32]:
        """One of several that it gives. Raises ModelUnusable where it does not."""
        ...

    def raw(self, batch: Batch) -> NDArray[np.float32]:
        """All that it gives, in one row: to tell answers apart."""
        ...


def load_network(model: ImageModelDescription, card: ModelCard, threads: int) -> Network:
    """The network of a model whose files have been verified, once a process.

    Raises ModelUnusable.
    """

    def load() -> Network:
        try:
            if model.served is not None:
                heat = model.served.for_heat
                return Served(
                    client_of(model.name, model.endpoint, model.served),
                    None if heat is None else client_of(model.name, model.endpoint, heat),
                )
            if model.format == "transformers":
                return _Transformers(model)
            if model.format == "torchscript":
                return _TorchScript(model)
            return _Onnx(model, threads)
        except MediViewError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            # Broken files make frameworks raise whatever their readers raise; onnxruntime a plain
            # Exception.
            raise ModelUnusable(
                f"The model {model.name} cannot be loaded for {model.kind}"
                f" ({type(error).__name__}).",
                remedy=REMEDY,
            ) from error

    use_threads(threads)
    size = weights_bytes(*(path for path in model.folder.iterdir() if path.is_file()))
    return WARM.get((card.name, card.digest, device()), load, size)


def dtype_of(module: Any) -> Any:
    """In what numbers a network computes, in which it takes its images: those of its weights."""
    import torch

    weights = (one.dtype for one in module.parameters() if one.is_floating_point())
    return next(weights, torch.float32)


def at_work(model: ImageModelDescription, error: Exception) -> Exception:
    """What an error of a network at work means: that it is unusable, but for want of memory."""
    if is_out_of_memory(error):
        return error
    why = str(error) if isinstance(error, NoAnswer) else type(error).__name__
    return ModelUnusable(f"The model {model.name} failed at this image ({why}).", remedy=REMEDY)


class Served:
    """Computed by a model server. `heat` is asked for the heat map that the model gives itself."""

    def __init__(self, client: InferenceClient, heat: InferenceClient | None) -> None:
        for one in (client, *([] if heat is None else [heat])):
            one.describe()
        self.client, self._heat = client, heat

    def scores(self, batch: Batch) -> NDArray[np.float32]:
        return self.client.infer(batch)

    def boxes(self, batch: Batch, images: int = 1) -> Boxes:
        return boxes_of(self.client.detect(batch)._asdict(), images)

    def output(self, batch: Batch, name: str) -> NDArray[np.float32]:
        if self._heat is None:
            raise ValueError("the card names no tensor of the server for the heat map")
        return self._heat.infer(batch)

    def raw(self, batch: Batch) -> NDArray[np.float32]:
        if not self.client.gives_boxes:
            return self.client.infer(batch).ravel()
        parts = [part for one in range(len(batch)) for part in self.client.detect(batch[[one]])]
        given = [np.asarray(part, np.float32).ravel() for part in parts if part is not None]
        return np.concatenate(given)


class _Transformers:
    def __init__(self, model: ImageModelDescription) -> None:
        import transformers

        cls = getattr(transformers, _AUTO_CLASSES[model.kind])
        options = {"local_files_only": True, "trust_remote_code": False}
        loaded = pretrained(cls, str(model.folder), use_safetensors=True, **options)
        self._model: Any = loaded.to(device()).eval()
        self._processor: Any = None
        if model.kind == "object-detection":
            self._processor = transformers.AutoImageProcessor.from_pretrained(
                str(model.folder), **options
            )

    def scores(self, batch: Batch) -> NDArray[np.float32]:
        return array(self._outputs(batch).logits)

    def boxes(self, batch: Batch, images: int = 1) -> Boxes:
        outputs = self._outputs(batch)
        # In half precision boxes would move by pixels, and scores tie.
        outputs.logits, outputs.pred_boxes = outputs.logits.float(), outputs.pred_boxes.float()
        # Its own way from logits and relative boxes to scores and pixels.
        (found,) = self._processor.post_process_object_detection(
            outputs, threshold=0.0, target_sizes=[batch.shape[2:]]
        )
        return boxes_of(found, images)

    def output(self, batch: Batch, name: str) -> NDArray[np.float32]:
        raise ValueError("a model of transformers gives logits alone")

    def raw(self, batch: Batch) -> NDArray[np.float32]:
        outputs = self._outputs(batch)
        parts = [outputs.logits, *([outputs.pred_boxes] if "pred_boxes" in outputs else [])]
        return np.concatenate([array(part).ravel() for part in parts])

    def _outputs(self, batch: Batch) -> Any:
        import torch

        with torch.inference_mode():
            pixels = torch.from_numpy(batch).to(device(), dtype_of(self._model))
            return self._model(pixel_values=pixels)


class _TorchScript:
    """Answers a tensor; a detector answers boxes, labels and scores, as torchvision's do."""

    def __init__(self, model: ImageModelDescription) -> None:
        self._name = model.name
        self._module: Any = load_module(model.folder / "model.ts")

    def scores(self, batch: Batch) -> NDArray[np.float32]:
        return array(first(self._answer(batch)))

    def boxes(self, batch: Batch, images: int = 1) -> Boxes:
        return boxes_of_each(detections(self._answer(batch)), images)

    def output(self, batch: Batch, name: str) -> NDArray[np.float32]:
        answer = self._answer(batch)
        known = answer if isinstance(answer, dict) else {}
        if isinstance(answer, list | tuple):
            known = {str(place): one for place, one in enumerate(answer)}
        if not hasattr(known.get(name), "shape"):
            raise not_given(self._name, name, known)
        return array(known[name])

    def raw(self, batch: Batch) -> NDArray[np.float32]:
        answer = self._answer(batch)
        if hasattr(answer, "shape"):
            return array(answer).ravel()
        found = detections(answer)
        # Beside its scores a classifier may give a heat map; both count.
        parts = (
            answer
            if hasattr(found[0], "shape")
            else [part for one in found for part in one.values()]
        )
        return np.concatenate([array(one).ravel() for one in parts])

    def _answer(self, batch: Batch) -> Any:
        import torch

        with torch.inference_mode():
            return self._module(torch.from_numpy(batch).to(device(), dtype_of(self._module)))


class _Onnx:
    """One input. A detector names its outputs boxes, labels and scores, of several images also
    images."""

    def __init__(self, model: ImageModelDescription, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(model.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ModelUnusable(
                f"model.onnx of {model.name} has {len(inputs)} inputs; one image goes in.",
                remedy="Export the network alone.",
            )
        self._name = model.name
        self._input = inputs[0]
        self._outputs = [one.name for one in self._session.get_outputs()]

    def scores(self, batch: Batch) -> NDArray[np.float32]:
        return np.asarray(self._answer(batch)[0], np.float32)

    def output(self, batch: Batch, name: str) -> NDArray[np.float32]:
        if name not in self._outputs:
            raise not_given(self._name, name, self._outputs)
        return np.asarray(self._answer(batch)[self._outputs.index(name)], np.float32)

    def boxes(self, batch: Batch, images: int = 1) -> Boxes:
        return boxes_of(dict(zip(self._outputs, self._answer(batch), strict=True)), images)

    def raw(self, batch: Batch) -> NDArray[np.float32]:
        return np.concatenate([np.asarray(one, np.float32).ravel() for one in self._answer(batch)])

    def _answer(self, batch: Batch) -> list[Any]:
        half = self._input.type == "tensor(float16)"
        values = batch.astype(np.float16) if half else batch
        found: list[Any] = self._session.run(None, {self._input.name: values})
        return found
