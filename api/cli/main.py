"""Assembly of the command line, and its one way to say that something went wrong.

A command imports what it needs when it is asked for: every process of the node is one, and
most would otherwise load the web server, DICOM's dictionaries and models for nothing.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

import typer
from pydantic import ValidationError

from api.cli.client_commands import PASSED_ON, REMOTE
from api.cli.computing import PACKAGES, absent
from api.cli.console import print_error
from storage.core.errors import MediViewError
from storage.processes import garbage_collection


class _Command(NamedTuple):
    """Where a command is: a function of a module, or the module's `app` with commands below."""

    module: str
    function: str = "app"
    panel: str | None = None
    is_passed_on: bool = False
    """The client's command line reads what follows (`mediview_client.cli`)."""


_PASSED_ON = (
    *("login", "logout", "jobs", "findings", "reports", "worklist", "webhooks", "events"),
    "completion",
)
_ROLES = "Roles, one process each"
COMMANDS = {
    "up": _Command("processes.up", "up"),
    "send": _Command("studies.send", "send_folder"),
    "import": _Command("studies.import_studies", "import_studies"),
    "plan": _Command("plan", "plan_hosts"),
    "demo": _Command("demo", "demo"),
    "evaluate": _Command("models.evaluate", "evaluate"),
    "doctor": _Command("doctor", "doctor"),
    "scp": _Command("processes.scp", "scp", _ROLES),
    "api": _Command("processes.api", "api", _ROLES),
    "hl7": _Command("processes.hl7", "hl7", _ROLES),
    "worker": _Command("processes.worker", "worker", _ROLES),
    "beat": _Command("processes.beat", "beat", _ROLES),
    "migrate": _Command("storage.migrate", "migrate"),
    "openapi": _Command("openapi", "openapi"),
    "storage": _Command("storage.commands"),
    "backup": _Command("storage.backup"),
    "restore": _Command("storage.restore", "restore"),
    "hosts": _Command("storage.hosts"),
    "peers": _Command("peers"),
    "notify": _Command("notify"),
    "users": _Command("access.users"),
    "access-groups": _Command("access.access_groups"),
    "keys": _Command("access.keys"),
    "rules": _Command("rules"),
    "studies": _Command("studies.sending"),
    "why": _Command("studies.delays", "why"),
    "retention": _Command("studies.retention"),
    "patients": _Command("studies.patients"),
    "priors": _Command("studies.priors"),
    "runs": _Command("studies.runs"),
    "projects": _Command("studies.projects"),
    "conflicts": _Command("studies.conflicts"),
    "lesions": _Command("studies.lesions"),
    "models": _Command("models.commands"),
    "audit": _Command("audit"),
    **{name: _Command("remote", name, REMOTE, is_passed_on=True) for name in _PASSED_ON},
}


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """The commands that may be meant: the one that is named first, or else all."""
    app = typer.Typer(
        name="mediview",
        help="The imaging node beside the PACS. Settings come from MEDIVIEW_… variables and .env.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    # With a callback, Typer takes a single command for one of several.
    app.callback()(lambda: None)
    asked = arguments[0] if arguments else ""
    for name in (asked,) if asked in COMMANDS else COMMANDS:
        command = COMMANDS[name]
        found = getattr(import_module(f"api.cli.{command.module}"), command.function)
        if isinstance(found, typer.Typer):
            app.add_typer(found)
        else:
            settings = PASSED_ON if command.is_passed_on else None
            app.command(name, rich_help_panel=command.panel, context_settings=settings)(found)
    return app


def main() -> None:
    """Run the command. A refusal is one sentence and a remedy, never a stack trace."""
    try:
        # NumPy multiplies small matrices here. Its threads wait for each other by spinning, which
        # takes ten times the time of one thread where others keep the cores busy.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # Until the command has its settings; by then it has imported most of what it needs.
        garbage_collection.pause()
        command_line(sys.argv[1:])()
    except MediViewError as error:
        print_error(error.message, error.remedy)
        sys.exit(1)
    except ValidationError as error:
        for item in error.errors():
            name = "_".join(str(part) for part in item["loc"]) or "settings"
            print_error(f"The setting {name} is wrong: {item['msg']}.", "Correct it, or unset it.")
        sys.exit(2)
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        refusal = absent(error.name)
        print_error(refusal.message, refusal.remedy)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output has left; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        print_error(
            f"{error.filename} cannot be used: {error.strerror}.",
            "Check that its folder exists, and that this user may read and write there.",
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
