"""A listener is missed once it ends, as the other processes of the node are."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from dicom_node.hl7 import listener
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.settings import Settings
from tests.dicom_node.conftest import node_settings
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port


def test_a_listener_gives_signs_of_life_as_long_as_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "BEAT_EVERY_S", 0.02)
    settings = node_settings(tmp_path, hl7_port=free_port())
    upgrade(settings)
    with open_storage(settings) as storage:
        before = storage.heartbeats.is_alive("hl7", utcnow())
        served = asyncio.run(serve_until_it_beats_again(storage, settings))
        after = storage.heartbeats.last("hl7")

    assert not before
    assert served
    assert after is not None


async def serve_until_it_beats_again(storage: Storage, settings: Settings) -> bool:
    serving = asyncio.create_task(listener._serve(storage, settings))
    beats: set[datetime | None] = set()
    async with asyncio.timeout(PATIENCE_S):
        while len(beats - {None}) < 2:
            beats.add(storage.heartbeats.last("hl7"))
            await asyncio.sleep(0.01)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    return serving.cancelled()
