"""Damaged instances as users meet them: an error that names the instance, before the answer begins.

Nobody is given a flipped bit, and nothing ends in the middle of a body.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    MRImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
)

from api.server.checks.doctor import diagnose
from dicom_node.commitment.check import failures_of
from dicom_node.peers import Peer
from dicom_node.scu import send
from dicom_node.server.scp import start_scp
from inference.failures import explain
from storage.commitment.entities import Reference
from storage.core.errors import InstanceDamaged
from storage.integrity import checker
from storage.integrity.checker import _SAMPLE_EVERY
from storage.settings import Settings, load_settings
from tests.api.client import ApiNode, api_node
from tests.dicom_node.builders import item_of
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.services import free_port
from tests.storage.deletion.test_deleting import SERIES, STUDY, close, uid
from tests.storage.instances import part10
from tests.storage.maintenance.checked_storage import flip

pytestmark = [pytest.mark.fault, pytest.mark.timeout(200)]

PIXELS = {"Rows": 200, "Columns": 300, "PixelData": bytes(120_000)}
WADO = f"/dicom-web/studies/{STUDY}"
AS_STORED = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
ALONE = {"Accept": "application/dicom; transfer-syntax=*"}


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


@pytest.fixture
def api(settings: Settings) -> Iterator[ApiNode]:
    """Three instances in a volume that is closed."""
    with api_node(settings) as node:
        for name in "123":
            node.storage.ingest.accept(part10(instance=name, **PIXELS), "stow")
        close(node.storage)
        yield node


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def damage(api: ApiNode, name: str = "2") -> None:
    flip(api.storage, name, 100_000)


def lose_volume(api: ApiNode) -> None:
    (api.storage.volumes.folder / api.storage.index.instance(uid("2")).location.volume).unlink()


@pytest.mark.parametrize("harm", [damage, lose_volume])
@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (f"/series/{SERIES}/instances/{uid('2')}", ALONE),
        (f"/series/{SERIES}/instances/{uid('2')}", AS_STORED),
        (f"/series/{SERIES}/instances/{uid('2')}", ALONE | {"Range": "bytes=10-20"}),
        (f"/series/{SERIES}", AS_STORED),
        ("", AS_STORED),
        ("", {"Accept": 'multipart/related; type="application/dicom"; '
                        "transfer-syntax=1.2.840.10008.1.2.5"}),
        ("", {"Accept": "application/zip"}),
        ("/bulkdata", {"Accept": 'multipart/related; type="application/octet-stream"'}),
    ],
)  # fmt: skip
def test_wado_answers_with_an_error_before_the_first_byte(
    api: ApiNode, harm: Callable[[ApiNode], None], path: str, accept: dict[str, str]
) -> None:
    whole = api.client.get(WADO + path, headers=accept)
    assert whole.is_success, whole.text
    harm(api)
    answer = api.client.get(WADO + path, headers=accept)
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["code"] == "instance_damaged"
    # Of a lost volume any may be the first.
    named = "123" if harm is lose_volume else "2"
    assert any(uid(name) in problem["detail"] for name in named)
    assert "sent to this node again" in problem["remedy"]


def test_the_rest_of_the_study_is_still_given(api: ApiNode) -> None:
    damage(api)
    path = f"{WADO}/series/{SERIES}/instances"
    answer = api.client.get(f"{path}/{uid('1')}", headers=ALONE)
    assert answer.content == part10(instance="1", **PIXELS)
    assert api.client.get(f"{path}/{uid('2')}", headers=ALONE).status_code == 500


def test_frames_are_sampled_and_then_refused(api: ApiNode) -> None:
    damage(api)
    frame = f"{WADO}/series/{SERIES}/instances/{uid('2')}/frames/1"
    for _ in range(_SAMPLE_EVERY + 1):
        api.client.get(frame)
    wait_until(lambda: api.client.get(frame).status_code == 500)
    problem = api.client.get(frame).json()
    assert uid("2") in problem["detail"]
    assert api.client.get(frame.replace(uid("2"), uid("3"))).status_code == 200


def test_health_metrics_doctor_and_the_study_name_it(api: ApiNode) -> None:
    assert api.client.get("/health").json()["parts"]["instances"]["ok"]
    damage(api)
    path = f"{WADO}/series/{SERIES}/instances/{uid('2')}"
    assert api.client.get(path, headers=ALONE).status_code == 500
    part = api.client.get("/health").json()["parts"]["instances"]
    assert not part["ok"]
    assert uid("2") in part["detail"]
    assert "sent to this node again" in part["detail"]
    assert 'mediview_damaged_instances{copy="none"} 1.0' in api.client.get("/metrics").text
    check = next(one for one in diagnose(api.storage.settings) if one.name == "integrity")
    assert (check.state, uid("2") in check.detail) == ("fail", True)
    study = api.client.get(f"/api/studies/{STUDY}").json()
    assert study["damaged_instances_count"] == 1
    assert study["state_text"].endswith("1 instance is damaged or lost: have it sent again.")
    (damaged,) = study["damaged_instances"]
    assert (damaged["sop_instance_uid"], damaged["kind"]) == (uid("2"), "damaged")
    (listed,) = api.client.get("/api/studies").json()["items"]
    assert listed["damaged_instances_count"] == 1

    api.storage.ingest.accept(part10(instance="2", **PIXELS), "stow")
    assert api.client.get(path, headers=ALONE).content == part10(instance="2", **PIXELS)
    assert api.client.get(f"/api/studies/{STUDY}").json()["damaged_instances"] == []
    assert api.client.get("/health").json()["parts"]["instances"]["ok"]


def test_metadata_lack_a_damaged_header_and_have_it_again_once_repaired(api: ApiNode) -> None:
    flip(api.storage, "2", 200)
    path = f"{WADO}/series/{SERIES}/instances/{uid('2')}"
    assert api.client.get(path, headers=ALONE).status_code == 500
    url = f"{WADO}/series/{SERIES}/metadata"

    def listed() -> int:
        return len(api.client.get(url).json())

    assert listed() == 2
    answer = api.client.get(url)
    assert "1 instance is left out: it cannot be decoded, is damaged" in answer.headers["Warning"]
    assert answer.headers["Cache-Control"] == "no-store"
    api.storage.ingest.accept(part10(instance="2", **PIXELS), "stow")
    wait_until(lambda: listed() == 3)


def test_pictures_of_wrong_bytes_are_shown_no_more_once_they_are_whole_again(api: ApiNode) -> None:
    path = f"{WADO}/series/{SERIES}/instances"
    rendered = f"{path}/{uid('2')}/rendered"
    right = api.client.get(f"{path}/{uid('1')}/rendered").content
    damage(api)
    assert api.client.get(rendered).content != right, "nobody has looked at its bytes yet"
    assert api.client.get(f"{path}/{uid('2')}", headers=ALONE).status_code == 500
    assert api.client.get(rendered).status_code == 500
    api.storage.ingest.accept(part10(instance="2", **PIXELS), "stow")
    assert api.client.get(rendered).content == right


@pytest.mark.parametrize("accept", ["application/dicom+json", "application/dicom+xml"])
def test_metadata_made_of_wrong_bytes_are_given_no_more(api: ApiNode, accept: str) -> None:
    url, headers = f"{WADO}/series/{SERIES}/metadata", {"Accept": accept}
    sent = part10(instance="4", ImageComments="RIGHT", **PIXELS)
    api.storage.ingest.accept(sent, "stow")
    close(api.storage)
    flip(api.storage, "4", sent.index(b"RIGHT"))
    wrong = api.client.get(url, headers=headers)
    assert b"RIGHT" not in wrong.content, "nobody has looked at its bytes yet"
    one = f"{WADO}/series/{SERIES}/instances/{uid('4')}"
    assert api.client.get(one, headers=ALONE).status_code == 500
    revalidated = api.client.get(url, headers=headers | {"If-None-Match": wrong.headers["ETag"]})
    assert revalidated.status_code == 200
    assert "is damaged" in revalidated.headers["Warning"]
    api.storage.ingest.accept(sent, "stow")
    wait_until(lambda: b"RIGHT" in api.client.get(url, headers=headers).content)


def test_an_instance_that_is_damaged_far_within_a_long_answer_cuts_it_and_is_named(
    api: ApiNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checker, "_PROVEN_FIRST_BYTES", 1)
    last = max("123", key=uid)
    damage(api, last)
    with pytest.raises(httpx.RemoteProtocolError):
        api.client.get(WADO, headers=AS_STORED)
    log = ""

    def is_named() -> bool:
        nonlocal log
        log += capsys.readouterr().out
        return "answer_cut" in log and uid(last) in log

    wait_until(is_named)
    assert "request_failed" not in log


def test_c_get_fails_by_name_and_sends_the_rest(api: ApiNode) -> None:
    damage(api)
    scp = start_scp(api.storage)
    received: dict[str, int] = {}

    def keep(event) -> int:  # type: ignore[no-untyped-def]
        received[event.request.AffectedSOPInstanceUID] = len(event.request.DataSet.getvalue())
        return 0x0000

    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = STUDY
    ae = AE("GETTER")
    model = StudyRootQueryRetrieveInformationModelGet
    ae.add_requested_context(model)
    ae.add_requested_context(MRImageStorage)
    try:
        association = ae.associate(
            "127.0.0.1",
            scp.port,
            ext_neg=[build_role(MRImageStorage, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, keep)],
        )
        status, failed = list(association.send_c_get(query, model))[-1]
        association.release()
    finally:
        scp.shutdown()
    assert status.Status == 0xB000
    assert failed.FailedSOPInstanceUIDList == uid("2")
    assert received.keys() == {uid("1"), uid("3")}


def test_c_store_again_repairs_what_was_damaged(api: ApiNode) -> None:
    damage(api)
    one = api.storage.index.instance(uid("2"))
    reason = failures_of(
        api.storage.engine,
        api.storage.index,
        api.storage.instances,
        api.storage.peers,
        [Reference(one.sop_class_uid, one.sop_instance_uid)],
        "ANY-SCU",
    )
    assert reason == {uid("2"): 0x0110}, "it cannot be committed to"
    scp = start_scp(api.storage)
    try:
        (result,) = send(
            [item_of(part10(instance="2", **PIXELS))],
            peer=Peer("MEDIVIEW", "127.0.0.1", scp.port),
            calling_ae_title="PACS",
        )
    finally:
        scp.shutdown()
    assert result.status == 0
    one = api.storage.index.instance(uid("2"))
    assert not failures_of(
        api.storage.engine,
        api.storage.index,
        api.storage.instances,
        api.storage.peers,
        [Reference(one.sop_class_uid, one.sop_instance_uid)],
        "ANY-SCU",
    )
    assert api.storage.instances.dataset(one).PixelData == PIXELS["PixelData"]


def test_a_job_over_damaged_input_fails_with_the_reason(api: ApiNode) -> None:
    """What a pipeline reads is read this way; trying again would not help."""
    damage(api)
    with pytest.raises(InstanceDamaged) as refusal:
        api.storage.instances.dataset(api.storage.index.instance(uid("2")))
    failure = explain(refusal.value)
    assert not failure.retry
    assert uid("2") in failure.sentence
