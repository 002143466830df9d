"""What somebody holds to be true of each case: a table of labels or of numbers.

`reference.csv`: a column `case` and a column for each label or number; or `reference.json`:
`{"CASE": {"LABEL": 1}}`. Of labels 1 is present and 0 absent; what is left out is not known.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

from inference.evaluation.images.csv_table import MAX_TABLE_BYTES, csv_lines, shortened
from inference.models.cards.card_words import meant
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.bounded_json import load_bounded_json

REFERENCE_FILES = ("reference.csv", "reference.json")
_CASE = "case"
_MAX_ELEMENTS = 5_000_000
_STATED = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
_SHOWN_CHARACTERS = 40

T = TypeVar("T")
Labels = dict[str, bool]
"""By label as the model names it: whether it is present. What is not known is left out."""
Numbers = dict[str, float]
"""By number as the card names it."""


class _Row(NamedTuple):
    where: str
    """For people, such as "Line 3 of reference.csv"."""
    case: str
    values: Mapping[str, Any]


def read_label_reference(folder: Path, known: Collection[str]) -> dict[str, Labels]:
    """By case, the name of its folder. `known`: the labels of the model.

    Raises InvalidRequest naming row, value and remedy.
    """
    how = "1 where the label is present and 0 where it is absent"
    return _read(folder, known, "label", how, _label)


def read_number_reference(folder: Path, known: Collection[str]) -> dict[str, Numbers]:
    """Likewise. `known`: the numbers of the model, which are stated in the units of its card."""
    return _read(
        folder, known, "number", "the number in the unit of the card, with a decimal point", _number
    )


def _read(
    folder: Path,
    known: Collection[str],
    noun: str,
    how: str,
    value_of: Callable[[str], T | None],
) -> dict[str, dict[str, T]]:
    path = next((folder / one for one in REFERENCE_FILES if (folder / one).is_file()), None)
    if path is None:
        raise InvalidRequest(
            f"{folder} has no {' or '.join(REFERENCE_FILES)}.",
            remedy=f"Write reference.csv with the columns {_CASE}, {', '.join(sorted(known)[:3])}:"
            f" a line for each case, {how}.",
        )
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise InvalidRequest(
            f"{path.name} has more than {MAX_TABLE_BYTES >> 20} MiB.",
            remedy=f"Leave out what is neither a case nor a {noun}.",
        )
    rows = _json_rows(path) if path.suffix == ".json" else _csv_rows(path)
    names = {one.casefold(): one for one in known}
    found: dict[str, dict[str, T]] = {}
    for row in rows:
        if row.case in found:
            _refuse(row, f'names the case "{_shown(row.case)}" again', "State each case once.")
        if not (folder / row.case).is_dir() or Path(row.case).name != row.case:
            _refuse(
                row,
                f'names the case "{_shown(row.case)}", and there is no such folder',
                f"Name the folder as it is called below {folder}, or take the row out.",
            )
        values: dict[str, T] = {}
        for name, word in _words(row, names, noun):
            value = value_of(word)
            if value is None:
                _refuse(
                    row,
                    f'has "{_shown(word)}" for {name}',
                    f"Write {how}, and nothing where that is not known.",
                )
            values[name] = value
        found[row.case] = values
    return found


def _words(row: _Row, names: Mapping[str, str], noun: str) -> Iterator[tuple[str, str]]:
    """What is stated of each label or number that the model knows."""
    for stated, value in row.values.items():
        name = names.get(stated.strip().casefold())
        if name is None:
            known = sorted(names.values())
            _refuse(
                row,
                f'names the {noun} "{_shown(stated)}", which the model does not know'
                f"{meant(stated, known)}",
                f"It knows {', '.join(known[:20])}{', …' if len(known) > 20 else ''}.",
            )
        word = "" if value is None else str(value).strip()
        if word:
            yield name, word


def _label(word: str) -> bool | None:
    return _STATED.get(word.casefold())


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    # Python reads 1_5 as 15.
    return value if math.isfinite(value) and "_" not in word else None


def _csv_rows(path: Path) -> Iterator[_Row]:
    lines = csv_lines(path)
    _, header = next(lines, ("", []))
    if _CASE not in header or len(set(header)) < max(2, len(header)):
        raise InvalidRequest(
            f"Line 1 of {path.name} is not a heading: it needs the column {_CASE} and one for each"
            " label or number, each once.",
            remedy=f"Begin with a line such as: {_CASE},Pleural effusion",
        )
    for where, values in lines:
        if len(values) != len(header):
            raise InvalidRequest(
                f"{where} has {len(values)} values, and the heading {len(header)}.",
                remedy="Give each column a value; between two separators there may be none.",
            )
        row = dict(zip(header, values, strict=True))
        yield _Row(where, row.pop(_CASE), row)


def _json_rows(path: Path) -> Iterator[_Row]:
    remedy = 'Write it as {"CASE": {"LABEL": 1}}.'
    try:
        stated = load_bounded_json(path.read_bytes(), _MAX_ELEMENTS, unique_keys=True)
    except ValueError as error:
        raise InvalidRequest(f"{path.name} is not JSON: {error}.", remedy=remedy) from error
    if not isinstance(stated, dict):
        raise InvalidRequest(f"{path.name} is not an object by case.", remedy=remedy)
    for case, values in stated.items():
        row = _Row(f'"{_shown(case)}" of {path.name}', case, {})
        if not isinstance(values, dict):
            _refuse(row, "is not an object by label or number", remedy)
        yield row._replace(values=values)


def _shown(text: str) -> str:
    return shortened(text, _SHOWN_CHARACTERS)


def _refuse(row: _Row, what: str, remedy: str) -> NoReturn:
    raise InvalidRequest(f"{row.where} {what}.", remedy=remedy)
