"""Exports to a bucket of Ceph's S3 and to Orthanc, and what proves that they are there."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pydicom
import pytest
from arro3.io import read_parquet

from dicom_node.peers import PeerFailed
from inference.deliveries.destinations import checked_peer
from inference.projects import export as exports
from inference.projects.certificate import verify_export, verify_folder
from inference.projects.export import export_due
from inference.projects.folder import checked_folder
from inference.projects.targets import WantedTarget, check_new, target_of
from inference.projects.targets.archive import ArchiveTarget
from inference.projects.targets.bucket import BucketTarget
from storage.container import Storage, open_storage
from storage.core.errors import InvalidRequest
from storage.peers.entities import KnownPeer
from storage.projects.entities import ProjectExport
from storage.settings import load_settings
from tests.inference.deliveries.destinations.nodes import answering, archive, stow
from tests.inference.deliveries.destinations.test_bucket import peer_of
from tests.inference.projects.research import filled, project, put
from tests.inference.reports.studies import measured_study
from tests.migrated import upgrade
from tests.servers import S3Server

PERSON = (b"Quernhammer", b"Q-4711")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        free_disk_mark_bytes=0,
        bucket_hosts="127.0.0.1",
        stow_hosts="127.0.0.1,localhost",
        delivery_retry_base_s=0.01,
        delivery_retry_max_s=0.01,
    )
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened


def asked(storage: Storage, destination: str, out: str, uids: list[str]) -> ProjectExport:
    research = project(storage)
    put(storage, research, uids)
    return storage.project_exports.add(research, out, "me", destination=destination)


def ended(storage: Storage, export: ProjectExport) -> ProjectExport:
    """As the control worker does it: again whenever it is due."""
    for _ in range(100):
        export_due(storage, "worker")
        now = storage.project_exports.get(export.export_id)
        if now.state != "PENDING":
            return now
        time.sleep(0.02)
    raise AssertionError(now.last_error)


@pytest.mark.slow
def test_a_bucket_gets_an_export_that_goes_on_after_a_break_and_is_verified_there(
    storage: Storage, out: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = s3_server.new_bucket()
    storage.peers.add(checked_peer(peer_of(s3_server, name), storage.settings))
    uids = [measured_study(storage, 1234.5, seed=11), *filled(storage)]
    export = asked(storage, "store", out, uids)
    written = BucketTarget.write
    seen: list[str] = []

    def broken_once(self: BucketTarget, name: str, data: bytes) -> None:
        seen.append(name)
        if len(seen) == 4:
            raise PeerFailed("The network is gone.")
        written(self, name, data)

    monkeypatch.setattr(BucketTarget, "write", broken_once)
    assert ended(storage, export).state == "DONE"
    files = storage.project_exports.instances(export.export_id, refused=False)
    # The marker and each instance once; that on which it broke, twice.
    instances = [one for one in seen if one.endswith(".dcm")]
    assert len(instances) == len(files) + 1

    target = target_of(storage, WantedTarget("store", out))
    assert verify_export(target, "") == []
    there = s3_server.client()
    keys = [one["Key"] for one in there.list_objects_v2(Bucket=name)["Contents"]]
    assert len(keys) == len(files) + 4
    bodies = {key: there.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}
    assert not any(person in body for person in PERSON for body in bodies.values())
    assert not checked_folder(storage.settings, out).exists()

    prefix = f"from/node/{out}"
    (row,) = (
        read_parquet(io.BytesIO(bodies[f"{prefix}/measurements.parquet"]))
        .read_all()
        .to_struct_array()
        .to_pylist()
    )
    assert (row["value"], row["unit"], row["confidence"]) == (1234.5, "cm3", None)
    first, second = (f"{prefix}/{one.name}" for one in files[:2])
    there.put_object(Bucket=name, Key=first, Body=bodies[first] + b"\0")
    there.put_object(Bucket=name, Key=f"{prefix}/more.dcm", Body=b"more")
    there.delete_object(Bucket=name, Key=second)
    assert verify_export(target, "") == [
        f"{files[0].name} was changed.",
        f"{files[1].name} is missing.",
        "more.dcm is not in the certificate.",
    ]
    again = storage.project_exports.add(
        storage.projects.by_id(export.project_id), out, "me", destination="store"
    )
    failed = ended(storage, again)
    assert (failed.state, "is not empty" in failed.last_error) == ("FAILED", True)
    there.close()


@pytest.mark.slow
def test_an_archive_gets_the_instances_and_the_folder_all_else(
    storage: Storage, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with archive(tmp_path) as (server, url):
        storage.peers.add(checked_peer(stow(url), storage.settings))
        export = asked(storage, "archive", out, filled(storage))
        listed = ArchiveTarget.missing
        first = iter([True])

        def lost_once(self: ArchiveTarget, files: Any) -> Any:
            return list(files[:1]) if next(first, False) else listed(self, files)

        monkeypatch.setattr(ArchiveTarget, "missing", lost_once)
        assert ended(storage, export).state == "DONE"
        files = storage.project_exports.instances(export.export_id, refused=False)
        assert len(files) == 2
        for one in files:
            theirs = server.instance_file(one.name.rpartition("/")[2].removesuffix(".dcm"))
            assert theirs is not None
            assert not any(person in theirs for person in PERSON)
            assert pydicom.dcmread(io.BytesIO(theirs)).PatientIdentityRemoved == "YES"
        folder = checked_folder(storage.settings, out)
        assert sorted(one.name for one in folder.iterdir()) == [
            "certificate.json",
            "measurements.csv",
            "measurements.parquet",
            "patients.csv",
        ]
        assert json.loads((folder / "certificate.json").read_text())["sent_by"] == "STOW-RS"
        target = target_of(storage, WantedTarget("archive", out))
        assert verify_export(target, "", at_archive=True) == []
        with pytest.raises(InvalidRequest, match="lie in an archive"):
            verify_folder(folder, "")
        uid = files[0].name.rpartition("/")[2].removesuffix(".dcm")
        (found,) = server.post("/tools/lookup", uid.encode())
        gone = Request(f"{server.url}/instances/{found['ID']}", method="DELETE")
        urlopen(gone, timeout=30).close()
        assert verify_export(target, "", at_archive=True) == [f"{files[0].name} is missing."]


@pytest.mark.slow
def test_a_peer_that_stays_away_is_tried_again_and_given_up_in_the_end(
    storage: Storage, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_PEER_TRIES", 2)
    gone = replace(stow("http://127.0.0.1:9/dicom-web"), name="gone")
    storage.peers.add(checked_peer(gone, storage.settings))
    failed = ended(storage, asked(storage, "gone", out, filled(storage)))
    assert (failed.state, failed.attempts) == ("FAILED", 2)
    assert "cannot be reached" in failed.last_error


@pytest.mark.parametrize(
    ("reason", "state", "left"),
    [(0x0110, "DONE", 3), (0xA900, "DONE", 3), (0xA700, "FAILED", 0), (0x0124, "FAILED", 0)],
)
def test_an_instance_that_an_archive_refuses_is_named_and_the_others_go(
    storage: Storage,
    out: str,
    monkeypatch: pytest.MonkeyPatch,
    reason: int,
    state: str,
    left: int,
) -> None:
    """Not where the archive has no room, or does not know this node: the export waits for that."""
    monkeypatch.setattr(exports, "_PEER_TRIES", 2)
    monkeypatch.setattr(ArchiveTarget, "missing", lambda *_: [])
    written = ArchiveTarget.write
    names: list[str] = []

    def noted(self: ArchiveTarget, name: str, data: bytes) -> None:
        if name.endswith(".dcm"):
            names.append(name)
        written(self, name, data)

    def answer(method: str, path: str, headers: Any) -> tuple[int, Any]:
        """It does not take the second, each time that it comes."""
        item = {"00081155": {"vr": "UI", "Value": [Path(names[-1]).stem]}}
        if len(names) < 2 or names[-1] != names[1]:
            return 200, {"00081199": {"vr": "SQ", "Value": [item]}}
        failed = {**item, "00081197": {"vr": "US", "Value": [reason]}}
        return 409, {"00081198": {"vr": "SQ", "Value": [failed]}}

    monkeypatch.setattr(ArchiveTarget, "write", noted)
    with answering(answer) as url:
        peer = replace(stow(url), name=f"picky-{reason:04x}")
        storage.peers.add(checked_peer(peer, storage.settings))
        ends = ended(storage, asked(storage, peer.name, out, filled(storage, 2)))
    assert ends.state == state
    if state == "DONE":
        files = storage.project_exports.instances(ends.export_id, refused=False)
        refused = storage.project_exports.instances(ends.export_id, refused=True)
        assert len(files) == left
        assert f"refused the instance (failure reason {reason:#06x})" in refused[0].reason
    else:
        assert f"{reason:#06x}" in ends.last_error


def test_other_peers_and_other_formats_are_refused_when_they_are_asked_for(
    storage: Storage, out: str
) -> None:
    archive_peer = replace(stow("http://127.0.0.1:9/dicom-web"), name="instances-alone")
    storage.peers.add(checked_peer(archive_peer, storage.settings))
    storage.peers.add(KnownPeer("files", kind="folder", folder="elsewhere"))
    with pytest.raises(InvalidRequest, match="is no destination for exports"):
        check_new(storage, WantedTarget("files", out), "dicom")
    with pytest.raises(InvalidRequest, match="takes DICOM instances alone"):
        check_new(storage, WantedTarget("instances-alone", out), "nifti")
