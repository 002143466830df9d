"""The Warning of an answer that names query parameters which were ignored (RFC 7234 5.5.7)."""

import re
from collections.abc import Collection, Mapping

from fastapi import Response

from api.request_rules.unknown_names import nearest
from api.request_rules.warning_header import warning_of

_NAMED_AT_MOST = 5
_SHOWN_CHARACTERS = 40
# What a client wrote stands in a header, and a value that slipped in may be a patient's.
_NOT_SHOWN = re.compile(r"[^A-Za-z0-9_.\-]")


def add_warning(response: Response, service: str, ignored: Mapping[str, Collection[str]]) -> None:
    """`ignored`: each name with those that are known in its place. `service`: its address."""
    sentences = [_sentence(name, known) for name, known in list(ignored.items())[:_NAMED_AT_MOST]]
    more = len(ignored) - len(sentences)
    if more:
        sentences.append(f"So were {more} others.")
    response.headers.append("Warning", warning_of(service, " ".join(sentences)))


def _sentence(name: str, known: Collection[str]) -> str:
    shown = _NOT_SHOWN.sub("?", name[:_SHOWN_CHARACTERS])
    return f"The query parameter '{shown}' was ignored. {nearest(shown, known)}".strip()
