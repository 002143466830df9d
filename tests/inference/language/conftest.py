"""Small models of each class, made once a session, and a node's storage with a study in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.container import Storage
from tests.inference.language import small_models, small_vision_models
from tests.inference.orchestration import storage_in

RIGHT = "A large left hydropneumothorax is noted."
WRONG = "A large right hydropneumothorax is noted."


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def bart(models: Path) -> Path:
    """Writes one sentence that the report says and one that it does not."""
    return small_models.bart(models / "bart", f"{RIGHT} {WRONG}")


@pytest.fixture(scope="session")
def llama(models: Path) -> Path:
    return small_models.llama(models / "llama", f"{RIGHT} {WRONG}")


@pytest.fixture(scope="session")
def llava(models: Path) -> Path:
    return small_vision_models.llava(models / "llava", RIGHT)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """For tests that leave nothing behind."""
    with storage_in(tmp_path_factory.mktemp("served")) as opened:
        yield opened
