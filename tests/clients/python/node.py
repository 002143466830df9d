"""A node with sign-in and a small pipeline, as an integrator meets it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.container import Storage
from storage.settings import Settings
from tests.api.client import api_node
from tests.inference.processes import workers_in
from tests.inference.small import BrightRegion
from tests.services import free_port

_ENTRY_POINT = "[mediview.pipelines]\nbright-region = tests.clients.python.node:bright_region\n"


def bright_region(settings: Settings) -> BrightRegion:
    """What the entry point of a package with a pipeline gives."""
    return BrightRegion()


@dataclass(frozen=True)
class ClosedNode:
    url: str
    key: str
    storage: Storage
    folder: Path


@contextmanager
def closed_node(folder: Path, **settings: Any) -> Iterator[ClosedNode]:
    """The API, two workers and the clock, with a key for a program that reads and writes."""
    with (
        pytest.MonkeyPatch.context() as patch,
        workers_in(folder, auth="required", **settings) as workers,
    ):
        installed = folder / "packages" / "bright_region-1.0.dist-info"
        installed.mkdir(parents=True)
        (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: bright-region\n")
        (installed / "entry_points.txt").write_text(_ENTRY_POINT)
        patch.syspath_prepend(str(installed.parent))
        workers.start("control", "jobs", "beat")
        served = workers.storage.settings.model_copy(update={"http_port": free_port()})
        with api_node(served) as api:
            _, key = workers.storage.api_keys.create(
                "ris", ["radiologist", "integrator"], (), created_by="test", expires_at=None
            )
            yield ClosedNode(api.url, key, workers.storage, folder)
