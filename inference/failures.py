"""What went wrong, in a sentence without patient data, and whether trying again can help."""

import errno
import traceback
from dataclasses import dataclass
from pathlib import Path

from inference.failure_sentences import failure
from inference.models.devices import MemoryExhausted, is_out_of_memory
from inference.refusals import ModelServerFailed, ModelServerLeftAlone
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable, UidConflict

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Failure:
    """`sentence` is stored and shown.

    `retry` says whether another attempt can end otherwise; `counts` is False where the
    cause lies outside the work, so that attempts go on until the cause is gone.
    """

    sentence: str
    retry: bool
    counts: bool = True


def explain(error: BaseException) -> Failure:
    """Put an error into words.

    Only the node's own errors are quoted: messages of libraries may carry
    values of the data set, so those are named by their kind and place.
    """
    if isinstance(error, MediViewError):
        sentence = f"{error.message} {error.remedy}".strip()
        outside = isinstance(error, StorageFull | StorageUnavailable | ModelServerLeftAlone)
        again = outside or isinstance(error, ModelServerFailed | UidConflict)
        return Failure(sentence, retry=again, counts=not outside)
    if isinstance(error, MemoryExhausted):
        return Failure(str(error), retry=True)
    if is_out_of_memory(error):
        return Failure(failure("out_of_memory"), retry=True)
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return Failure(failure("disk_full"), retry=True, counts=False)
        what = error.strerror or "input or output"
        return Failure(failure("input_output", what=what), retry=True)
    # A defect gives the same end every time.
    sentence = failure("unexpected_error", error=type(error).__name__, place=place(error))
    return Failure(sentence, retry=False)


def place(error: BaseException) -> str:
    """File and line where an error was raised, for people who mend it."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
