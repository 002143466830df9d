"""Start a node, with all around it that can be broken."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.chaos.faults import World
from tests.chaos.ledger import Ledger
from tests.chaos.parts import Parts
from tests.faults.stoppable import Gate
from tests.postgres import postgres
from tests.processes import own_folder
from tests.servers import RedisServer, ceph_s3
from tests.services import free_port

_BLOCKS_BYTES = 2 << 30
LONG_KILLS_EACH = (15, 45)


@contextmanager
def world(database: str, *, roles: tuple[str, ...], is_long: bool) -> Iterator[World]:
    """A node that runs, with all that can be broken around it.

    In the long form the disk is one of blocks, with a journal, and not of memory; clocks may be
    set; senders take a way of their own; beside PostgreSQL there are a bucket and Redis.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mediview-chaos-")))
        disk = folder / "disk"
        disk.mkdir()
        small = _mount_blocks(disk, stack) if is_long else _mount_memory(disk, stack)
        settings: dict[str, object] = {}
        server = bucket = redis = senders = None
        if database == "postgresql":
            server = stack.enter_context(postgres())
            settings["database_url"] = server.new_database()
        if is_long and server is not None:
            s3 = stack.enter_context(ceph_s3())
            host, port = s3.endpoint_url.removeprefix("http://").split(":")
            bucket = _gate((host, int(port)), stack)
            settings |= {
                "object_store": "s3",
                "s3_endpoint_url": f"http://127.0.0.1:{bucket.port}",
                "s3_bucket": s3.new_bucket(),
                "s3_access_key_id": s3.access_key_id,
                "s3_secret_access_key": s3.secret_access_key,
            }
            redis = RedisServer(stack.enter_context(own_folder("redis")))
            redis.start()
            stack.callback(redis.stop)
            settings["broker_url"] = redis.url
        silent_port = free_port()
        settings["destinations"] = f"silent=SILENT@127.0.0.1:{silent_port}"
        parts = Parts(disk, roles, settings, outside=folder, with_clock=is_long)
        stack.callback(parts.close)
        parts.start()
        if is_long:
            senders = _gate(("127.0.0.1", parts.port), stack)
        yield World(
            parts,
            Ledger(folder / "ledger.jsonl"),
            server=server,
            bucket=bucket,
            redis=redis,
            silent_port=silent_port,
            small_disk=small,
            senders=senders,
            kills_each=LONG_KILLS_EACH if is_long else (1, 1),
        )


def _gate(target: tuple[str, int], stack: ExitStack) -> Gate:
    gate = Gate(target)
    gate.open()
    stack.callback(gate.shut)
    return gate


def _mount_memory(folder: Path, stack: ExitStack) -> bool:
    """A disk that can be filled to its last byte, where this user may mount one."""
    return _mount(folder, stack, "-t", "tmpfs", "-o", "size=600m", "tmpfs")


def _mount_blocks(folder: Path, stack: ExitStack) -> bool:
    """The same as a file system of its own, in a file."""
    image = folder.with_suffix(".ext4")
    with image.open("wb") as file:
        file.truncate(_BLOCKS_BYTES)
    if subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=False).returncode:
        return False
    return _mount(folder, stack, "-o", "loop", str(image))


def _mount(folder: Path, stack: ExitStack, *options: str) -> bool:
    command = ["mount", *options, str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return False
    stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=False)
    return True
