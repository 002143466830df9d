"""An image and a text as a model takes them, and whether it looks at the image at all.

Some models, loaded with another version of transformers than their authors', answer from
the words alone and sound the same. They are refused before they speak.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from inference.language.models.loaded_model import LoadedModel
from inference.refusals import ModelUnusable

_SIDE = 224
_QUESTION = "What does the image show?"


def image_inputs(loaded: LoadedModel, image: Image.Image, text: str) -> dict[str, Any]:
    """One image and one text as the model takes them, on its device."""
    processor = loaded.processor
    if getattr(processor, "chat_template", None):
        message = {
            "role": "user",
            "content": [{"type": "image"}, {"type": "text", "text": text}],
        }
        text = processor.apply_chat_template([message], add_generation_prompt=True)
    elif token := getattr(processor, "image_token", None):
        text = f"{token}\n{text}"
    inputs = processor(images=image, text=text, return_tensors="pt")
    moved: dict[str, Any] = dict(inputs.to(loaded.model.device))
    return moved


def check_looks(loaded: LoadedModel) -> None:
    """Raises ModelUnusable where a picture and a blank one give the very same answer."""
    noise = np.random.default_rng(3).integers(0, 255, (_SIDE, _SIDE, 3), dtype=np.uint8)
    pictures = (Image.fromarray(noise), Image.new("RGB", (_SIDE, _SIDE)))
    first, second = (_first_scores(loaded, picture) for picture in pictures)
    # A model that looks, however little, differs in the last bit at least.
    if np.array_equal(first, second):
        raise ModelUnusable(
            f"The model {loaded.ref.name} gives the same answer to a picture and to a blank one:"
            " it does not look at the image.",
            remedy="Use the version of transformers that its authors name, or another model.",
        )


def _first_scores(loaded: LoadedModel, image: Image.Image) -> np.ndarray[Any, Any]:
    """The scores of the first word of an answer, or of all answers of a classifier."""
    import torch

    inputs = image_inputs(loaded, image, _QUESTION)
    with torch.inference_mode():
        if loaded.model.can_generate():
            answer = loaded.model.generate(
                **inputs,
                max_new_tokens=1,
                do_sample=False,
                num_beams=1,
                output_logits=True,
                return_dict_in_generate=True,
            )
            scores = answer.logits[0] if answer.logits else answer.scores[0]
        else:
            scores = loaded.model(**inputs).logits
    return np.asarray(scores.float().cpu())
