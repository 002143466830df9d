"""The site's own reference values: a table as CSV, or a JSON array of objects.

Every mistake is named with file, line, value and remedy.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from inference.normal_ranges.reference import ReferenceValues
from inference.normal_ranges.site_row import SiteRow
from storage.core.errors import InvalidRequest
from storage.settings import Settings

_MAX_BYTES = 4 * 1024 * 1024
_MAX_ROWS = 20_000
_MOST_MISTAKES = 20
_COLUMNS = tuple(SiteRow.model_fields)
_REQUIRED = ("label", "unit", "source")
_REMEDY = "Correct the file; `mediview doctor` says whether it is right."
_NUMBERS = {"float_parsing", "float_type"}


class _Line(NamedTuple):
    number: int
    """From 1."""
    content: Any


def reference_values_of(settings: Settings) -> Sequence[ReferenceValues]:
    """The site's; none where it has no file. Raises InvalidRequest."""
    path = settings.reference_values
    if path is None:
        return ()
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _cached(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=2)
def _cached(path: Path, changed_ns: int, size_bytes: int) -> tuple[ReferenceValues, ...]:
    return read_reference_values(path)


def read_reference_values(path: Path) -> tuple[ReferenceValues, ...]:
    """All rows of a file. Raises InvalidRequest naming each wrong line."""
    rows: list[ReferenceValues] = []
    mistakes: list[str] = []
    for line in _lines(path):
        if len(rows) == _MAX_ROWS:
            raise InvalidRequest(
                f"{path}:{line.number}: more than {_MAX_ROWS:,} rows.",
                remedy="Leave out what no pipeline here measures.",
            )
        try:
            values = SiteRow.model_validate(line.content).values
            rows.append(replace(values, line=line.number))
        except ValidationError as error:
            mistakes += [f"{path}:{line.number}: {_worded(one)}" for one in error.errors()]
        if len(mistakes) >= _MOST_MISTAKES:
            break
    mistakes += [] if mistakes else _overlaps(path, rows)
    if mistakes:
        raise InvalidRequest("\n".join(mistakes[:_MOST_MISTAKES]), remedy=_REMEDY)
    if not rows:
        raise InvalidRequest(f"{path} holds no row.", remedy="Add rows, or unset the setting.")
    return tuple(rows)


def _lines(path: Path) -> Iterator[_Line]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InvalidRequest(
                f"{path} is larger than {_MAX_BYTES // 1024 // 1024} MiB.",
                remedy="Leave out what no pipeline here measures.",
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"{path} is not UTF-8 text: byte {error.start} cannot be read.",
            remedy="Save it as UTF-8; spreadsheets call it “CSV UTF-8”.",
        ) from error
    yield from _json_rows(path, text) if text.lstrip()[:1] == "[" else _csv_rows(path, text)


def _unreadable(path: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(
        f"{path} cannot be read: {error.strerror}.",
        remedy="Create it, or unset MEDIVIEW_REFERENCE_VALUES.",
    )


def _csv_rows(path: Path, text: str) -> Iterator[_Line]:
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped) or stripped[0].startswith("#"):
                continue
            if names is None:
                names = _checked_names(path, reader.line_num, stripped)
            elif len(stripped) > len(names):
                raise InvalidRequest(
                    f"{path}:{reader.line_num}: {len(stripped)} cells, and there are"
                    f" {len(names)} columns.",
                    remedy="Put text with commas in double quotes, and write 1.5 rather than 1,5.",
                )
            else:
                yield _Line(reader.line_num, dict(zip(names, stripped, strict=False)))
    except csv.Error as error:
        raise InvalidRequest(
            f"{path}:{reader.line_num}: no row of a CSV table: {error}.", remedy=_REMEDY
        ) from error


def _checked_names(path: Path, line: int, names: list[str]) -> list[str]:
    unknown = [one for one in names if one not in _COLUMNS]
    missing = [one for one in _REQUIRED if one not in names]
    twice = sorted({one for one in names if names.count(one) > 1})
    for problem, found in (
        ("there is no such column as", unknown),
        ("a column is missing:", missing),
        ("a column stands there twice:", twice),
    ):
        if found:
            raise InvalidRequest(
                f"{path}:{line}: {problem} '{found[0]}'.",
                remedy=f"The columns are {', '.join(_COLUMNS)}, divided by commas.",
            )
    return names


def _json_rows(path: Path, text: str) -> Iterator[_Line]:
    """Object by object, so that each has the number of its line."""
    decoder = json.JSONDecoder()
    at = text.index("[") + 1
    try:
        while True:
            at = _behind_blanks(text, at)
            if text[at : at + 1] == "]":
                return
            content, end = decoder.raw_decode(text, at)
            yield _Line(text.count("\n", 0, at) + 1, content)
            at = _behind_blanks(text, end)
            if text[at : at + 1] == ",":
                at += 1
            elif text[at : at + 1] != "]":
                raise json.JSONDecodeError("A comma or ] is missing", text, at)
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", text.count("\n", 0, at) + 1)
        problem = getattr(error, "msg", "nested too deeply")
        raise InvalidRequest(f"{path}:{line}: no JSON: {problem}.", remedy=_REMEDY) from error


def _behind_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _worded(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    given = error["input"]
    if error["type"] == "missing":
        return f"{name} is missing."
    if error["type"] == "extra_forbidden":
        return f"there is no such field as '{name}'; they are {', '.join(_COLUMNS)}."
    if error["type"] in _NUMBERS:
        comma = "; write a point, not a comma" if isinstance(given, str) and "," in given else ""
        return f"{name} is {given!r}, which is not a number{comma}."
    text = error["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{name} is {given!r}: {text}." if name else f"{text[:1].upper()}{text[1:]}."


def _overlaps(path: Path, rows: Sequence[ReferenceValues]) -> list[str]:
    """Two rows that would hold for the same patient contradict each other."""
    of_measurement: dict[tuple[str, str, str], list[ReferenceValues]] = defaultdict(list)
    for row in rows:
        for sex in (row.sex,) if row.sex else ("M", "F"):
            of_measurement[row.pipeline, row.label, sex].append(row)
    mistakes: dict[str, None] = {}
    for found in of_measurement.values():
        found.sort(key=lambda one: one.ages)
        for one, other in pairwise(found):
            if other.ages[0] < one.ages[1]:
                lines = sorted((one.line, other.line))
                mistakes[
                    f"{path}:{lines[1]}: {other.label}: holds for the same sex and age as"
                    f" line {lines[0]}. An end in whole years holds until the next birthday."
                ] = None
    return list(mistakes)
