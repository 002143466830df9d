"""What travels back from a process in which a model ran: nothing that is executed.

pickle's own reader imports and calls whatever it is given; here it makes plain values, and the
node's own dataclasses and errors.
"""

import pickle
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from inference.refusals import ModelUnusable
from storage.core.errors import MediViewError

_MOST_BYTES = 1 << 30
_PACKAGES = ("inference.", "storage.")


class _PlainReader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(_PACKAGES):
            found = super().find_class(module, name)
            if isinstance(found, type) and (
                is_dataclass(found) or issubclass(found, MediViewError)
            ):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is none that travels")


def read_answer(path: Path, what: str) -> Any:
    """What the function gave. Raises what it raised, and ModelUnusable for any other content."""
    if path.stat().st_size > _MOST_BYTES:
        raise ModelUnusable(f"{what} answered more than {_MOST_BYTES >> 20} MiB.")
    try:
        with path.open("rb") as file:
            kind, found = _PlainReader(file).load()
    except Exception as error:
        # The model decides what reading it raises.
        raise ModelUnusable(f"{what} answered what cannot be read.") from error
    if kind == "error":
        if isinstance(found, MediViewError):
            raise found
        raise ModelUnusable(f"{what} failed: {found}")
    return found
