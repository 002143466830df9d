"""The results that all tests of this folder look at."""

from collections.abc import Iterator

import pytest

from tests.api.client import api_node, node_settings
from tests.api.made import made_of
from tests.api.results.made import KINDS, Made, output, series


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The second study of a patient, so that there is a change to state."""
    settings = node_settings(tmp_path_factory.mktemp("agree") / "data")
    with api_node(settings) as api:
        made_of(api, series("20230301"), output())
        job, volume = made_of(api, series("20240301"), output(more=2), KINDS)
        yield Made(api, job, volume)
