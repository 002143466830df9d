"""What FHIRcast asks the database while nothing happens: the same for one channel as for twelve."""

import time
from contextlib import ExitStack
from pathlib import Path

from storage.settings import load_settings
from tests.api.client import api_node
from tests.api.fhircast.peers import Peer
from tests.budgets.test_statements import Statements, statements
from tests.migrated import upgrade
from tests.services import free_port

__all__ = ["statements"]

CHANNELS = 12
FOR_S = 2.0
# A second: five for what is new, three for who listens, keys or sessions, and joined topics.
BUDGET = 8 * FOR_S


def test_channels_of_a_process_ask_together(statements: Statements, tmp_path: Path) -> None:
    settings = load_settings(
        data_dir=tmp_path / "data",
        http_port=free_port(),
        dicom_port=0,
        free_disk_mark_bytes=0,
        fhircast=True,
        fhircast_heartbeat_s=60,
        fhircast_hub_url="http://127.0.0.1:9/fhircast",
    )
    upgrade(settings)
    with api_node(settings) as node, ExitStack() as open_channels:
        topic = node.client.get("/api/v1/fhircast").json()["topic"]
        for number in range(CHANNELS):
            peer = Peer(node.client, topic, f"Peer {number}")
            open_channels.enter_context(peer.listening("ImagingStudy-open"))
        time.sleep(0.3)
        statements.texts.clear()
        time.sleep(FOR_S)
        asked = [
            text
            for text in list(statements.texts)
            if text.startswith("SELECT") and "fhircast" in text.lower()
        ]
    assert len(asked) <= BUDGET + 3, asked
