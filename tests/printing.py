"""Where the logs of nodes go that run in threads of the tests' own process."""

import contextlib
import sys

import structlog

# What a capture says that has ended, or ends just now.
_ENDED = (ValueError, OSError)


class _Stdout:
    """The stdout of the moment, held while a thread writes to it.

    `print` holds it not before Python 3.13.3 (CPython issue 130163): a test's capture that ends in
    another thread frees it meanwhile, and the interpreter ends with a segmentation fault.
    """

    def write(self, text: str) -> int:
        stream = sys.stdout
        with contextlib.suppress(*_ENDED):
            stream.write(text)
        return len(text)

    def flush(self) -> None:
        stream = sys.stdout
        with contextlib.suppress(*_ENDED):
            stream.flush()


def print_safely() -> None:
    """Let structlog, as it is without the node's own configuration, print so."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(_Stdout()))  # type: ignore[arg-type]
