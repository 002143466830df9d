"""Work on a model in a process of its own, which a model that crashes takes along alone."""

import os
import pickle
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from inference.machine_memory import anonymous_memory_bytes, memory_limit_bytes
from inference.model_registry.apart_answer import read_answer
from inference.refusals import ModelUnusable
from storage.core.errors import TooManyRequests
from storage.processes.contained import Contained
from storage.processes.descendants import below
from storage.settings import Settings

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


_PROGRAM = "inference.model_registry.apart_program"
_LOCK = ".model-apart"
_LOOK_S = 0.5


@contextmanager
def alone_on_host(settings: Settings, what: str) -> Iterator[None]:
    """Keep others of this host from running a model apart: each may take all of its memory.

    Raises TooManyRequests where one runs already.
    """
    descriptor = os.open(settings.data_dir / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise TooManyRequests(
                f"{what} has to wait: another trial or self-test runs on this host.",
                remedy="Try again when that has ended, after a quarter of an hour at most.",
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def answer_apart(
    settings: Settings, what: str, at_the_machine: str, limit_s: float, module: str, asked: object
) -> Iterator[Path]:
    """Run a module as a program that is given `asked`, and the file that it has answered in.

    Of it, and of all that it has started, nothing is left. Raises as `run_apart`.
    """
    too_long = f"Run it at the machine: {at_the_machine}."
    with (
        alone_on_host(settings, what),
        _folder(settings) as folder,
        _answered(settings, what, too_long, limit_s, module, folder, asked) as path,
    ):
        yield path


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="model-apart-", dir=settings.data_dir) as folder:
        yield Path(folder)


@contextmanager
def _answered(
    settings: Settings,
    what: str,
    too_long: str,
    limit_s: float,
    module: str,
    folder: Path,
    asked: object,
    goes_on: Callable[[], bool] = lambda: False,
) -> Iterator[Path]:
    path = folder / "answer"
    with Contained(module, str(path), given=pickle.dumps(asked)) as program:
        try:
            status = _ended(program, what, limit_s, memory_limit_bytes(settings), goes_on)
        except subprocess.TimeoutExpired as error:
            raise ModelUnusable(
                f"{what} took longer than {limit_s:g} s.", remedy=too_long
            ) from error
    if status != 0 or not path.is_file():
        raise ModelUnusable(
            f"{what} ended the process that ran it.",
            remedy="It may need more memory than the machine has.",
        )
    yield path


def _ended(
    program: Contained,
    what: str,
    limit_s: float,
    limit_bytes: int,
    goes_on: Callable[[], bool],
) -> int:
    """The program's exit status. Raises TimeoutExpired, and ModelUnusable where it and what it has
    started take more memory than a job may. Where it `goes_on`, its time begins again."""
    until_s = time.monotonic() + limit_s
    while True:
        try:
            return program.wait(min(_LOOK_S, max(0.0, until_s - time.monotonic())))
        except subprocess.TimeoutExpired:
            if goes_on():
                until_s = time.monotonic() + limit_s
            elif time.monotonic() >= until_s:
                raise
        if sum(map(anonymous_memory_bytes, below(program.pid))) > limit_bytes:
            raise ModelUnusable(
                f"{what} took more than {limit_bytes >> 20} MiB of memory.",
                remedy="Raise MEDIVIEW_JOB_MEMORY_BYTES on a machine with enough memory, or leave"
                " this model out.",
            )


def run_apart(
    settings: Settings,
    what: str,
    at_the_machine: str,
    limit_s: float,
    function: Callable[_Given, _Found],
    *given: _Given.args,
    **named: _Given.kwargs,
) -> _Found:
    """What `function` gives, which is one of a module, as are the types that travel.

    `what` names it in errors ("The self-test of x"), `at_the_machine` the command that has no
    limit. Raises what of the node's own errors it raises, ModelUnusable for others and where the
    process ends or takes longer, and TooManyRequests where another one runs. What the model has
    started has ended then.
    """
    asked = (function, given, named)
    with answer_apart(settings, what, at_the_machine, limit_s, _PROGRAM, asked) as path:
        found: _Found = read_answer(path, what)
        return found


@dataclass(frozen=True)
class Steps:
    """What a function that `run_bounded` runs calls with the name of each step that it begins."""

    file: Path

    def __call__(self, name: str) -> None:
        line = name.replace("\n", " ")
        with self.file.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{line}\n")


class _SeenSteps:
    def __init__(self, file: Path, on_step: Callable[[str], None]) -> None:
        self._file = file.open(encoding="utf-8", errors="replace")
        self._on_step = on_step
        self._rest = ""

    def look(self) -> bool:
        """Whether a step has begun since the last look."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            self._on_step(line)
        return bool(lines)

    def close(self) -> None:
        self._file.close()


def run_bounded(
    settings: Settings,
    what: str,
    on_step: Callable[[str], None],
    function: Callable[Concatenate[Steps, _Given], _Found],
    *given: _Given.args,
    **named: _Given.kwargs,
) -> _Found:
    """As `run_apart`, for who works at the machine: beside others, and as long as each of its
    steps, with what is before the first, takes no longer than a job may.

    `function` is given Steps first, of which `on_step` is called with each.
    """
    too_long = "Raise MEDIVIEW_JOB_DEADLINE_S where it needs more."
    with _folder(settings) as folder:
        steps = folder / "steps"
        steps.touch()
        asked = (function, (Steps(steps), *given), named)
        with (
            closing(_SeenSteps(steps, on_step)) as seen,
            _answered(
                settings,
                what,
                too_long,
                settings.job_deadline_s,
                _PROGRAM,
                folder,
                asked,
                seen.look,
            ) as path,
        ):
            seen.look()
            found: _Found = read_answer(path, what)
            return found
