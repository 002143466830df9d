"""`mediview login`, and what is then asked of that node over HTTP: no database is opened."""

import typer

from api.cli.client_commands import passed_on

login = passed_on("Remember a node and the key to it.", "login")
logout = passed_on("Forget both.", "logout")
jobs = passed_on("Jobs: list, show, create, cancel, retry.", "jobs")
findings = passed_on("Findings: list those of a study, say whether one is right.", "findings")
reports = passed_on("Reports: list, show, write as PDF.", "reports")
worklist = passed_on("Modality worklist: list, add, remove.", "worklist")
webhooks = passed_on("Webhooks: list, add, ping, remove.", "webhooks")
events = passed_on("Events: list what happened, follow what happens.", "events")


def completion(context: typer.Context) -> None:
    """Print a script with which a shell completes commands."""
    from api.cli.main import COMMANDS
    from mediview_client.cli import main

    raise typer.Exit(main(["completion", *context.args], "mediview", tuple(COMMANDS)))
