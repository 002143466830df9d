"""One run of a container, whatever engine runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class ContainerRun:
    """One run. Paths of `input` and `output`: on this machine, and in the container."""

    image: str
    """As the card names it."""
    image_id: str
    command: tuple[str, ...]
    working_directory: str
    environment: Mapping[str, str]
    input: tuple[Path, str]
    output: tuple[Path, str]
    timeout_s: float
    gpus: int = 0
    """How many GPUs it asks for, where the site gives containers any."""


@dataclass(frozen=True)
class Ended:
    exit_code: int
    is_out_of_memory: bool


class ContainerEngine(Protocol):
    """What runs containers. Raises ModelUnusable wherever it does not do what it is asked for."""

    name: str

    def version(self) -> str: ...

    def image_id(self, image: str) -> str:
        """Which image stands behind a name now: `sha256:…`."""
        ...

    def starts_with(self, image_id: str) -> tuple[tuple[str, ...], str]:
        """What an image runs by itself, and in which folder; empty where it does not say."""
        ...

    def read_file(self, image_id: str, path: str) -> bytes | None:
        """A file of an image of which nothing is executed; None where there is none."""
        ...

    def hand_over(self, folder: Path) -> None:
        """Let a folder and its files be those of the user that a container has."""
        ...

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        """Until it ends. `check` is called again and again; what it raises ends the container."""
        ...
