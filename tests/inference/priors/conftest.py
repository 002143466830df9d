"""An archive with earlier studies, for all tests of priors."""

from collections.abc import Iterator

import pytest

from tests.inference.priors.archives import (
    filled_archive,
)
from tests.services import OrthancServer


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OrthancServer, str]]:
    with filled_archive(tmp_path_factory.mktemp("orthanc")) as found:
        yield found


@pytest.fixture
def server(archive: tuple[OrthancServer, str]) -> OrthancServer:
    return archive[0]
