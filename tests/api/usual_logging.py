"""A command configures the logging of its process, which in a test is that of all tests."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import structlog


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Whatever is configured inside ends with it."""
    root = logging.getLogger()
    handlers, level, configuration = root.handlers[:], root.level, structlog.get_config()
    configure = structlog.configure

    def configure_for_now(**settings: Any) -> None:
        # A logger that is cached keeps its processors whatever is configured after.
        configure(**{**settings, "cache_logger_on_first_use": False})

    try:
        with patch.object(structlog, "configure", configure_for_now):
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configuration)
