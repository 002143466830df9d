"""Hosts that have a network and a disk each, and PostgreSQL, Redis and a bucket in common."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.hosts.network import Forwarder, Namespace
from tests.chaos.hosts.scans import Scan, small_model
from tests.chaos.hosts.standby import Pair, pair
from tests.chaos.ledger import Ledger
from tests.chaos.parts import Parts
from tests.postgres import PostgresServer
from tests.processes import own_folder
from tests.servers import RedisServer, ceph_s3
from tests.services import OrthancServer, orthanc

KEYS = ("sealing.key", "uid.key", "upload-signing.key", "signing.key")
# With one of what ticks lost, another is there.
ROLES = {
    "north": ("scp", "api", "control", "beat"),
    "south": ("scp", "api", "jobs"),
    "east": ("scp", "api", "control", "beat", "jobs"),
}


@dataclass
class Host:
    name: str
    parts: Parts
    network: Namespace


class Group:
    def __init__(
        self,
        hosts: list[Host],
        ledger: Ledger,
        database: Pair,
        redis: RedisServer,
        bucket: list[Forwarder],
        pacs: OrthancServer,
    ) -> None:
        self.hosts, self.ledger = hosts, ledger
        # Apart: nobody deletes of these, and there are results in their studies.
        self.scanned = Ledger(ledger.path.with_name("scans.jsonl"))
        self.scans: list[Scan] = []
        self.database, self.redis, self.bucket, self.pacs = database, redis, bucket, pacs
        self.kills = 0

    @property
    def server(self) -> PostgresServer:
        """The one that is asked just now."""
        return self.database.active

    def not_delivered(self) -> set[str]:
        """What was acknowledged, is wanted still, and has not reached the PACS."""
        there = {
            one["MainDicomTags"]["SOPInstanceUID"] for one in self.pacs.get("/instances?expand")
        }
        return {*self.ledger.wanted(), *self.scanned.wanted()} - there

    def wait_until_ready(self) -> None:
        for host in self.hosts:
            host.parts.restart_ended()
        for host in self.hosts:
            host.parts.wait_until_ready()


@contextmanager
def group(acknowledge: str = "disk", source: Path | None = None) -> Iterator[Group]:
    """All run; what arrives, and what a pipeline makes of it, goes to a PACS.

    `source`: a checkout of another version, which they run and whose schema the database has.

    Needs root, for networks and their filter.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mediview-hosts-")))
        networks = [Namespace(number) for number in range(len(ROLES))]
        for network in networks:
            network.open()
            stack.callback(network.close)
            stack.callback(network.mend)
        # No forwarder stands between: the server is to see for itself that a host is cut off.
        near = [network.near for network in networks]
        both = stack.enter_context(pair(near))
        redis = RedisServer(stack.enter_context(own_folder("redis")))
        redis.start()
        stack.callback(redis.stop)
        s3 = stack.enter_context(ceph_s3())
        s3_port = int(s3.endpoint_url.rpartition(":")[2])
        database, bucket = both.active.new_database(), s3.new_bucket()
        pacs = stack.enter_context(orthanc(folder, options={"DicomThreadsCount": 4}))
        rules = folder / "rules.yaml"
        rules.write_text("version: 1\nrouting:\n  - name: everything\n    to: pacs\n")
        hosts: list[Host] = []
        ways: list[Forwarder] = []
        for network, (name, roles) in zip(networks, ROLES.items(), strict=True):
            _forward((network.near, redis.port), ("127.0.0.1", redis.port), "", stack)
            ways.append(_forward((network.near, s3_port), ("127.0.0.1", s3_port), "", stack))
            home = folder / name
            (home / "data").mkdir(parents=True, mode=0o700)
            outside = folder / f"{name}-logs"
            outside.mkdir()
            settings = {
                "own_disks": "true",
                "acknowledge": acknowledge,
                # Orthanc listens at every address; each host knows it by that of its own link.
                "destinations": f"pacs={pacs.ae_title}@pacs:{pacs.port}",
                "rules_file": rules,
                "audit_key": "ab" * 32,
                "database_url": database.replace("127.0.0.1", network.near),
                "broker_url": redis.url.replace("127.0.0.1", network.near),
                "object_store": "s3",
                "s3_endpoint_url": f"http://{network.near}:{s3_port}",
                "s3_bucket": bucket,
                "s3_access_key_id": s3.access_key_id,
                "s3_secret_access_key": s3.secret_access_key,
                "host_keys_dir": folder / "keys",
                "dicom_processes": 1,
                "http_processes": 1,
                # By itself three, after which a job counts as what kills its worker. Here it is
                # the controller that kills them, several times during one job.
                "job_max_attempts": 20,
            }
            parts = Parts(
                home, roles, settings, outside=outside, with_clock=True, prefix=network.prefix
            )
            stack.callback(parts.close)
            parts.run_from(source)
            for port in (parts.port, parts.http_port):
                _forward(("127.0.0.1", port), ("127.0.0.1", port), network.name, stack)
            hosts.append(Host(name, parts, network))
        _make_keys(folder / "keys")
        migrated = hosts[0].parts.command("migrate")
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
        # The other hosts get it from the bucket.
        added = hosts[0].parts.command("models", "add", str(small_model(folder / "model")))
        assert added.returncode == 0, added.stdout + added.stderr
        for host in hosts:
            for role in host.parts.roles:
                host.parts.start_role(role)
        found = Group(hosts, Ledger(folder / "ledger.jsonl"), both, redis, ways, pacs)
        found.wait_until_ready()
        yield found


def _make_keys(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for number, name in enumerate(KEYS):
        (folder / name).write_bytes(bytes([number + 1]) * 32)


def _forward(
    listen: tuple[str, int], target: tuple[str, int], within: str, stack: ExitStack
) -> Forwarder:
    one = Forwarder(listen, target, within)
    one.open()
    stack.callback(one.shut)
    return one
