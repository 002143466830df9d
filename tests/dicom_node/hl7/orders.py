"""An order, and a listener that takes it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dicom_node.hl7.listener import listening
from storage.container import Storage, open_storage
from storage.settings import load_settings
from storage.worklist.entities import WorklistItem
from tests.migrated import upgrade
from tests.patience import PATIENCE_S

MSH = "MSH|^~\\&|RIS|HOSPITAL|MEDIVIEW||20260102030405||ORM^O01^ORM_O01|C-1|P|2.5.1"
ORDER = "\r".join(
    (
        MSH + "||||||UNICODE UTF-8",
        "PID|1||P-77^^^HOSPITAL||Müller^Jürgen^Maria^Jr^Dr||19700131|M",
        "PV1|1|O|WARD 3|||||4711^Referrer^Ruth",
        "ORC|NW|PL-1|FI-1||SC||^^^20260105083000^^S|||||4712^Orderer^Olaf",
        "OBR|1|PL-1|FI-1|CTCH^CT of the chest^L||||||||||||||A-123||RP-9||||CT|||||||"
        "^Cough \\T\\ fever\\.br\\since Monday",
        "ZDS|1.2.3.4^RIS^Application^DICOM",
    )
)


@contextmanager
def listens(tmp_path: Path, **more: Any) -> Iterator[tuple[int, Storage]]:
    settings = load_settings(data_dir=tmp_path / "data", free_disk_mark_bytes=0, **more)
    upgrade(settings)
    ready, ended = threading.Event(), asyncio.Event()
    stated: dict[str, int] = {}
    loop = asyncio.new_event_loop()

    async def serve(storage: Storage) -> None:
        async with listening(storage, settings, 0) as port:
            stated["port"] = port
            ready.set()
            await ended.wait()

    with open_storage(settings) as storage:
        thread = threading.Thread(target=lambda: loop.run_until_complete(serve(storage)))
        thread.start()
        assert ready.wait(PATIENCE_S)
        yield stated["port"], storage
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def items(storage: Storage) -> list[WorklistItem]:
    return list(storage.worklist.list()[0])
