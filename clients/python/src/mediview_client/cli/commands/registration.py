"""How a command is registered, and the arguments that several take."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mediview_client._sync.client import MediView
from mediview_client.cli.output import Output

Run = Callable[[MediView, argparse.Namespace, Output], int | None]


@dataclass(frozen=True)
class Argument:
    """As `argparse` takes it; a name with dashes is an option."""

    name: str
    help: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Command:
    group: str
    name: str
    help: str
    arguments: tuple[Argument, ...]
    run: Run


COMMANDS: list[Command] = []
GROUPS = {
    "studies": "Studies of the node.",
    "jobs": "Runs of pipelines.",
    "findings": "What pipelines state.",
    "reports": "Reports of studies.",
    "worklist": "What is scheduled for modalities.",
    "webhooks": "Whom the node notifies over HTTP.",
    "models": "Models of the node.",
    "rules": "Which series a site's rules give to which pipeline.",
    "events": "What happens on the node.",
}


def argument(name: str, help: str, **options: Any) -> Argument:
    return Argument(name, help, options)


def command(group: str, name: str, help: str, *arguments: Argument) -> Callable[[Run], Run]:
    def add(run: Run) -> Run:
        COMMANDS.append(Command(group, name, help, arguments, run))
        return run

    return add


STUDY = argument("study", "StudyInstanceUID.")
LIMIT = argument("--limit", "How many at most.", type=int, default=50)
FILTERS = argument(
    "filters",
    "Conditions of the list, such as modality=MR or state=completed; docs/api.md names them.",
    nargs="*",
    metavar="NAME=VALUE",
)


def filters_of(given: argparse.Namespace) -> dict[str, Any]:
    return dict(_pairs(given.filters)) | {"limit": min(max(given.limit, 1), 500)}


def _pairs(filters: list[str]) -> Iterator[tuple[str, str]]:
    for one in filters:
        name, is_pair, value = one.partition("=")
        if not is_pair:
            raise ValueError(f"{one!r} is not a condition. Write NAME=VALUE, such as modality=MR.")
        yield name, value
