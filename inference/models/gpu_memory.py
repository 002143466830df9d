"""How much memory the GPUs of this process have, and how much of it is free."""

import sys

from storage.processes.gpu_memory import GpuMemory

_NAME_LENGTH = 80


def used_gpus() -> tuple[GpuMemory, ...]:
    """Every GPU that this process sees, once it has computed on one; none before.

    Asking CUDA before would take some hundred MB of each for itself.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ()
    found = []
    for device in range(torch.cuda.device_count()):
        # Of the whole GPU, whichever process has it.
        free_bytes, total_bytes = torch.cuda.mem_get_info(device)
        reserved_bytes = torch.cuda.memory_reserved(device)
        name = torch.cuda.get_device_name(device)[:_NAME_LENGTH]
        found.append(GpuMemory(device, name, free_bytes, total_bytes, reserved_bytes))
    return tuple(found)
