"""A process that is killed while it sends: what it was sending goes on soon, and says why."""

import hashlib
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inference.deliveries.destinations import checked_peer
from inference.deliveries.service import deliver_due
from inference.routing.send import send_study
from storage.core.callers.visibility import Caller
from storage.core.clock import utcnow
from storage.deliveries.listing import DeliveryFilter, list_deliveries
from storage.outbox.leases import LEASE_S, OWNER_ENDED
from tests.inference.deliveries.destinations import test_bucket, test_sftp
from tests.inference.deliveries.destinations.nodes import FOLDER, node
from tests.inference.orchestration import complete_series, receive, wait_for
from tests.inference.processes import workers_in
from tests.inference.small import mr_series, mr_slice, study_uid
from tests.servers import S3Server


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_deliveries_of_a_killed_worker_go_on_within_a_minute(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        destination = f"pacs=SILENT@127.0.0.1:{silent.getsockname()[1]}"
        with workers_in(tmp_path, destinations=destination, report_delivery="off") as workers:
            control, *_ = workers.start("control", "jobs", "beat")
            receive(workers.storage, mr_series("a"))

            def states() -> set[tuple[str, str]]:
                found = workers.storage.deliveries.of_study(study_uid("a"))
                return {(one.state, one.last_error) for one in found}

            wait_for(lambda: states() == {("SENDING", "")}, "the sending")
            workers.kill_all_of(control)
            killed_s = time.monotonic()
            workers.start("control")
            wait_for(lambda: states() == {("SENDING", OWNER_ENDED)}, "another sender")
            assert time.monotonic() - killed_s < 2 * LEASE_S


@contextmanager
def slow_receiver() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Takes a second for each notice; the digests of what came under each id."""
    received: dict[str, list[str]] = defaultdict(list)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received[self.headers["webhook-id"]].append(hashlib.sha256(body).hexdigest())
            time.sleep(1.0)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.fault
@pytest.mark.timeout(400)
@pytest.mark.slow
def test_what_a_killed_worker_was_sending_arrives_whole_under_the_same_names(
    tmp_path: Path, s3_server: S3Server
) -> None:
    """Killed twice in the middle: nothing is lost, nothing changed, no second object is there."""
    if test_sftp.SSHD is None:
        pytest.skip("OpenSSH's server is missing")
    bucket = s3_server.new_bucket()
    with (
        test_sftp.ssh_server(tmp_path / "ssh") as ssh,
        slow_receiver() as (hook_url, notices),
        workers_in(
            tmp_path,
            bucket_hosts="127.0.0.1",
            sftp_known_hosts=str(ssh.known_hosts),
            webhook_hosts=hook_url.split("/")[2],
            webhook_retry_base_s=0.5,
        ) as workers,
    ):
        storage = workers.storage
        peers = (ssh.peer, test_bucket.peer_of(s3_server, bucket), FOLDER)
        for peer in peers:
            slow = replace(peer, bandwidth_bytes_per_s=60_000)
            storage.peers.add(checked_peer(slow, storage.settings))
        storage.webhooks.add(
            hook_url,
            ("series.complete",),
            "",
            created_by=Caller("user", "tests"),
            sends_everything=True,
        )
        receive(storage, [mr_slice("a", number, rows=256, columns=256) for number in range(8)])
        (series,) = storage.index.series_of(study_uid("a"))
        instances = storage.index.instances_of(study_uid("a"), series.series_instance_uid)
        send_study(storage, study_uid("a"), [peer.name for peer in peers])
        control, _ = workers.start("control", "beat")

        def states() -> list[str]:
            found, _ = list_deliveries(storage.engine, DeliveryFilter(), 100, 0)
            return [one.state for one in found]

        for _ in range(2):
            wait_for(lambda: "SENDING" in states(), "the sending", 2 * LEASE_S)
            time.sleep(1.5)
            workers.kill_all_of(control)
            (control,) = workers.start("control")
        wait_for(lambda: set(states()) == {"CONFIRMED"}, "everything to be confirmed", 4 * LEASE_S)
        wait_for(lambda: len(notices) >= 1, "the notice", 2 * LEASE_S)
        assert len(states()) == len(peers) * len(instances)
        wanted = {one.sop_instance_uid: storage.instances.read(one) for one in instances}
        client = s3_server.client()
        keys = [one["Key"] for one in client.list_objects_v2(Bucket=bucket)["Contents"]]
        there = {
            "bucket": {
                key.rpartition("/")[2]: client.get_object(Bucket=bucket, Key=key)["Body"].read()
                for key in keys
            },
            "sftp": files_in(ssh.folder / "incoming"),
            "folder": files_in(storage.settings.resolved_export_dir),
        }
        client.close()
        for name, found in there.items():
            # What a killed sender had begun lies beside them, until the next one an hour later.
            whole = {key: value for key, value in found.items() if not key.endswith(".part")}
            assert whole == {f"{uid}.dcm": content for uid, content in wanted.items()}, name
        # The same notice may come twice, under the same id.
        assert all(len(set(digests)) == 1 for digests in notices.values())


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_the_next_sender_removes_what_a_killed_one_had_begun(tmp_path: Path, kind: str) -> None:
    if kind == "sftp" and test_sftp.SSHD is None:
        pytest.skip("OpenSSH's server is missing")
    with ExitStack() as stack:
        settings: dict[str, object] = {}
        peer = FOLDER
        if kind == "sftp":
            ssh = stack.enter_context(test_sftp.ssh_server(tmp_path / "ssh"))
            peer, settings = ssh.peer, {"sftp_known_hosts": ssh.known_hosts}
        storage = stack.enter_context(node(tmp_path, peer, **settings))
        series = complete_series(storage, "a", 3)
        top = storage.settings.resolved_export_dir / FOLDER.folder
        if kind == "sftp":
            top = ssh.folder / "incoming"
        folder = top / study_uid("a") / series.series_instance_uid
        folder.mkdir(parents=True)
        for name, age_s in (
            (f".{'a' * 32}.part", 7200),
            (f".{'b' * 32}.part", 60),
            ("x.part", 7200),
        ):
            (folder / name).write_bytes(b"begun")
            os.utime(folder / name, (time.time() - age_s,) * 2)
        send_study(storage, study_uid("a"), [peer.name])
        assert deliver_due(storage, utcnow(), "sender") == 3
        left = {path.name for path in folder.iterdir() if path.suffix == ".part"}
        assert left == {f".{'b' * 32}.part", "x.part"}
        assert len(list(folder.glob("*.dcm"))) == 3
