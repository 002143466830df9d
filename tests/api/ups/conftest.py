"""The worklist as a client of UPS-RS uses it."""

import pytest

from tests.api.client import ApiNode
from tests.api.ups.worklist_client import Worklist


@pytest.fixture
def worklist(api: ApiNode) -> Worklist:
    return Worklist(api.client, api.url)
