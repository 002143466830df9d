"""The processes that a node consists of: their names, and the command that starts each."""

from dataclasses import dataclass
from typing import Literal

from storage.settings import Settings

Queue = Literal["control", "jobs", "gpu", "language", "interactive"]


@dataclass(frozen=True)
class ProcessRole:
    """`name` is that of its signs of life and, below `mediview up`, of the process.

    `queue`: the one on which a worker works. `is_needed_for_work`: without it studies are
    taken in, and not worked on.
    """

    name: str
    arguments: tuple[str, ...]
    gives_signs_of_life: bool = True
    is_needed_for_work: bool = False

    @property
    def command(self) -> str:
        return " ".join(("mediview", *self.arguments))


def worker_name(queue: str) -> str:
    """The name under which a worker of the queue gives signs of life."""
    return f"worker-{queue}"


def _worker(queue: Queue) -> ProcessRole:
    return ProcessRole(worker_name(queue), ("worker", "--queue", queue), is_needed_for_work=True)


HL7 = ProcessRole("hl7", ("hl7",))
_GPU = _worker("gpu")
# Nothing that was taken in waits for it: who wants a session hears that there is no worker.
_INTERACTIVE = ProcessRole(worker_name("interactive"), ("worker", "--queue", "interactive"))

PROCESS_ROLES = (
    ProcessRole("api", ("api",), gives_signs_of_life=False),
    ProcessRole("scp", ("scp",)),
    HL7,
    ProcessRole("beat", ("beat",), is_needed_for_work=True),
    _worker("control"),
    _worker("jobs"),
    _GPU,
    _worker("language"),
    _INTERACTIVE,
)
"""In the order of their start: first what a node that is ready must have. The API loads most, and
what is forked after it shares that memory."""


def roles_of(settings: Settings) -> tuple[ProcessRole, ...]:
    """What runs with these settings.

    A worker for pipelines of the GPU where there are any, one for interactive models where sessions
    are allowed; HL7 where a port is named.
    """
    left_out = {
        *(() if settings.hl7_port else (HL7,)),
        *(() if settings.gpu_pipelines else (_GPU,)),
        *(() if settings.interactive_sessions else (_INTERACTIVE,)),
    }
    return tuple(role for role in PROCESS_ROLES if role not in left_out)


def working_roles(settings: Settings) -> tuple[ProcessRole, ...]:
    """Those without which something waits that was taken in: the workers and the clock."""
    return tuple(role for role in roles_of(settings) if role.is_needed_for_work)
