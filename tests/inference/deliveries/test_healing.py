"""A destination that proved that it holds an instance gives it back when it is damaged here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.deliveries.healing import heal_from_destinations
from inference.deliveries.service import deliver_due
from inference.routing.send import send_study
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.errors import InstanceDamaged
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations import test_bucket, test_sftp
from tests.inference.deliveries.destinations.nodes import FOLDER, archive, node, stow
from tests.inference.orchestration import complete_series
from tests.inference.small import study_uid
from tests.servers import S3Server


@pytest.fixture(params=["folder", "stow", "sftp", "bucket"])
def elsewhere(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[KnownPeer, dict[str, object]]]:
    """A destination of each kind that gives back, and the settings that it needs."""
    if request.param == "folder":
        yield FOLDER, {}
    elif request.param == "stow":
        with archive(tmp_path) as (_, url):
            yield stow(url), {"stow_hosts": "127.0.0.1"}
    elif request.param == "sftp":
        if test_sftp.SSHD is None:
            pytest.skip("OpenSSH's server is missing")
        with test_sftp.ssh_server(tmp_path / "ssh") as server:
            yield server.peer, {"sftp_known_hosts": server.known_hosts}
    else:
        server: S3Server = request.getfixturevalue("s3_server")
        yield (
            test_bucket.peer_of(server, server.new_bucket()),
            {"bucket_hosts": "127.0.0.1"},
        )


@contextmanager
def sent_to(
    folder: Path, peer: KnownPeer, **settings: object
) -> Iterator[tuple[Storage, list[Instance]]]:
    """Three instances that the destination holds, of which the second is damaged here."""
    with node(folder, peer, **settings) as storage:
        series = complete_series(storage, "a", 3)
        send_study(storage, study_uid("a"), [peer.name])
        assert deliver_due(storage, utcnow(), "sender") == 3
        instances = storage.index.instances_of(study_uid("a"), series.series_instance_uid)
        spoil(storage, instances[1])
        yield storage, instances


def spoil(storage: Storage, instance: Instance) -> None:
    """Flip the last bit, and read it, which notes the damage."""
    at = instance.location
    path = storage.volumes.folder / at.volume
    with path.open("r+b") as file:
        file.seek(at.offset + at.length - 1)
        last = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([last ^ 1]))
    with pytest.raises(InstanceDamaged):
        storage.instances.read(instance)


def test_a_damaged_instance_is_fetched_back(
    tmp_path: Path, elsewhere: tuple[KnownPeer, dict[str, object]]
) -> None:
    peer, settings = elsewhere
    with sent_to(tmp_path, peer, **settings) as (storage, instances):
        whole = storage.instances.read(instances[0])
        assert heal_from_destinations(storage) == 1
        healed = storage.index.instance(instances[1].sop_instance_uid)
        again = storage.instances.read(healed)
        assert healed.digest == instances[1].digest
        assert len(again) == len(whole)
        assert storage.damaged.count() == 0
        assert heal_from_destinations(storage) == 0


def test_other_bytes_under_its_name_heal_nothing(tmp_path: Path) -> None:
    with sent_to(tmp_path, FOLDER) as (storage, instances):
        export = storage.settings.resolved_export_dir
        there = {path.stem: path for path in export.rglob("*.dcm")}
        other = there[instances[0].sop_instance_uid].read_bytes()
        there[instances[1].sop_instance_uid].write_bytes(other)
        assert heal_from_destinations(storage) == 0
        there[instances[1].sop_instance_uid].write_bytes(b"no DICOM")
        assert heal_from_destinations(storage) == 0
        there[instances[1].sop_instance_uid].unlink()
        assert heal_from_destinations(storage) == 0
        assert storage.damaged.count(lost_only=True) == 1
        assert storage.conflicts.page(1, 0)[1] == 0
