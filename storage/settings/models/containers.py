"""Models in containers: which engine runs them, and what each may take."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

_MIB = 1024 * 1024
# Of objects of Kubernetes (RFC 1123), or nothing.
_NAME = r"^([a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?)?$"


class ContainerSettings(BaseModel):
    container_engine: Literal["", "podman", "docker", "kubernetes"] = Field(
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
    container_exchange_dir: Path | None = Field(
        None,
        description="Where input and output of containers lie while they run; empty: in the data"
        " folder. Kubernetes: where the claim is mounted.",
    )
    container_claim: str = Field(
        "",
        pattern=_NAME,
        description="Kubernetes: the claim of that folder, by its name in the jobs' namespace.",
    )
    container_namespace: str = Field(
        "", pattern=_NAME, description="Kubernetes: where jobs of containers are made."
    )
    container_start_s: float = Field(
        600.0,
        gt=0,
        description="Kubernetes: how long a container may wait for a node and for its image.",
    )
    container_runtime_class: str = Field(
        "", pattern=_NAME, description="Kubernetes: the RuntimeClass of containers, such as gVisor."
    )
    container_pull_secrets: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Kubernetes: Secrets of the jobs' namespace to pull images with, separated by"
        " commas.",
    )

    @field_validator("container_pull_secrets", mode="before")
    @classmethod
    def _parse_pull_secrets(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(one.strip() for one in value.split(",") if one.strip())
