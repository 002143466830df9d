"""A model of transformers that is loaded, with what prepares its input."""

from dataclasses import dataclass
from typing import Any

from inference.language.tasks import ModelRef


@dataclass(frozen=True)
class LoadedModel:
    """A model with what prepares its input; of one that takes text alone, the tokenizer."""

    ref: ModelRef
    model: Any
    processor: Any
    is_encoder_decoder: bool = False

    @property
    def tokenizer(self) -> Any:
        return getattr(self.processor, "tokenizer", self.processor)
