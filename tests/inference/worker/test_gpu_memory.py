"""What a worker states of its GPUs, which a stand-in of torch.cuda has: there are none here."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from inference.models.gpu_memory import used_gpus
from inference.worker.process import Process
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.processes.gpu_memory import GpuMemory, GpuMemoryNotes, gpu_memory
from storage.settings import Settings
from tests.migrated import upgrade

GB = 2**30


class Cuda:
    """Three GPUs: what a process uses of each, what others use, and which it has begun to use.

    As PyTorch has them: its own counts cost nothing, and asking CUDA begins to use the GPU.
    """

    def __init__(self) -> None:
        self.used = set[int]()
        self.reserved_bytes = [0, 0, 0]
        self.allocated_bytes = [0, 0, 0]
        self.others_bytes = [0, 21 * GB, 0]
        self.most_reserved_bytes = [0, 0, 0]

    def compute(self, device: int, reserved_bytes: int, allocated_bytes: int) -> None:
        self.used.add(device)
        self.reserved_bytes[device] = reserved_bytes
        self.allocated_bytes[device] = allocated_bytes
        most = max(self.most_reserved_bytes[device], reserved_bytes)
        self.most_reserved_bytes[device] = most

    def is_initialized(self) -> bool:
        return bool(self.used)

    def device_count(self) -> int:
        return 3

    def mem_get_info(self, device: int) -> tuple[int, int]:
        self.used.add(device)
        taken = self.others_bytes[device] + self.reserved_bytes[device]
        return 24 * GB - taken, 24 * GB

    def memory_reserved(self, device: int) -> int:
        return self.reserved_bytes[device]

    def max_memory_reserved(self, device: int) -> int:
        return self.most_reserved_bytes[device]

    def memory_allocated(self, device: int) -> int:
        return self.allocated_bytes[device]

    def get_device_name(self, device: int) -> str:
        return f"GPU of tests {device} " + "x" * 90


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    stand_in = Cuda()
    monkeypatch.setattr(torch, "cuda", stand_in)
    return stand_in


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    settings = Settings(data_dir=tmp_path)
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened


def test_a_gpu_that_was_not_used_is_not_asked(cuda: Cuda) -> None:
    assert used_gpus() == ()
    assert cuda.used == set()
    cuda.compute(1, 2 * GB, GB)
    assert [one.device for one in used_gpus()] == [1]
    assert cuda.used == {1}, "some hundred MB of each other GPU would be gone"


def test_what_pytorch_has_without_using_it_is_free_for_jobs(cuda: Cuda) -> None:
    """A worker that has computed goes on having nearly all of the GPU."""
    cuda.compute(0, 23 * GB, 4 * GB)
    cuda.compute(1, 2 * GB, 2 * GB)
    warm, full = used_gpus()
    assert (warm.free_bytes, warm.reserved_bytes) == (20 * GB, 23 * GB)
    assert full.free_bytes == GB, "another program has the rest"


def test_a_worker_states_its_gpus_until_it_ends(cuda: Cuda, storage: Storage) -> None:
    with closing(Process(storage.settings, "gpu")) as process:
        process._note_gpus()
        assert gpu_memory(storage.engine, utcnow()) == []
        cuda.compute(0, 4 * GB, 4 * GB)
        cuda.compute(1, 0, 0)
        cuda.compute(2, GB, 0)
        process._note_gpus()
        first, second = gpu_memory(storage.engine, utcnow())
        assert (first.process, first.owner) == ("worker-gpu", process.owner)
        assert (first.memory.free_bytes, first.memory.reserved_bytes) == (20 * GB, 4 * GB)
        assert (second.memory.device, second.memory.free_bytes) == (2, 24 * GB)
        assert second.memory.total_bytes == 24 * GB
        assert len(second.memory.name) == 80
        cuda.compute(0, 0, 0)
        process._note_gpus()
        first, _ = gpu_memory(storage.engine, utcnow())
        assert (first.memory.device, first.memory.free_bytes) == (0, 24 * GB), "models have left"
    assert gpu_memory(storage.engine, utcnow()) == []


def test_only_what_changed_is_written_and_a_killed_process_is_forgotten(storage: Storage) -> None:
    notes = GpuMemoryNotes(storage.engine, "north:7:ab", "north", "worker-gpu")
    now = utcnow()

    def found(free_bytes: int) -> tuple[GpuMemory, ...]:
        return (GpuMemory(0, "GPU of tests", free_bytes, 24 * GB, GB),)

    def free() -> list[int]:
        return [one.memory.free_bytes for one in gpu_memory(storage.engine, now)]

    notes.note((), now)
    assert free() == []
    notes.note(found(20 * GB), now)
    notes.note(found(20 * GB - 1), now + timedelta(seconds=30))
    assert free() == [20 * GB]
    notes.note(found(12 * GB), now + timedelta(seconds=60))
    assert free() == [12 * GB]
    notes.note(found(12 * GB - 1), now + timedelta(seconds=200))
    assert free() == [12 * GB - 1]
    now += timedelta(seconds=600)
    assert free() == []
