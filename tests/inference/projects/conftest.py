"""One node for the tests of a module, and a folder of its own for each export."""

import uuid
from collections.abc import Iterator

import pytest

from storage.container import Storage, open_storage
from storage.settings import load_settings
from tests.migrated import upgrade


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """One node for all: each test has projects, studies and folders of its own."""
    settings = load_settings(data_dir=tmp_path_factory.mktemp("data"), free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened


@pytest.fixture
def out() -> str:
    return f"out-{uuid.uuid4()}"
