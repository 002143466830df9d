"""What comes back of what was sent: short, and without characters of control or direction."""

import re
from typing import Any

import httpx

from tests.api.client import ApiNode
from tests.hostile_text import unwanted_in

_LONG = "x" * 7000 + "\u202e\u2028" + "y" * 7000
"""Below what a request line may have (16 KiB) once it is percent-encoded."""
_AT_MOST = 2_500
_RUNS = re.compile("xx+|yy+|(?:xx|yy)+")
_UID, _ID = "1.2.3", "a-b"
_HEADERS = (
    "Accept", "Accept-Language", "If-Match", "If-None-Match", "If-Modified-Since", "Range",
    "Idempotency-Key", "Last-Event-ID", "Content-Type", "X-Request-ID", "Prefer",
)  # fmt: skip


def _operations(api: ApiNode) -> list[tuple[str, str, list[str], list[str]]]:
    """Method, path with ordinary values, names of path and query parameters of each operation."""
    found = []
    for path, item in api.client.get("/api/openapi.json").json()["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            named: dict[str, list[str]] = {"path": [], "query": []}
            for one in operation.get("parameters", ()):
                if one["in"] in named:
                    named[one["in"]].append(one["name"])
            found.append((method, path, named["path"], named["query"]))
    return found


def _filled(path: str, names: list[str], **values: str) -> str:
    for name in names:
        usual = _UID if name.endswith("_uid") else _ID
        path = path.replace(f"{{{name}}}", values.get(name, usual))
    return path


def _check(answer: httpx.Response, sent: Any) -> None:
    text = answer.text
    headers = [f"{name}: {value}" for name, value in answer.headers.items()]
    longest = max(map(len, _RUNS.findall("\n".join((text, *headers)))), default=0)
    assert longest < _AT_MOST, (sent, longest)
    if answer.status_code >= 400:
        assert len(text) < 4 * _AT_MOST, (sent, len(text))
        assert not unwanted_in(text), (sent, text[:300])


def test_no_answer_repeats_what_is_long(api: ApiNode) -> None:
    """Each name of a parameter once, and of each part of the API one address for the rest."""
    seen: set[tuple[str, str]] = set()
    parts: set[tuple[str, str]] = set()

    def ask(method: str, address: str, **more: Any) -> None:
        _check(api.client.request(method, address, **more), (method, address[:80], list(more)))

    for method, path, in_path, in_query in _operations(api):
        if path.endswith(("/events", "/changes", "/openapi.json")):
            continue
        address = _filled(path, in_path)
        part = "/".join(path.split("/")[:4])
        for name in in_path:
            if (part, name) not in seen:
                ask(method, _filled(path, in_path, **{name: "x" * 4000}), json={})
        for name in in_query:
            if (part, name) not in seen:
                ask(method, address, params={name: _LONG}, json={})
        seen |= {(part, name) for name in (*in_path, *in_query)}
        if (part, method) in parts:
            continue
        parts.add((part, method))
        ask(method, address, params=[(_LONG, "1"), (_LONG, "2")], json={})
        if method == "get":
            ask(method, address, headers=dict.fromkeys(_HEADERS, "x" * 900))
        else:
            ask(method, address, json={_LONG: _LONG, **dict.fromkeys("abc", _LONG)})
            ask(method, address, json=[_LONG])
    assert len(seen) > 100
