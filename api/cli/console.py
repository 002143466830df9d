"""Where the commands write for people.

What peers, files and models say is shown as text: neither the terminal's escape sequences nor
rich's markup in it take effect.
"""

import os
import sys
from typing import Any
from unicodedata import category

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

_PIPE_COLUMNS = 1000


def visible(text: str) -> str:
    """Control characters, and those that turn or hide text, as their escapes; lines stay."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or one in "\n\t" or category(one) == "Zs" else _escaped(one)
        for one in text
    )


def _escaped(one: str) -> str:
    return one.encode("unicode_escape").decode()


class _Console(Console):
    def print(self, *objects: Any, **options: Any) -> None:
        super().print(
            *(visible(one) if isinstance(one, str) else one for one in objects), **options
        )


class _Table(Table):
    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(
            *(Text(visible(one)) if isinstance(one, str) else one for one in cells), **options
        )


# As wide as it needs where no terminal sets a width: a pipe cuts nothing into columns.
_has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
out = _Console(highlight=False, width=None if _has_width else _PIPE_COLUMNS)
err = _Console(stderr=True, highlight=False)


# Who copies an identifier, or looks for it in what a pipe gives on, needs all of it in one line.
_IDENTIFIERS = {"Study", "StudyInstanceUID", "SOPInstanceUID", "Change", "Id"}


def counted(count: int, thing: str, things: str = "") -> str:
    """`1 receiver`, `2 receivers`; `things` where more than one has another ending."""
    return f"{count} {thing if count == 1 else things or f'{thing}s'}"


def table_of(*headers: str) -> Table:
    """A table without rules that cuts nothing off: texts are folded, identifiers stay whole.

    Headers that are all empty are not shown.
    """
    made = _Table(box=None, pad_edge=False, show_header=any(headers))
    for header in headers:
        made.add_column(header, overflow="fold", no_wrap=header in _IDENTIFIERS)
    return made


def print_error(message: str, remedy: str = "") -> None:
    """What went wrong, and what to do about it."""
    err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if remedy:
        err.print(f"       {escape(remedy)}", soft_wrap=True)
