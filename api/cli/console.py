"""Where the commands write for people."""

from rich.console import Console
from rich.table import Table

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


# Who copies an identifier, or looks for it in what a pipe gives on, needs all of it in one line.
_IDENTIFIERS = {"Study", "StudyInstanceUID", "SOPInstanceUID", "Change", "Id"}


def table_of(*headers: str) -> Table:
    """A table without rules that cuts nothing off: texts are folded, identifiers stay whole.

    Headers that are all empty are not shown.
    """
    made = Table(box=None, pad_edge=False, show_header=any(headers))
    for header in headers:
        made.add_column(header, overflow="fold", no_wrap=header in _IDENTIFIERS)
    return made


def print_error(message: str, remedy: str = "") -> None:
    """What went wrong, and what to do about it."""
    err.print(f"[bold red]error:[/] {_plain(message)}", soft_wrap=True)
    if remedy:
        err.print(f"       {_plain(remedy)}", soft_wrap=True)


def _plain(text: str) -> str:
    # Square brackets of an address would be read as markup.
    return text.replace("[", r"\[")
