"""The program in which `inference.model_registry.apart` runs a function."""

import pickle
import sys
from pathlib import Path
from typing import Any

from inference.failures import explain
from inference.machine_memory import be_first_to_go
from storage.core.errors import MediViewError


def _answer(asked: Any) -> tuple[str, Any]:
    function, given, named = asked
    try:
        return "value", function(*given, **named)
    except MediViewError as error:
        # What it was raised from may not travel.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        return "error", error
    except Exception as error:  # noqa: BLE001 - the edge of a process: every failure is its answer
        return "error", explain(error).sentence


def main(path: str) -> int:
    """What is asked comes as pickle from the process that began this one."""
    be_first_to_go()
    asked = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent's, and nobody else's
    Path(path).write_bytes(pickle.dumps(_answer(asked)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
