"""Commands that the client's command line reads, as it does beside other nodes."""

from collections.abc import Callable
from typing import Any

import typer

REMOTE = "A node anywhere, over HTTP"
"""The heading of these commands."""
PASSED_ON: dict[str, Any] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
"""How Typer takes such a command: what follows is not its own, --help neither."""


def passed_on(help: str, *words: str) -> Callable[[typer.Context], None]:
    """The command that begins with these words, for Typer."""

    def run(context: typer.Context) -> None:
        from mediview_client.cli import main

        raise typer.Exit(main([*words, *context.args], program="mediview"))

    run.__doc__ = help
    return run
