"""`mediview doctor`: what is configured, what works, and what to do where something does not."""

import typer
from rich.text import Text

from api.cli.console import out, table_of
from api.cli.starting import start

_MARK = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fail": "[bold red]fail[/]"}


def doctor() -> None:
    """Check every part of the node and say what to do about those that fail."""
    from api.server.checks.doctor import diagnose

    settings = start(log_level="ERROR")
    table = table_of()
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    failed = 0
    for check in diagnose(settings):
        failed += check.state == "fail"
        text = check.detail if not check.remedy else f"{check.detail}\n→ {check.remedy}"
        table.add_row(Text.from_markup(_MARK[check.state]), check.name, text)
    out.print(table)
    out.print("Everything works." if not failed else f"{failed} to be put right.", style="bold")
    raise typer.Exit(1 if failed else 0)
