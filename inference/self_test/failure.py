"""How a part fails its test."""

from storage.core.errors import MediViewError

REINSTALL = "Install the node again: `make run`, or pull its image again."


class ComponentFailed(MediViewError):
    """A library that the node leans on does not do what it is there for."""

    code = "component_failed"

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy=REINSTALL)


def require(holds: bool, sentence: str) -> None:
    """Raise ComponentFailed with the sentence unless it holds."""
    if not holds:
        raise ComponentFailed(sentence)
