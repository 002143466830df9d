"""A node that may call this machine, and a receiver."""

from collections.abc import Iterator

import pytest

from storage.settings import Settings
from tests.api.client import ApiNode, api_node
from tests.api.webhooks.receiver import Receiver, configured, receiver


@pytest.fixture
def node(api_settings: Settings) -> Iterator[ApiNode]:
    with api_node(configured(api_settings)) as node:
        yield node


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as hook:
        yield hook
