"""A node that answers questions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.settings import Settings
from tests.api.answering import answering
from tests.api.client import ApiNode, api_node
from tests.inference.language import small_models
from tests.inference.language.conftest import RIGHT, WRONG


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "llama"
    return small_models.llama(folder, f"{RIGHT} {WRONG}")


@pytest.fixture
def asked(api_settings: Settings) -> Iterator[ApiNode]:
    """A node with its language worker, and no model."""
    with api_node(api_settings) as api, answering(api_settings):
        yield api
