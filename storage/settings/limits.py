"""Sizes, times and numbers that the node does not go beyond."""

from pydantic import BaseModel, Field

MIB = 1024 * 1024


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
    antivirus: str = Field(
        "",
        pattern=r"^(/.+|(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5})?$",
        description="Virus scanner (clamd) that looks at uploads, and at documents before they are"
        " shown: HOST:PORT, or the path of its socket. Empty: none.",
    )
    antivirus_timeout_s: float = Field(60.0, gt=0, description="Silence that it may keep.")
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
