"""Worklists of other systems that answer as nobody should."""

import time
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import UnifiedProcedureStepPull

from dicom_node.peers import Peer
from dicom_node.ups.scu import open_worklist
from tests.services import free_port


def test_one_that_names_an_item_without_end_is_left() -> None:
    sent = 0

    def answers(event: Event) -> Iterator[tuple[int, Dataset]]:
        nonlocal sent
        item = Dataset()
        item.SOPInstanceUID = "2.25.7"
        item.ScheduledProcedureStepModificationDateTime = "20260101"
        while not event.assoc.is_aborted and sent < 100_000:
            sent += 1
            yield 0xFF00, item

    entity = AE("ENDLESS")
    entity.add_supported_context(UnifiedProcedureStepPull)
    port = free_port()
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, answers)]
    )
    try:
        started = time.monotonic()
        with open_worklist(Peer("ENDLESS", "127.0.0.1", port), "MEDIVIEW") as worklist:
            assert worklist.find("SCHEDULED", 50) == {"2.25.7": "20260101"}
        assert time.monotonic() - started < 60
        assert sent < 100_000
    finally:
        server.shutdown()
