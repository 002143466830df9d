"""The storage that the tests of image models run on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.container import Storage
from tests.inference.orchestration import storage_in


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, result_kinds="SC") as storage:
        yield storage
