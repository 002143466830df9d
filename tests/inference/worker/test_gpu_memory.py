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
    """Two GPUs, the second of which another program uses, too."""

    def __init__(self) -> None:
        self.is_used = False
        self.free_bytes = [20 * GB, 3 * GB]
        self.asked = 0

    def is_initialized(self) -> bool:
        return self.is_used

    def device_count(self) -> int:
        return 2

    def mem_get_info(self, device: int) -> tuple[int, int]:
        assert self.is_used, "asking begins to use the GPU"
        self.asked += 1
        return self.free_bytes[device], 24 * GB

    def memory_reserved(self, device: int) -> int:
        return (4 * GB, 0)[device]

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
    assert cuda.asked == 0


def test_a_worker_states_its_gpus_until_it_ends(cuda: Cuda, storage: Storage) -> None:
    with closing(Process(storage.settings, "gpu")) as process:
        process._note_gpus()
        assert gpu_memory(storage.engine, utcnow()) == []
        cuda.is_used = True
        process._note_gpus()
        first, second = gpu_memory(storage.engine, utcnow())
        assert (first.process, first.owner) == ("worker-gpu", process.owner)
        assert (first.memory.free_bytes, first.memory.reserved_bytes) == (20 * GB, 4 * GB)
        assert (second.memory.device, second.memory.free_bytes) == (1, 3 * GB)
        assert second.memory.total_bytes == 24 * GB
        assert len(second.memory.name) == 80
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
