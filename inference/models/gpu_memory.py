"""How much memory the GPUs of this process have, and how much of it is free."""

import sys

from storage.processes.gpu_memory import GpuMemory

_NAME_LENGTH = 80


def used_gpus() -> tuple[GpuMemory, ...]:
    """Every GPU that this process has computed on.

    Asking CUDA for another would take some hundred MB of it.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ()
    found = []
    for device in range(torch.cuda.device_count()):
        # PyTorch's own count, for which it does not ask CUDA.
        if not torch.cuda.max_memory_reserved(device):
            continue
        # Of the whole GPU, whichever process has it.
        _, total_bytes = torch.cuda.mem_get_info(device)
        reserved_bytes = torch.cuda.memory_reserved(device)
        name = torch.cuda.get_device_name(device)[:_NAME_LENGTH]
        free_bytes = free_for_jobs_bytes(device)
        found.append(GpuMemory(device, name, free_bytes, total_bytes, reserved_bytes))
    return tuple(found)


def free_for_jobs_bytes(device: int | None = None) -> int:
    """What this process may still use of a GPU: what nobody has, and what PyTorch has reserved
    for it and not given to anything."""
    import torch

    free_bytes: int = torch.cuda.mem_get_info(device)[0]
    unused_bytes = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free_bytes + unused_bytes
