"""A second opinion by a model of textual entailment: it may withhold, and accepts nothing.

The rules come first. What they accept is asked of a sequence classifier of entailment, with
the evidence that the rules found as the premise. torch is imported when it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inference.language.guard.verdict import Ground, Reason
from inference.refusals import ModelUnusable

LEAST_PROBABILITY = 0.5
"""Of entailment; below it a sentence is withheld."""
_LONGEST_TOKENS = 512


@dataclass(frozen=True)
class Entailment:
    """A sequence classifier of pairs, with the index of its label `entailment`."""

    model: Any
    tokenizer: Any
    entails: int

    def __call__(self, sentence: str, premises: Sequence[str]) -> Reason | None:
        """Why the sentence does not follow from the premises; None where it does."""
        import torch

        inputs = self.tokenizer(" ".join(premises), sentence, return_tensors="pt")
        length = int(inputs["input_ids"].shape[1])
        if length > self._longest():
            return Reason(
                Ground.ENTAILMENT, f"Sentence and evidence are {length} tokens, too many to judge."
            )
        with torch.inference_mode():
            logits = self.model(**inputs.to(self.model.device)).logits[0]
        probability = float(torch.softmax(logits.float(), dim=-1)[self.entails])
        if probability < LEAST_PROBABILITY:
            return Reason(
                Ground.ENTAILMENT,
                f"The model of entailment holds it for {probability:.0%} likely to follow.",
            )
        return None

    def _longest(self) -> int:
        stated = getattr(self.model.config, "max_position_embeddings", _LONGEST_TOKENS)
        return min(int(stated), _LONGEST_TOKENS)


def entailment_of(model: Any, tokenizer: Any, name: str) -> Entailment:
    """A loaded model as a second opinion. Raises ModelUnusable where no label is entailment."""
    labels = {index: str(label).casefold() for index, label in model.config.id2label.items()}
    entails = [
        index
        for index, label in labels.items()
        if "entail" in label and not label.startswith(("not", "non"))
    ]
    if len(entails) != 1:
        raise ModelUnusable(
            f"The labels of {name} are {', '.join(labels.values())}; none is entailment.",
            remedy="Choose a sequence classifier that has been trained for entailment.",
        )
    return Entailment(model.eval(), tokenizer, int(entails[0]))
