"""Whether what is received reaches the bucket: a long push into a whole node over S3.

    python -m benchmarks.bucket [--instances 4000] [--spool-mb 1024]

Ceph's gateway, in memory, is the bucket; it, the node and the sender share the machine. Four
associations push CT without a pause. The output: how long receiving and settling took, the most
that waited for the bucket, and how many instances the node refused for now (PS3.4 B.2.3: 0xA700)
because more waited than it may keep.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.receive import CT
from benchmarks.support.sender import Load, NotStored, send
from benchmarks.support.servers import wait_for_port
from dicom_node.peers import Peer
from storage.container import Storage, open_storage
from storage.objects.backlog import backlog_bytes
from storage.settings import load_settings
from tests.servers import S3Server, ceph_s3
from tests.services import free_port

_LOOK_EVERY_S = 0.5
_MB = 1e6


class _Watch:
    """How much waits for the bucket, looked at now and then while this is open."""

    def __init__(self, storage: Storage) -> None:
        self._engine = storage.engine
        self.most_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_S):
            self.most_bytes = max(self.most_bytes, backlog_bytes(self._engine))

    def until_settled(self) -> None:
        while backlog_bytes(self._engine):
            time.sleep(_LOOK_EVERY_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--instances", type=int, default=4000)
    parser.add_argument("--spool-mb", type=int, default=1024)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-bucket-") as folder, ceph_s3() as bucket:
        _run(Path(folder), bucket, options.instances, options.spool_mb)


def _run(folder: Path, bucket: S3Server, instances: int, spool_mb: int) -> None:
    dicom_port, http_port = free_port(), free_port()
    os.environ |= {
        "MEDIVIEW_DATA_DIR": str(folder / "data"),
        "MEDIVIEW_DICOM_PORT": str(dicom_port),
        "MEDIVIEW_HTTP_PORT": str(http_port),
        "MEDIVIEW_OBJECT_STORE": "s3",
        "MEDIVIEW_S3_ENDPOINT_URL": bucket.endpoint_url,
        "MEDIVIEW_S3_BUCKET": bucket.new_bucket(),
        "MEDIVIEW_S3_ACCESS_KEY_ID": bucket.access_key_id,
        "MEDIVIEW_S3_SECRET_ACCESS_KEY": bucket.secret_access_key,
        "MEDIVIEW_SPOOL_MAX_BYTES": str(spool_mb * 1_000_000),
        "MEDIVIEW_LOG_LEVEL": "ERROR",
    }
    node = subprocess.Popen([sys.executable, "-m", "api.cli", "up"], stdout=subprocess.DEVNULL)
    try:
        wait_for_port(dicom_port)
        wait_for_port(http_port)
        with open_storage(load_settings()) as storage, _Watch(storage) as watch:
            _push(watch, Peer("MEDIVIEW", "127.0.0.1", dicom_port), instances)
    finally:
        node.terminate()
        node.wait()


def _push(watch: _Watch, peer: Peer, instances: int) -> None:
    received_s, refused = 0.0, 0

    def timed(sending: Callable[[], None]) -> None:
        nonlocal received_s
        begun = time.perf_counter()
        sending()
        received_s = time.perf_counter() - begun

    begun = time.perf_counter()
    try:
        send(peer, Load(CT, 4, instances), timed)
    except NotStored as refusal:
        refused = refusal.count
    watch.until_settled()
    taken = instances - refused
    print(
        f"{taken} received in {received_s:.1f} s, {refused} refused for now; all in the bucket"
        f" after {time.perf_counter() - begun:.1f} s;"
        f" at most {watch.most_bytes / _MB:,.0f} MB waited"
    )


if __name__ == "__main__":
    main()
