"""The node whose patients a RIS corrects."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from dicom_node.hl7.listener import listening
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from tests.dicom_node.conftest import Node, node_settings
from tests.dicom_node.hl7.hospital import Hospital
from tests.migrated import upgrade
from tests.patience import PATIENCE_S


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    settings = node_settings(
        tmp_path_factory.mktemp("hospital"),
        patient_id_issuer="HOSPITAL",
        pix_senders="MPI",
        free_disk_mark_bytes=0,
    )
    upgrade(settings)
    ready, ended = threading.Event(), asyncio.Event()
    ports: list[int] = []
    loop = asyncio.new_event_loop()
    with open_storage(settings) as storage:

        async def serve() -> None:
            async with listening(storage, settings, 0) as port:
                ports.append(port)
                ready.set()
                await ended.wait()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
        thread.start()
        assert ready.wait(PATIENCE_S)
        scp = start_scp(storage)
        try:
            yield Hospital(Node(storage, scp), ports[0])
        finally:
            scp.shutdown(grace_s=1.0)
            loop.call_soon_threadsafe(ended.set)
            thread.join()
            loop.close()
