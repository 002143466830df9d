"""Words of lists that requests name: `IN PROGRESS`, `in_progress` and `in-progress` are one."""

from typing import Any, get_args

from pydantic import BeforeValidator


def spelled_freely(kind: Any) -> BeforeValidator:
    """For `Annotated[Literal[…], …]`; what is none of its words is left as it is, to be refused."""
    words = {_folded(word): word for word in get_args(kind) if isinstance(word, str)}

    def read(value: Any) -> Any:
        return words.get(_folded(value), value) if isinstance(value, str) else value

    return BeforeValidator(read)


def _folded(text: str) -> str:
    return text.strip().lower().replace("_", " ").replace("-", " ")
