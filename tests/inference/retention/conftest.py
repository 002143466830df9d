"""An open storage of each kind of database."""

from collections.abc import Iterator

import pytest

from storage.container import Storage, open_storage
from storage.settings import Settings


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as opened:
        yield opened
