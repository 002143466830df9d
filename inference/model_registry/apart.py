"""Work on a model in a process of its own, which a model that crashes takes along alone."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from inference.refusals import ModelUnusable

_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


def run_apart(
    what: str,
    at_the_machine: str,
    limit_s: float,
    function: Callable[_Given, _Found],
    *given: _Given.args,
    **named: _Given.kwargs,
) -> _Found:
    """What `function` gives, which is one of a module, as are the types that travel.

    `what` names it in errors ("The self-test of x"), `at_the_machine` the command that has no
    limit. Raises what it raises, and ModelUnusable where the process ends or takes longer.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(function, *given, **named).result(limit_s)
        except BrokenProcessPool as error:
            raise ModelUnusable(
                f"{what} ended the process that ran it.",
                remedy="It may need more memory than the machine has.",
            ) from error
        except TimeoutError as error:
            for process in (pool._processes or {}).values():
                process.kill()
            raise ModelUnusable(
                f"{what} took longer than {limit_s:g} s.",
                remedy=f"Run it at the machine: {at_the_machine}.",
            ) from error
