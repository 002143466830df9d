"""When work happens, and within which limits."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

MIB = 1024 * 1024


class WorkSettings(BaseModel):
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
    analyze_timeout_s: float = Field(300.0, gt=0)
    tick_s: float = Field(1.0, gt=0)
    feedback_quiet_s: float = Field(
        10.0,
        ge=0,
        description="Wait after the last feedback before the structured report is updated.",
    )
    worker_processes: int = Field(
        1, ge=1, description="How many jobs a worker may run at once; it begins with one process."
    )
    gpu_pipelines: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Pipelines, by name or pattern such as bundle-*, that only workers of the"
        " queue gpu run; comma-separated. Empty: every worker runs everything.",
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


class LimitSettings(BaseModel):
    volume_size_bytes: int = Field(256 * MIB, ge=1 * MIB)
    free_disk_mark_bytes: int = Field(512 * MIB, ge=0)
    disk_warn_bytes: int = Field(
        0,
        ge=0,
        description="Below so much free space /health and doctor warn; 0: 15 % of the disk, at"
        " least three times the free-disk mark.",
    )
    disk_evict_bytes: int = Field(
        0,
        ge=0,
        description="Below so much, studies that retention rules let go early leave; 0: 10 % of the"
        " disk, at least twice the free-disk mark.",
    )
    volume_cache_bytes: int = Field(
        0, ge=0, description="With S3: local volumes beyond this go once they are in the bucket."
    )
    spool_max_bytes: int = Field(
        0, ge=0, description="With S3: take nothing more while this much waits for the bucket."
    )
    compact_dead_ratio: float = Field(
        0.5, gt=0, le=1, description="Rewrite volumes of which this part was deleted."
    )
    compact_interval_s: float = Field(3600.0, gt=0)
    scrub_days: float = Field(
        30.0,
        ge=0,
        description="All that is stored is read and compared with its digests within so many days;"
        " 0: never.",
    )
    volume_grace_s: float = Field(
        300.0, ge=0, description="How long a rewritten volume stays for those who still read it."
    )
    max_instance_bytes: int = Field(4096 * MIB, ge=1)
    max_associations: int = Field(64, ge=1)
    association_idle_timeout_s: float = Field(60.0, gt=0)
    upload_max_bytes: int = Field(2048 * MIB, ge=1)
    upload_url_expiry_s: int = Field(900, ge=1)
    upload_parts_expiry_s: int = Field(
        86_400, ge=1, description="How long an upload in parts may take, with its breaks."
    )
    max_frame_pixels: int = Field(
        100_000_000,
        ge=1,
        description="Pixels that one frame, page or picture may have to be decoded.",
    )
    decoder_processes: int = Field(
        2, ge=1, le=64, description="Processes that decode, beside each that serves or works."
    )
    decoder_memory_bytes: int = Field(
        2048 * MIB, ge=128 * MIB, description="Each of them may take so much."
    )
    decoder_timeout_s: float = Field(30.0, gt=0, description="CPU time of one task; more ends it.")
    zip_max_entries: int = Field(20_000, ge=1)
    zip_max_ratio: int = Field(200, ge=1)


class ModelSettings(BaseModel):
    """Where models and the rules for them lie."""

    rules_file: Path | None = Field(
        None, description="The site's rules (YAML); empty: rules.yaml in the data folder, if any."
    )
    reference_values: Path | None = Field(
        None, description="The site's own reference values (CSV or JSON), by age and sex."
    )
    lesion_matching_s: float = Field(
        120.0,
        ge=0,
        description="How long lesions may be compared with the study before; 0: never.",
    )
    models_dir: Path | None = Field(
        None, description="Folder of model packs; empty: models in the data folder."
    )
