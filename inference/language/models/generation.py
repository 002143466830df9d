"""Let a model write, within bounds: what loops, is empty or never ends is cut and reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from inference.refusals import ModelUnusable
from storage.settings import Settings

if TYPE_CHECKING:
    from inference.language.models.loaded_model import LoadedModel
from inference.language.models.thoughts import answer_ids, opens_thoughts, without_thoughts

Cut = Literal["", "empty", "length", "loop", "time", "stopped", "broken"]
"""Why the text ends where the model did not end it; empty where it did."""

CUT_SENTENCES: dict[Cut, str] = {
    "empty": "The model wrote nothing.",
    "length": "The model did not come to an end; its text was cut.",
    "loop": "The model repeated itself; its text was cut before the repetition.",
    "time": "The model took too long; its text was cut.",
    "stopped": "The answer was stopped.",
    "broken": "The model server broke off in the middle; its text was cut.",
}

# A piece that comes this many times in a row is a loop; no report says a thing so often.
_REPEATS = 4
_LONGEST_PERIOD = 64
LOOK_EVERY = 8
SEED = 20


@dataclass(frozen=True)
class Limits:
    max_new_tokens: int
    temperature: float
    deadline_s: float

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            settings.language_max_new_tokens,
            settings.language_temperature,
            settings.language_deadline_s,
        )


@dataclass(frozen=True)
class Generated:
    text: str
    tokens: int
    cut: Cut
    seconds: float
    notes: tuple[str, ...] = ()
    """What a reader must know of the model that wrote."""


class Write(Protocol):
    """A model that is about to write, with all that it was given.

    `on_text` hears the whole text so far and how many tokens it has; `stopping` ends it.
    """

    def __call__(
        self, *, on_text: Callable[[str, int], None], stopping: Callable[[], bool]
    ) -> Generated: ...


def on_nothing(text: str, tokens: int) -> None:
    """For callers that wait for the whole."""


def never() -> bool:
    return False


def generate(
    loaded: LoadedModel,
    inputs: Mapping[str, Any],
    limits: Limits,
    *,
    on_text: Callable[[str, int], None] = on_nothing,
    stopping: Callable[[], bool] = never,
) -> Generated:
    """What the model writes after `inputs`, by greedy choice unless a temperature is set.

    `on_text` hears the whole text so far and how many tokens it has, as it grows.
    The same model, inputs and limits give the same words.
    """
    import torch
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

    started = time.monotonic()
    tokenizer = loaded.tokenizer
    prompt = 1 if loaded.is_encoder_decoder else int(inputs["input_ids"].shape[-1])
    begun = not loaded.is_encoder_decoder and _opens_thoughts(tokenizer, inputs["input_ids"][0])
    reason: list[Cut] = []

    def shown(ids: list[int]) -> str:
        # Where the marks are special tokens, they are not to be seen in the decoded text.
        answer = answer_ids(ids, tokenizer, begun=begun)
        if answer is not None:
            return _decoded(tokenizer, answer)
        return without_thoughts(_decoded(tokenizer, ids), begun=begun)

    class Watch(StoppingCriteria):  # type: ignore[misc]  # transformers is not typed
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            written = input_ids[0, prompt:].tolist()
            if not reason:
                if stopping():
                    reason.append("stopped")
                elif time.monotonic() - started > limits.deadline_s:
                    reason.append("time")
                elif len(written) % LOOK_EVERY == 0:
                    if repeated(written):
                        reason.append("loop")
                    on_text(shown(written), len(written))
            return torch.full((input_ids.shape[0],), bool(reason), device=input_ids.device)

    torch.manual_seed(SEED)
    try:
        with torch.inference_mode():
            output = loaded.model.generate(
                **inputs,
                generation_config=_configuration(loaded, limits, GenerationConfig),
                stopping_criteria=StoppingCriteriaList([Watch()]),
            )
    except (ValueError, IndexError, TypeError) as error:
        raise ModelUnusable(
            f"The model {loaded.ref.name} cannot write from this input ({type(error).__name__}).",
            remedy="Send less text, or set another model.",
        ) from error
    ids = output[0, prompt:].tolist()
    cut: Cut = reason[0] if reason else ""
    if not cut and len(ids) >= limits.max_new_tokens and not _ended(loaded, ids):
        cut = "loop" if repeated(ids) else "length"
    if cut == "loop":
        ids = without_repetition(ids)
    text = shown(ids).strip()
    if not text and not cut:
        cut = "empty"
    return Generated(text, len(ids), cut, time.monotonic() - started)


def _configuration(loaded: LoadedModel, limits: Limits, kind: Any) -> Any:
    """The model's own special tokens with our bounds: its author's taste for chance is dropped."""
    own = loaded.model.generation_config
    tokenizer = loaded.tokenizer
    pad = own.pad_token_id if own.pad_token_id is not None else tokenizer.pad_token_id
    eos = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
    first_eos = eos[0] if isinstance(eos, list) else eos
    chance: dict[str, Any] = {"do_sample": False}
    if limits.temperature > 0:
        chance = {"do_sample": True, "temperature": limits.temperature}
    return kind(
        max_new_tokens=limits.max_new_tokens,
        num_beams=1,
        pad_token_id=pad if pad is not None else first_eos,
        bos_token_id=own.bos_token_id,
        eos_token_id=eos,
        decoder_start_token_id=own.decoder_start_token_id,
        forced_bos_token_id=own.forced_bos_token_id,
        **chance,
    )


def _ended(loaded: LoadedModel, ids: list[int]) -> bool:
    eos = loaded.model.generation_config.eos_token_id
    ends = eos if isinstance(eos, list) else [eos]
    return bool(ids) and ids[-1] in ends


def _opens_thoughts(tokenizer: Any, prompt: Any) -> bool:
    # A few tokens hold the mark, whether it is one of them or many.
    return opens_thoughts(str(tokenizer.decode(prompt[-16:], skip_special_tokens=False)))


def _decoded(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=True))


def repeated(ids: list[int]) -> bool:
    """Whether the end is one piece again and again."""
    return _period(ids) > 0


def without_repetition(ids: list[int]) -> list[int]:
    """The same with the repeated piece once."""
    period = _period(ids)
    while period and len(ids) >= 2 * period and ids[-period:] == ids[-2 * period : -period]:
        ids = ids[:-period]
    return ids


def _period(ids: list[int]) -> int:
    for period in range(1, _LONGEST_PERIOD + 1):
        # A single token may well come some times in a row, as in a line of dots.
        times = max(_REPEATS, 12 // period)
        if len(ids) < period * times:
            continue
        tail = ids[-period * times :]
        if tail == tail[:period] * times:
            return period
    return 0
