"""Hosts that have a network and a disk each, and PostgreSQL, Redis and a bucket in common."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.hosts.network import Forwarder, Namespace
from tests.chaos.ledger import Ledger
from tests.chaos.parts import Parts
from tests.faults.pushing import Sent
from tests.postgres import PostgresServer, postgres
from tests.processes import own_folder
from tests.servers import RedisServer, ceph_s3

KEYS = ("sealing.key", "uid.key", "upload-signing.key", "signing.key")
# With one of what ticks lost, another is there.
ROLES = {
    "north": ("scp", "api", "control", "beat"),
    "south": ("scp", "api"),
    "east": ("scp", "api", "control", "beat"),
}


@dataclass
class TimedLedger(Ledger):
    """Knows when something of each study was acknowledged; each host receives its own studies."""

    stored_at_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def stored(self, one: Sent, study: str, series: str, by: str) -> None:
        super().stored(one, study, series, by)
        self.stored_at_s[study].append(time.monotonic())


@dataclass
class Host:
    name: str
    parts: Parts
    network: Namespace


class Group:
    def __init__(
        self,
        hosts: list[Host],
        ledger: TimedLedger,
        server: PostgresServer,
        redis: RedisServer,
        bucket: list[Forwarder],
    ) -> None:
        self.hosts, self.ledger = hosts, ledger
        self.server, self.redis, self.bucket = server, redis, bucket
        self.kills = 0

    def wait_until_ready(self) -> None:
        for host in self.hosts:
            host.parts.restart_ended()
        for host in self.hosts:
            host.parts.wait_until_ready()


@contextmanager
def group() -> Iterator[Group]:
    """All run. Needs root, for networks and their filter."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mediview-hosts-")))
        networks = [Namespace(number) for number in range(len(ROLES))]
        for network in networks:
            network.open()
            stack.callback(network.close)
            stack.callback(network.mend)
        # No forwarder stands between: the server is to see for itself that a host is cut off.
        near = [network.near for network in networks]
        server = stack.enter_context(postgres(is_durable=True, addresses=near))
        redis = RedisServer(stack.enter_context(own_folder("redis")))
        redis.start()
        stack.callback(redis.stop)
        s3 = stack.enter_context(ceph_s3())
        s3_port = int(s3.endpoint_url.rpartition(":")[2])
        database, bucket = server.migrated_database(), s3.new_bucket()
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
            }
            parts = Parts(
                home, roles, settings, outside=outside, with_clock=True, prefix=network.prefix
            )
            stack.callback(parts.close)
            for port in (parts.port, parts.http_port):
                _forward(("127.0.0.1", port), ("127.0.0.1", port), network.name, stack)
            hosts.append(Host(name, parts, network))
        _make_keys(folder / "keys")
        for host in hosts:
            for role in host.parts.roles:
                host.parts.start_role(role)
        found = Group(hosts, TimedLedger(folder / "ledger.jsonl"), server, redis, ways)
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
