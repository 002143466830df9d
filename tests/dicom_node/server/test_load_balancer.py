"""Three receivers with one AE title behind haproxy, as deploy/haproxy has it."""

import contextlib
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from dicom_node.network.listening import SPARE_CONNECTIONS
from dicom_node.peers import Peer
from dicom_node.scu import echo
from storage.peers.entities import KnownPeer
from storage.settings import Settings
from tests.faults.pushing import Batch, Push
from tests.faults.raw_peer import RawPeer, Rejected
from tests.faults.scp_process import ScpProcess
from tests.patience import PATIENCE_S
from tests.processes import ENDING_WITH_US, own_folder
from tests.servers import RedisServer
from tests.services import free_port

pytestmark = [pytest.mark.timeout(600)]

CONFIGURATION = Path(__file__).parents[3] / "deploy/haproxy/haproxy.cfg"
NAMES = ("north", "south", "east")
LOCAL_LIMIT_EXCEEDED = (2, 3, 2)
PER_ADDRESS, OF_ALL_HOSTS = 3, 8
INSTANCES, SENDERS = 600, 6
MAXCONN = re.compile(r" maxconn (\d+) on-marked")
DEFAULT_MOST = 64
CT = KnownPeer(
    name="ct",
    ae_title="CT",
    sources=("127.0.5.9/32",),
    may=frozenset({"store"}),
    max_associations=2,
)


class Balanced:
    def __init__(self, receivers: dict[str, ScpProcess], port: int, log: Path) -> None:
        self.receivers, self.port, self.log = receivers, port, log

    def associated(self, calling: bytes, source: str) -> RawPeer:
        peer = RawPeer(self.port, limit_s=PATIENCE_S, source=source)
        peer.associate(calling=calling)
        return peer

    def rejection(self, calling: bytes, source: str) -> tuple[int, int, int] | None:
        """The answer to one more association; None where it was accepted."""
        try:
            self.associated(calling, source).socket.close()
        except Rejected as rejected:
            return rejected.why
        return None

    def states(self) -> dict[str, str]:
        """What haproxy last wrote of each receiver."""
        lines = re.findall(r"Server receivers/(\w+) is (UP|DOWN)", self.log.read_text())
        return dict.fromkeys(NAMES, "UP") | dict(lines)

    def served(self) -> Counter[str]:
        """Connections that ended, by receiver."""
        return Counter(re.findall(r" dicom receivers/(\w+) ", self.log.read_text()))


def until(done: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def balanced(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Balanced]:
    """`request.param`: how many associations a receiver takes; by itself 64."""
    most = getattr(request, "param", DEFAULT_MOST)
    if shutil.which("haproxy") is None:
        pytest.skip("haproxy is not installed")
    with contextlib.ExitStack() as stack:
        redis = RedisServer(stack.enter_context(own_folder("redis")))
        redis.start()
        stack.callback(redis.stop)
        settings = {
            "broker_url": redis.url,
            "dicom_proxies": "127.0.0.1",
            "dicom_processes": 2,
            "associations_per_address": PER_ADDRESS,
            "max_associations": most,
            "max_associations_of_all_hosts": OF_ALL_HOSTS,
        }
        receivers = {}
        for name in NAMES:
            receiver = receivers[name] = ScpProcess(tmp_path / name, settings)
            receiver.migrate()
            with receiver.storage() as storage:
                storage.peers.add(CT)
            receiver.start()
            stack.callback(receiver.kill)
        port = free_port()
        text = CONFIGURATION.read_text().replace("bind :11112", f"bind 127.0.0.1:{port}")
        for number, name in enumerate(NAMES):
            there = f"127.0.0.1:{receivers[name].port}"
            text = text.replace(f"10.0.0.1{number + 1}:11112", there)
        # As far from the limit of a receiver as it is from that of one by itself.
        places = int(MAXCONN.findall(text)[0]) - DEFAULT_MOST + most
        text = MAXCONN.sub(f" maxconn {places} on-marked", text)
        (tmp_path / "haproxy.cfg").write_text(text)
        log = tmp_path / "haproxy.log"
        with log.open("w") as output:
            words = [*ENDING_WITH_US, "haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")]
            process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
        stack.callback(process.wait, PATIENCE_S)
        stack.callback(process.terminate)
        found = Balanced(receivers, port, log)
        until(lambda: echo(Peer("MEDIVIEW", "127.0.0.1", port), "WATCH").ok)
        yield found
        for name in NAMES:
            assert "Traceback" not in receivers[name].log_text()


def test_haproxy_gives_a_receiver_as_many_connections_as_it_has_places_beside_the_check(
    tmp_path: Path,
) -> None:
    (stated,) = MAXCONN.findall(CONFIGURATION.read_text())
    assert Settings(data_dir=tmp_path).max_associations == DEFAULT_MOST
    assert int(stated) == DEFAULT_MOST + SPARE_CONNECTIONS - 1


@pytest.mark.slow
@pytest.mark.parametrize("balanced", [2], indirect=True, ids=["two associations a receiver"])
def test_a_known_peer_is_served_where_all_receivers_are_full_of_strangers(
    balanced: Balanced,
) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(2 * len(NAMES)):
            stack.enter_context(balanced.associated(b"STRANGER", f"127.0.6.{20 + number}"))
        until(lambda: balanced.rejection(b"STRANGER", "127.0.6.99") == LOCAL_LIMIT_EXCEEDED)
        begun_s = time.monotonic()
        with balanced.associated(b"CT", "127.0.5.9") as scanner:
            one = Batch(3).make()
            status = scanner.store(one.sop_instance_uid, one.data_set, sop_class_uid=CTImageStorage)
            assert status == 0
        print(f"stored after {time.monotonic() - begun_s:.1f} s")
        assert set(balanced.states().values()) == {"UP"}


@pytest.mark.slow
def test_a_receiver_that_dies_under_load_loses_nothing_and_is_passed_by(
    balanced: Balanced, request: pytest.FixtureRequest
) -> None:
    batch = Batch(7)
    shares = [[batch.make() for _ in range(INSTANCES // SENDERS)] for _ in range(SENDERS)]
    times: list[float] = []
    push = Push(balanced.port, shares, on_acknowledged=lambda _: times.append(time.monotonic()))
    request.addfinalizer(push.stopped.set)
    push.start()
    until(lambda: len(push.acknowledged) > INSTANCES // 4)
    north = balanced.receivers["north"]
    north.kill()
    killed_s = time.monotonic()
    until(lambda: balanced.states()["north"] == "DOWN")
    noticed_s = time.monotonic() - killed_s
    push.join(PATIENCE_S)
    assert len(push.acknowledged) == INSTANCES
    gap_s = max(after - before for before, after in pairwise(times))
    print(f"noticed after {noticed_s:.1f} s; longest time without an acknowledgement {gap_s:.1f} s")
    north.start()
    until(lambda: balanced.states()["north"] == "UP")
    there = Counter[str]()
    for receiver in balanced.receivers.values():
        with receiver.storage() as storage:
            found = storage.index.instances_of(batch.study_instance_uid)
        there.update(one.sop_instance_uid for one in found)
    assert set(push.acknowledged) <= set(there), "no acknowledged instance is lost"
    before = balanced.served()["north"]

    def is_served_again() -> bool:
        for _ in range(3):
            with RawPeer(balanced.port) as peer:
                peer.associate(calling=b"PUSH")
                peer.release()
        return balanced.served()["north"] > before

    until(is_served_again)


@pytest.mark.slow
def test_peers_and_limits_go_by_the_addresses_of_modalities(balanced: Balanced) -> None:
    with contextlib.ExitStack() as stack:

        def hold(calling: bytes, source: str) -> RawPeer:
            return stack.enter_context(balanced.associated(calling, source))

        # A known peer is one by its address; its two associations count over all receivers.
        scanner = hold(b"CT", "127.0.5.9")
        hold(b"CT", "127.0.5.9")
        assert balanced.rejection(b"CT", "127.0.5.9") == LOCAL_LIMIT_EXCEEDED
        assert balanced.rejection(b"CT", "127.0.5.10") not in {None, LOCAL_LIMIT_EXCEEDED}
        one = Batch(3).make()
        status = scanner.store(one.sop_instance_uid, one.data_set, sop_class_uid=CTImageStorage)
        assert status == 0
        # More strangers than one address may have, each from an address of its own.
        for number in range(20, 20 + OF_ALL_HOSTS - 2):
            hold(b"STRANGER", f"127.0.6.{number}")
        until(lambda: balanced.rejection(b"STRANGER", "127.0.6.99") == LOCAL_LIMIT_EXCEEDED)
        assert set(balanced.states().values()) == {"UP"}, "a receiver at its limit is well"
    received_from = set()
    for receiver in balanced.receivers.values():
        received_from |= set(re.findall(r"127\.0\.5\.\d+", receiver.log_text()))
    assert "127.0.5.9" in received_from
