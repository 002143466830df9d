"""While the disk makes nothing durable, nothing is acknowledged; afterwards the same succeeds."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from dicom_node.peers import Peer
from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from storage.container import open_storage
from storage.core.uids import derive_uid
from storage.settings import Settings, load_settings
from tests.api.client import ApiNode, api_node, png, sent
from tests.api.ups.worklist_client import Worklist, new_item
from tests.dicom_node.builders import item_of
from tests.injection import injected
from tests.migrated import upgrade
from tests.services import free_port
from tests.storage.instances import part10

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]

STUDY = derive_uid("test", "study")
PROTOCOL = {"name": "CT", "rows": 1, "columns": 1, "viewports": [{"modalities": ["CT"]}]}


def stow(api: ApiNode) -> httpx.Response:
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--x--\r\n"
    return api.client.post(
        "/dicom-web/studies",
        content=body % part10(instance="stow"),
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'},
    )


Ask = Callable[[ApiNode], httpx.Response]

ACKNOWLEDGED: dict[str, Ask] = {
    "an instance by STOW-RS": stow,
    "an upload announced": lambda api: api.client.post(
        "/api/uploads/presign",
        json={"filename": "b.png", "content_type": "image/png", "size_bytes": len(png())},
    ),
    "a workitem": lambda api: Worklist(api.client, api.url).create(new_item(), "2.25.1001"),
    "a peer": lambda api: api.client.post(
        "/api/peers", json={"name": "p", "ae_title": "P", "sources": ["10.0.0.7"]}
    ),
    "layouts": lambda api: api.client.put("/api/hanging-protocols", json={"protocols": [PROTOCOL]}),
    "layouts as shipped": lambda api: api.client.delete("/api/hanging-protocols"),
    "a deletion": lambda api: api.client.delete(f"/dicom-web/studies/{STUDY}"),
}

# A commit whose sync failed is in the log of the database, where the next one to open it may find
# it. What was refused for now may so have been done, as the next request for it shows.
DONE_ALREADY = {
    "a workitem": [409],
    "a peer": [409],
    "a deletion": [404],
    "an upload": [409],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(
        data_dir=tmp_path / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
        unknown_peers_may=("store", "query", "retrieve"),
    )
    upgrade(settings)
    return settings


def store(settings: Settings) -> int | None:
    """One instance by C-STORE: its status."""
    peer = Peer("MEDIVIEW", "127.0.0.1", settings.dicom_port)
    (result,) = send([item_of(part10(instance="2"))], peer=peer, calling_ae_title="MODALITY")
    return result.status


def test_nothing_is_acknowledged_while_nothing_can_be_made_durable(settings: Settings) -> None:
    with api_node(settings) as api:
        api.storage.ingest.accept(part10(instance="1"), "stow")
        upload = api.presign("a.png", "image/png", len(png()))
        requests: dict[str, Ask] = {**ACKNOWLEDGED, "an upload": lambda _: sent(upload, png())}
        with injected([os.getpid()], "fsync,fdatasync:error=EIO"):
            refused = {what: ask(api) for what, ask in requests.items()}
        for what, answer in refused.items():
            assert answer.status_code >= 500, f"{what} was acknowledged: {answer.status_code}"
            assert "Traceback" not in answer.text
        for what, ask in requests.items():
            again = ask(api)
            assert again.is_success or again.status_code in DONE_ALREADY.get(what, ()), what


def test_an_instance_is_refused_for_now_while_it_cannot_be_made_durable(
    settings: Settings,
) -> None:
    with open_storage(settings) as storage:
        scp = start_scp(storage)
        try:
            with injected([os.getpid()], "fsync,fdatasync:error=EIO"):
                assert store(settings) == 0xA700
            assert store(settings) == 0x0000
        finally:
            scp.shutdown()
