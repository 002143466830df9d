"""The results that all tests of this folder look at."""

from collections.abc import Iterator

import pytest

from storage.settings import load_settings
from tests.api.client import api_node
from tests.api.made import made_of
from tests.api.results.made import KINDS, Made, output, series
from tests.migrated import upgrade
from tests.services import free_port


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The second study of a patient, so that there is a change to state."""
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("agree") / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
    )
    upgrade(settings)
    with api_node(settings) as api:
        made_of(api, series("20230301"), output())
        job, volume = made_of(api, series("20240301"), output(more=2), KINDS)
        yield Made(api, job, volume)
