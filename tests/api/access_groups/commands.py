"""`mediview access-groups` on the node of a test."""

from collections.abc import Callable

import pytest

from api.cli.main import command_line
from storage.settings import Settings
from tests.api.usual_logging import logging_as_before


def commands(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    for name in ("data_dir", "http_port", "dicom_port", "auth"):
        monkeypatch.setenv(f"MEDIVIEW_{name.upper()}", str(getattr(settings, name)))

    def run(*arguments: str) -> None:
        with logging_as_before():
            command_line(["access-groups"])(["access-groups", *arguments], standalone_mode=False)

    return run
