"""Chat completions of an OpenAI-compatible server (vLLM, TGI, NIM, Ollama, llama.cpp), streamed.

Fields that such servers share are sent, and no others: model, messages, max_tokens, temperature,
seed, stream.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inference.model_servers.client import MAX_JSON_BYTES, ServerAnswer, answer_of, parsed_json
from inference.model_servers.endpoint import Endpoint
from inference.model_servers.gate import admitted
from inference.refusals import ModelServerFailed, ModelUnusable
from storage.core.text.outside_text import text_from_outside

_EVENT_AT_MOST_BYTES = 1024 * 1024
# A token and what JSON and a server put around it.
_BYTES_A_TOKEN = 16 * 1024
_REPORTED_AT_MOST = 100


@dataclass(frozen=True)
class Piece:
    """What came since the piece before; `finish` once the model has ended, and why.

    Without text: the server keeps the connection alive and has nothing to say yet.
    """

    text: str
    finish: str = ""


@dataclass(frozen=True)
class Reported:
    """What the server says of the model that answers."""

    model: str = ""
    fingerprint: str = ""


def stream_chat(
    endpoint: Endpoint,
    model: str,
    messages: Sequence[dict[str, Any]],
    *,
    max_tokens: int,
    temperature: float,
    seed: int,
    on_reported: Callable[[Reported], None],
) -> Generator[Piece, None, None]:
    """The answer piece by piece; `on_reported` hears once which model writes it.

    Close the generator to stop the server. Raises ModelServerFailed, ModelServerDeclined,
    ModelServerOutOfTime, ModelUnusable.
    """
    body = json.dumps(
        {
            "model": model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "stream": True,
        }
    ).encode()
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    with (
        admitted(endpoint, model),
        answer_of(endpoint, "POST", "/chat/completions", content=body, headers=headers) as answer,
    ):
        is_reported = has_ended = False
        for event in _events(answer, max_tokens * _BYTES_A_TOKEN + MAX_JSON_BYTES):
            if event == "alive":
                yield Piece("")
                continue
            if event == "done":
                return
            if not is_reported:
                is_reported = True
                on_reported(Reported(_short(event, "model"), _short(event, "system_fingerprint")))
            piece = _piece_of(endpoint, event)
            has_ended = has_ended or bool(piece.finish)
            yield piece
        if not has_ended:
            raise ModelServerFailed(
                f"{endpoint} ended its answer before the model did.",
                remedy="Look at the server's log.",
            )


def models_of(endpoint: Endpoint) -> list[str]:
    """The names of the models that the server offers. Raises as `stream_chat`."""
    with answer_of(endpoint, "GET", "/models") as answer:
        listed = answer.json().get("data")
    if not isinstance(listed, list):
        raise ModelServerFailed(
            f"{endpoint} does not list its models.",
            remedy="Its address ends before /models and /chat/completions, mostly with /v1.",
        )
    return [_short(one, "id") for one in listed if isinstance(one, dict)]


def check_model(endpoint: Endpoint, model: str) -> None:
    """Raises as `models_of`, and ModelUnusable where the server offers others alone."""
    offered = models_of(endpoint)
    if model not in offered:
        raise ModelUnusable(
            f"{endpoint} has no model {model}; it offers {', '.join(offered[:5]) or 'none'}.",
            remedy="Name one of those, or load the model there.",
        )


def _events(
    answer: ServerAnswer, max_bytes: int
) -> Iterator[dict[str, Any] | Literal["alive", "done"]]:
    """The JSON of each server-sent event, or the one JSON of a server that does not stream.

    "alive" stands for a comment, "done" for [DONE], which servers leave out.
    """
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        yield answer.json()
        return
    if kind != "text/event-stream":
        raise ModelServerFailed(
            f"{answer.endpoint} answered {kind[:40] or 'something'} instead of a chat completion.",
            remedy="Check its address in MEDIVIEW_MODEL_SERVERS: mostly it ends with /v1.",
        )
    for line in _lines(answer, max_bytes):
        field, _, value = line.partition(b":")
        value = value.strip()
        if field == b"data":
            yield "done" if value == b"[DONE]" else parsed_json(answer.endpoint, value)
        elif line.startswith(b":"):
            yield "alive"


def _lines(answer: ServerAnswer, max_bytes: int) -> Iterator[bytes]:
    rest = b""
    for piece in answer.pieces(max_bytes):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > _EVENT_AT_MOST_BYTES:
            raise ModelServerFailed(
                f"{answer.endpoint} sent an event of more than {_EVENT_AT_MOST_BYTES} bytes.",
                remedy="Check which server answers at the address.",
            )


def _piece_of(endpoint: Endpoint, event: dict[str, Any]) -> Piece:
    """Text of the only choice; what a model thinks apart (`reasoning_content`) is left out."""
    if "error" in event:
        # Its words may repeat what was sent.
        raise ModelServerFailed(
            f"{endpoint} reported an error while the model wrote.",
            remedy="Look at the server's log.",
        )
    choices = event.get("choices")
    if not isinstance(choices, list):
        raise ModelServerFailed(
            f"{endpoint} answered JSON that is not a chat completion.",
            remedy="Check its address in MEDIVIEW_MODEL_SERVERS: mostly it ends with /v1.",
        )
    choice = choices[0] if choices else {}
    if not isinstance(choice, dict):
        return Piece("")
    part = choice.get("delta") or choice.get("message") or {}
    text = part.get("content") if isinstance(part, dict) else None
    finish = choice.get("finish_reason")
    shown = text_from_outside(text, MAX_JSON_BYTES, lines=True) if isinstance(text, str) else ""
    return Piece(shown, finish if isinstance(finish, str) else "")


def _short(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    printable = isinstance(value, str) and value.isprintable()
    return str(value)[:_REPORTED_AT_MOST] if printable else ""
