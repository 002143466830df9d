"""Whether what a pipeline needs is there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Readiness:
    """Whether a pipeline could run now; `detail` says what to do where it could not."""

    ready: bool
    detail: str
    optional: bool = False
    """Not ready because nobody has added its model: nothing is broken."""
