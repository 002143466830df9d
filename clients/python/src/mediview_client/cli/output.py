"""Answers for people, in columns, and with --json for programs."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

# Beyond the basic plane nothing is: json.dumps escapes what is below U+0020 itself.
_OBEYED = re.compile("[\x7f-\uffff]")
_WIDEST = 64
"""A UID is shown whole (PS3.5 9.1)."""


class Output:
    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def one(self, value: Mapping[str, Any], *fields: str) -> None:
        """One thing: these fields, or all of it as JSON."""
        if self.as_json:
            print(_json(value, indent=2))
            return
        width = max((len(name) for name in fields), default=0)
        for name in fields:
            print(f"{name:<{width}}  {_text(value.get(name))}")

    def many(self, rows: Iterable[Mapping[str, Any]], *fields: str) -> None:
        """A list: a row each, or one JSON array."""
        found = list(rows)
        if self.as_json:
            print(_json(found, indent=2))
            return
        cells = [[_text(row.get(name)) for name in fields] for row in found]
        columns = list(zip(fields, *cells, strict=True))
        widths = [min(max(map(len, column)), _WIDEST) for column in columns]
        for line in ([name.upper() for name in fields], *cells):
            print("  ".join(map(_padded, line, widths)).rstrip())

    def line(self, value: Mapping[str, Any], text: str) -> None:
        """One of many that come as they happen: a line of text, or of JSON."""
        print(_json(value) if self.as_json else printable(text), flush=True)

    def each(self, answer: Mapping[str, Any]) -> int:
        """What came of each of many things; the exit status."""
        if self.as_json:
            print(_json(answer, indent=2))
        else:
            for item in answer["items"]:
                outcome = item["state"] or "done"
                if item["status"] != 200:
                    outcome = f"refused: {item['detail']} {item['remedy']}".strip()
                print(printable(f"{item['id']}  {outcome}"))
        return 1 if answer["failed"] else 0


def complain(message: str, remedy: str = "") -> None:
    print(f"error: {printable(message)}", file=sys.stderr)
    if remedy:
        print(f"       {printable(remedy)}", file=sys.stderr)


def printable(text: str) -> str:
    """What a node says must not reach the terminal as an order."""
    return "".join(one if one.isprintable() else " " for one in text)


def _json(value: Any, indent: int | None = None) -> str:
    """Letters of all languages as they are; what a terminal obeys, U+009B among it, escaped."""
    return _OBEYED.sub(
        lambda found: found[0] if found[0].isprintable() else f"\\u{ord(found[0]):04x}",
        json.dumps(value, indent=indent, ensure_ascii=False),
    )


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case {"value": value, "meaning": _}:
            return str(value)
        case list() | tuple():
            return ", ".join(map(_text, value))
        case dict():
            return json.dumps(value, ensure_ascii=False)
    return printable(str(value))


def _padded(cell: str, width: int) -> str:
    return f"{cell[: width - 1]}…" if len(cell) > width else cell.ljust(width)
