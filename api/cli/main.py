"""Assembly of the command line, and its one way to say that something went wrong."""

import os
import sys

import typer
from pydantic import ValidationError

from api.cli import (
    api,
    audit,
    beat,
    demo,
    doctor,
    evaluate,
    hl7,
    keys,
    migrate,
    model_watch,
    openapi,
    peers,
    rules,
    scp,
    send,
    storage,
    up,
    users,
    worker,
)
from api.cli.console import print_error
from storage.errors import MediViewError
from storage.processes.parent import ParentGone, end_with_parent

app = typer.Typer(
    name="mediview",
    help="The imaging node beside the PACS. Settings come from MEDIVIEW_… variables and .env.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("up")(up.up)
app.command("send")(send.send_folder)
app.command("demo")(demo.demo)
app.command("evaluate")(evaluate.evaluate)
app.command("doctor")(doctor.doctor)
app.command("scp", rich_help_panel="Roles, one process each")(scp.scp)
app.command("api", rich_help_panel="Roles, one process each")(api.api)
app.command("hl7", rich_help_panel="Roles, one process each")(hl7.hl7)
app.command("worker", rich_help_panel="Roles, one process each")(worker.worker)
app.command("beat", rich_help_panel="Roles, one process each")(beat.beat)
app.command("migrate")(migrate.migrate)
app.command("openapi")(openapi.openapi)
app.add_typer(storage.app)
app.add_typer(peers.app)
app.add_typer(users.app)
app.add_typer(keys.app)
app.add_typer(rules.app)
# Its commands join those of `models`.
app.add_typer(model_watch.app)
app.add_typer(audit.app)


def main() -> None:
    """Run the command. A refusal is one sentence and a remedy, never a stack trace."""
    try:
        end_with_parent()
        app()
    except MediViewError as error:
        print_error(error.message, error.remedy)
        sys.exit(1)
    except ValidationError as error:
        for item in error.errors():
            name = "_".join(str(part) for part in item["loc"]) or "settings"
            print_error(f"The setting {name} is wrong: {item['msg']}.", "Correct it, or unset it.")
        sys.exit(2)
    except ParentGone:
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output has left; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
