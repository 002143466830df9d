"""A bar that shows how far a command has come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from api.cli.console import err


@contextmanager
def progress(what: str) -> Iterator[Callable[[tuple[int, int]], None]]:
    """A bar on the terminal's error output, where it is one."""
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def tell(state: tuple[int, int]) -> None:
            bar.update(task, completed=state[0], total=state[1] or None)

        yield tell
