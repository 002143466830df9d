"""Where the commands write for people."""

from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_error(message: str, remedy: str = "") -> None:
    """What went wrong, and what to do about it."""
    err.print(f"[bold red]error:[/] {_plain(message)}", soft_wrap=True)
    if remedy:
        err.print(f"       {_plain(remedy)}", soft_wrap=True)


def _plain(text: str) -> str:
    # Square brackets of an address would be read as markup.
    return text.replace("[", r"\[")
