"""Harm to the disk itself: no room, no writing, errors, slowness.

Errors and slowness are put into the system calls of the node's running processes by strace, so
that they begin and end in the middle of whatever they do.
"""

import os
import shutil
import signal
import subprocess
import time
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path

import httpx

from tests.chaos.faults import Fault, World
from tests.injection import Injection, can_inject

_SYNCS = "fsync,fdatasync"
_WRITES = f"pwrite64,pwritev,ftruncate,{_SYNCS}"
_READS = "pread64,preadv,sendfile"


class FullDisk(Fault):
    """Another program takes the disk to its last byte; a restart in the middle of it."""

    name = "disk full to the last byte"
    sign = "disk"
    harms_disk = True
    left_bytes = 0

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.small_disk

    def inject(self) -> None:
        self.ballast = self.world.parts.folder / "ballast"
        fill(self.ballast, self.left_bytes)
        if self.rng.random() < 0.5:
            self.world.parts.signal("scp", signal.SIGKILL)

    def heal(self) -> None:
        self.ballast.unlink()


class DiskAtMark(FullDisk):
    """Some room is left, and less than the node must keep free."""

    name = "disk full to the mark"
    left_bytes = 6 << 20


class ReadOnlyDisk(Fault):
    """The node ends, and comes back on a disk that the kernel lets nobody write to."""

    name = "read-only disk"
    sign = "doctor"
    harms_disk = True

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return world.small_disk

    def inject(self) -> None:
        self.world.parts.kill_everything()
        self._mount("ro")
        self.world.parts.restart_ended()
        doctor = self.world.parts.command("doctor")
        assert "is read-only" in doctor.stdout, doctor.stdout + doctor.stderr
        assert "Traceback" not in doctor.stdout + doctor.stderr

    def heal(self) -> None:
        self._mount("rw")

    def _mount(self, how: str) -> None:
        folder = str(self.world.parts.folder)
        deadline = time.monotonic() + 10
        while subprocess.run(["mount", "-o", f"remount,{how}", folder], check=False).returncode:
            assert time.monotonic() < deadline, f"{folder} stays busy"
            time.sleep(0.2)


class _Injected(Fault):
    """What strace does to system calls of all processes of the node."""

    harms_disk = True

    @classmethod
    def is_possible(cls, world: World) -> bool:
        return can_inject()

    def inject(self) -> None:
        self.calls = self.choose_calls()
        self._begin()

    @abstractmethod
    def choose_calls(self) -> str:
        """As strace's --inject has it."""

    def after_restart(self) -> None:
        self.injection.stop()
        self._begin()

    def heal(self) -> None:
        self.injection.stop()

    def _begin(self) -> None:
        self.injection = Injection(self.world.parts.process_ids(), self.calls)
        self.injection.start()


class WriteErrors(_Injected):
    """Writes fail; or they succeed, and only making them durable fails."""

    name = "disk that answers EIO to writes"
    sign = "disk"

    def choose_calls(self) -> str:
        return f"{self.rng.choice([_SYNCS, _WRITES])}:error=EIO"


class ReadErrors(_Injected):
    """What is asked for meanwhile is refused, or comes from the bucket; never wrong bytes."""

    name = "disk that answers EIO to reads"

    def choose_calls(self) -> str:
        return f"{_READS}:error=EIO"

    def inject(self) -> None:
        super().inject()
        ledger = self.world.ledger
        wanted = [uid for uid in ledger.wanted() if uid not in ledger.harmed]
        for uid in self.rng.sample(wanted, min(3, len(wanted))):
            with suppress(httpx.HTTPError):
                answer = self.world.parts.api.get(ledger.address(uid))
                if answer.status_code == 500 and answer.json()["code"] == "instance_damaged":
                    self.sign = "instances"


class SlowDisk(_Injected):
    name = "slow disk"
    sign = "disk_speed"

    def choose_calls(self) -> str:
        return f"{_SYNCS}:delay_enter=4000000"


def fill(ballast: Path, left_bytes: int) -> None:
    """Take all room but so much, to the last block."""
    with ballast.open("wb") as file:
        position, step = 0, shutil.disk_usage(ballast.parent).free
        while step >= 4096:
            free_bytes = shutil.disk_usage(ballast.parent).free - left_bytes
            length = min(step, free_bytes)
            if length < 4096:
                break
            try:
                os.posix_fallocate(file.fileno(), position, length)
                position += length
            except OSError:
                step //= 2
