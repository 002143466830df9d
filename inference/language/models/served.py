"""Chat models of a model server as the language tasks use them: within the same bounds as local
ones, without identifiers, and with what the server says of the model.

What leaves the node is in `docs/pipelines/language-servers.md`.
"""

import base64
import io
import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from PIL import Image

from inference.language.models.generation import (
    LOOK_EVERY,
    SEED,
    Cut,
    Generated,
    Limits,
    Write,
    repeated,
    without_repetition,
)
from inference.language.models.thoughts import without_thoughts
from inference.language.tasks import ModelRef
from inference.model_servers.chat import Reported, stream_chat
from inference.model_servers.endpoint import Endpoint, endpoint_of
from inference.refusals import ModelServerFailed, ModelServerOutOfTime
from storage.settings import Settings

# Vision models scale to less than this themselves.
_IMAGE_EDGE_PIXELS = 1536
_CHARACTERS_A_TOKEN = 64
_NAME = re.compile(r"[A-Za-z0-9._:/@+-]{1,100}")


def served_write(
    settings: Settings, ref: ModelRef, prompt: str, image: Image.Image | None = None
) -> Write:
    """The server's model, about to answer `prompt` and an image. Raises NotConfigured."""
    endpoint = endpoint_of(settings, ref.server)
    limits = Limits.of(settings)
    endpoint = replace(endpoint, limits=replace(endpoint.limits, deadline_s=limits.deadline_s))

    def write(*, on_text: Callable[[str, int], None], stopping: Callable[[], bool]) -> Generated:
        return _written(endpoint, ref, _message(prompt, image), limits, on_text, stopping)

    return write


def _message(prompt: str, image: Image.Image | None) -> dict[str, Any]:
    if image is None:
        return {"role": "user", "content": prompt}
    shown = image.copy()
    shown.thumbnail((_IMAGE_EDGE_PIXELS, _IMAGE_EDGE_PIXELS), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # Without what a file may say besides its pixels.
    shown.save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": prompt},
        ],
    }


def _written(
    endpoint: Endpoint,
    ref: ModelRef,
    message: dict[str, Any],
    limits: Limits,
    on_text: Callable[[str, int], None],
    stopping: Callable[[], bool],
) -> Generated:
    started = time.monotonic()
    text = _Text(limits)
    reported: list[Reported] = []
    cut: Cut = ""
    stream = stream_chat(
        endpoint,
        ref.name,
        [message],
        max_tokens=limits.max_new_tokens,
        temperature=limits.temperature,
        seed=SEED,
        on_reported=reported.append,
    )
    try:
        with closing(stream):
            for piece in stream:
                text.add(piece.text)
                cut = "stopped" if stopping() else text.must_end()
                if piece.finish == "length":
                    cut = cut or "length"
                if cut:
                    break
                if piece.text and text.tokens % LOOK_EVERY == 0:
                    on_text(text.shown, text.tokens)
    except ModelServerFailed as error:
        if not text.tokens:
            raise
        cut = "time" if isinstance(error, ModelServerOutOfTime) else "broken"
    if cut == "loop":
        text.leave_repetition_out()
    shown = text.shown.strip()
    if not shown and not cut:
        cut = "empty"
    notes = tuple(_as_reported(ref, one) for one in reported)
    return Generated(shown, text.tokens, cut, time.monotonic() - started, notes)


class _Text:
    """What a server's model has written so far. A piece is about a token."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._most_characters = limits.max_new_tokens * _CHARACTERS_A_TOKEN
        self._pieces: list[str] = []
        self._characters = 0
        # The same piece has the same number.
        self._numbers: dict[str, int] = {}
        self._ids: list[int] = []

    @property
    def tokens(self) -> int:
        return len(self._pieces)

    @property
    def shown(self) -> str:
        """Without what the model thought before."""
        return without_thoughts("".join(self._pieces))

    def add(self, piece: str) -> None:
        # One more than there may be says that it is too long.
        piece = piece[: self._most_characters - self._characters + 1]
        if piece:
            self._pieces.append(piece)
            self._characters += len(piece)
            self._ids.append(self._numbers.setdefault(piece, len(self._numbers)))

    def must_end(self) -> Cut:
        """Whether it is longer than was asked for, or a loop."""
        most = self._limits.max_new_tokens
        if self.tokens > most or self._characters > self._most_characters:
            return "length"
        return "loop" if self.tokens % LOOK_EVERY == 0 and repeated(self._ids) else ""

    def leave_repetition_out(self) -> None:
        self._ids = without_repetition(self._ids)
        self._pieces = self._pieces[: len(self._ids)]


def _as_reported(ref: ModelRef, reported: Reported) -> str:
    """A server's words stand in it only where they are a name: it might write a sentence there."""
    is_named = _NAME.fullmatch(reported.fingerprint) is not None
    print_ = f", fingerprint {reported.fingerprint}" if is_named else ""
    if not reported.model:
        return f"The model server {ref.server} does not say which model answered{print_}."
    if reported.model == ref.name:
        return f"The model server {ref.server} answered as model {ref.name}{print_}."
    named = f"model {reported.model}" if _NAME.fullmatch(reported.model) else "another name"
    return f"The model server {ref.server} answered as {named} (asked for was {ref.name}){print_}."
