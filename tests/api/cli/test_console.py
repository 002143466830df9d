"""What strangers wrote is shown in the terminal as text, and takes no effect there."""

import os
import subprocess
import sys

import pytest
from rich.console import Console

from api.cli import console
from api.cli.console import table_of

HOSTILE = "\x1b[2A\x1b[2K\u202eX[/]\r[red]Y\x9b8m\\[/x]"
SHOWN = r"\x1b[2A\x1b[2K\u202eX[/]\r[red]Y\x9b8m\[/x]"


@pytest.fixture
def terminal() -> Console:
    """One that understands everything."""
    return type(console.out)(
        highlight=False, force_terminal=True, color_system="truecolor", width=200
    )


def test_a_cell_of_a_table(terminal: Console) -> None:
    table = table_of("At (UTC)", "Patient")
    table.add_row("2026-01-02", HOSTILE)
    table.add_row("2026-01-02", "山田\u3000太郎\tM")
    with terminal.capture() as captured:
        terminal.print(table)
    _headers, hostile, plain = captured.get().splitlines()
    assert SHOWN in hostile
    assert "山田\u3000太郎" in plain


def test_a_sentence(terminal: Console) -> None:
    with terminal.capture() as captured:
        terminal.print(f"{HOSTILE} is not a name.\nSay another.", markup=False)
    assert captured.get() == f"{SHOWN} is not a name.\nSay another.\n"


def test_an_error(terminal: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "err", terminal)
    with terminal.capture() as captured:
        console.print_error(f"{HOSTILE} is not a name.", f"Not {HOSTILE}.")
    first, second = captured.get().splitlines()
    assert first.endswith(f"{SHOWN} is not a name.")
    assert second.strip() == f"Not {SHOWN}."


def test_a_pipe_is_given_whole_columns() -> None:
    uid = "2.25." + "7" * 38
    lines = (
        "from api.cli.console import out, table_of\n"
        "table = table_of('Study', 'Reason')\n"
        f"table.add_row('{uid}', '{'It did not answer. ' * 5}')\n"
        "out.print(table)\n"
    )
    without = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-c", lines], env=without, capture_output=True, text=True, check=True
    )
    assert f"{uid}  {('It did not answer. ' * 5).strip()}" in done.stdout
