"""Models in containers: which engine runs them, and what each may take."""

from typing import Literal

from pydantic import BaseModel, Field

_MIB = 1024 * 1024


class ContainerSettings(BaseModel):
    container_engine: Literal["", "podman", "docker"] = Field(
        "", description="What runs models in containers; empty: none are run."
    )
    container_memory_bytes: int = Field(
        8192 * _MIB, ge=64 * _MIB, description="A model in a container takes no more memory."
    )
    container_cpus: float = Field(2.0, gt=0, description="Nor more processors at a time.")
    container_pids: int = Field(512, ge=16, description="Nor more processes and threads.")
    container_timeout_s: float = Field(1800.0, gt=0, description="It is ended after so long.")
    container_gpus: str = Field(
        "",
        pattern=r"^(|all|\d{1,2}(,\d{1,2})*)$",
        description="Which GPUs containers that ask for one are given: all, or numbers (0,1);"
        " empty: none.",
    )
    container_output_bytes: int = Field(
        1024 * _MIB, ge=_MIB, description="What it writes is not larger in all."
    )
