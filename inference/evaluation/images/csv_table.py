"""Tables that people write by hand or by a spreadsheet: their lines, and what of them is shown."""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from storage.core.errors import InvalidRequest

MAX_TABLE_BYTES = 64 * 1024 * 1024
_AS_CSV = "Save it as CSV in UTF-8."


def csv_lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each line stands, for people ("Line 3 of boxes.csv"), and its values without white
    space around them. The first is the heading; lines without a value are left out.

    Raises InvalidRequest where it is not CSV in UTF-8.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path.name} is not UTF-8.", remedy=_AS_CSV) from error
    first = text.partition("\n")[0]
    # Spreadsheets of countries with a decimal comma write semicolons.
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            values = [one.strip() for one in cells]
            if any(values):
                yield f"Line {reader.line_num} of {path.name}", values
    except csv.Error as error:
        where = f"Line {reader.line_num} of {path.name}"
        raise InvalidRequest(f"{where} is not CSV: {error}.", remedy=_AS_CSV) from error


def shortened(text: str, most: int) -> str:
    """What somebody wrote, as a refusal shows it."""
    short = text if len(text) <= most else f"{text[:most]}…"
    return "".join(one if one.isprintable() else "?" for one in short)
