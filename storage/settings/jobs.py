"""When a series is complete, and how jobs run and are tried again."""

from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode


class JobSettings(BaseModel):
    series_quiet_s: float = Field(5.0, gt=0, description="Quiet time that completes a series.")
    series_forced_s: float = Field(
        3600.0, gt=0, description="A series still growing after this is taken as complete."
    )
    study_quiet_s: float = Field(
        60.0,
        gt=0,
        description="How long a study is complete before rules that send whole studies are asked.",
    )
    job_lease_s: float = Field(20.0, gt=0)
    job_max_attempts: int = Field(3, ge=1)
    job_retry_base_s: float = Field(
        5.0, gt=0, description="Wait after the first failed attempt; it doubles with each further."
    )
    job_retry_max_s: float = Field(300.0, gt=0, description="The longest such wait.")
    job_outside_retry_s: float = Field(
        30.0,
        gt=0,
        description="Wait where the cause lies outside the job, such as a full disk.",
    )
    shadow_max_attempts: int = Field(8, ge=1)
    shadow_retry_base_s: float = Field(30.0, gt=0)
    shadow_retry_max_s: float = Field(900.0, gt=0)
    job_deadline_s: float = Field(
        3600.0, gt=0, description="A job that takes longer is given up between two of its steps."
    )
    job_grace_s: float = Field(
        30.0,
        gt=0,
        description="A job that still computes so long after its deadline or its cancellation is"
        " ended with its process.",
    )
    job_memory_bytes: int = Field(
        0,
        ge=0,
        description="A process whose job takes more memory is ended, and the job fails, or is tried"
        " again where earlier jobs had left much in the process; 0: nine tenths of the machine's.",
    )
    analyze_timeout_s: float = Field(300.0, gt=0)
    tick_s: float = Field(1.0, gt=0)
    feedback_quiet_s: float = Field(
        10.0,
        ge=0,
        description="Wait after the last feedback before the structured report is updated.",
    )
    worker_processes: int = Field(
        1,
        ge=1,
        description="How many jobs a worker of the queue jobs may run at once; it begins with one"
        " process. That of the queue gpu has one.",
    )
    gpu_pipelines: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Pipelines, by name or pattern such as bundle-*, that only workers of the"
        " queue gpu run; comma-separated. Empty: every worker runs everything.",
    )
    interactive_sessions: int = Field(
        0,
        ge=0,
        le=64,
        description="How many people may segment by clicks at once; each session has a process with"
        " the series and the model in memory. 0: none, and no worker for it is started.",
    )
    interactive_idle_s: float = Field(
        600.0, gt=0, description="A session that nobody clicks in for so long ends."
    )
    interactive_click_s: float = Field(
        120.0,
        gt=0,
        description="A session whose model takes longer over a click ends, or ten times as long"
        " over opening or saving.",
    )
    interactive_memory_bytes: int = Field(
        8 * 1024**3,
        ge=0,
        description="A session whose process takes more memory ends; 0: no limit of its own.",
    )
    self_test: bool = Field(
        True,
        description="Test OCR, PDF, decoders and models once when a node starts, for /health.",
    )
    torch_threads: int = Field(0, ge=0, description="0 leaves the choice to torch.")

    @field_validator("gpu_pipelines", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    def wants_gpu(self, pipeline: str) -> bool:
        """Whether a pipeline is one of those for workers of the queue gpu."""
        return any(fnmatchcase(pipeline, pattern) for pattern in self.gpu_pipelines)
