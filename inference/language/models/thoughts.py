"""What a model thinks before it answers, which is no part of the answer."""

from collections.abc import Sequence
from typing import Any

_OPENS, _CLOSES = "<think>", "</think>"


def without_thoughts(text: str, *, begun: bool = False) -> str:
    """The answer alone; nothing while the model still thinks.

    `begun`: the prompt has opened the thoughts already, as some chat templates do.
    """
    start = text.lstrip()
    if not begun and not start.startswith(_OPENS):
        return "" if start and _OPENS.startswith(start) else text
    return start.partition(_CLOSES)[2]


def answer_ids(ids: Sequence[int], tokenizer: Any, *, begun: bool = False) -> list[int] | None:
    """The same by tokens; None where the marks are none of the tokenizer's."""
    opening, closing = tokenizer.convert_tokens_to_ids([_OPENS, _CLOSES])
    if closing in (None, tokenizer.unk_token_id):
        return None
    if closing in ids:
        return list(ids[ids.index(closing) + 1 :])
    return [] if begun or opening in ids else list(ids)


def opens_thoughts(prompt: str) -> bool:
    """Whether what is written after the prompt begins as thoughts."""
    return prompt.rstrip().endswith(_OPENS)
