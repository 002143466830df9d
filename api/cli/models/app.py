"""What the commands below `mediview models` share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from api.cli.starting import start
from storage.container import Storage, open_storage
from storage.maintenance.upgrade import upgrade

app = typer.Typer(
    name="models", help="Models: add, verify, activate, retire.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="As `mediview models list` names it.")]
Version = Annotated[
    str | None, typer.Option("--version", help="Needed only where there are several.")
]


@contextmanager
def opened() -> Iterator[Storage]:
    settings = start(log_level="ERROR")
    if settings.resolved_database_url.startswith("sqlite"):
        # Models may be added before the node runs for the first time.
        upgrade(settings)
    with open_storage(settings) as storage:
        yield storage
