"""One node for all of them: a test brings the people and programs that it needs."""

from collections.abc import Iterator

import pytest

from tests.api.access_groups.two_groups import TwoHospitals, two_hospitals


@pytest.fixture(scope="package")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHospitals]:
    with two_hospitals(tmp_path_factory.mktemp("two")) as made:
        yield made
