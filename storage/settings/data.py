"""Where the node stores what it has: data folder, database, broker, object store."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator


class DataSettings(BaseModel):
    data_dir: Path = Field(
        Path("mediview-data"), description="Folder of everything stored locally."
    )
    secrets_dir: Path | None = Field(
        None,
        description="Folder of files named as the settings that they hold, such as"
        " mediview_database_url. Read from the environment alone.",
    )
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    broker_url: str = Field("", description="redis://…; empty: files in the data folder.")
    object_store: Literal["filesystem", "s3"] = "filesystem"
    s3_endpoint_url: str = ""
    s3_public_endpoint_url: str = Field(
        "", description="The endpoint as browsers reach it, when it differs."
    )
    s3_bucket: str = "mediview"
    s3_access_key_id: str = ""
    s3_secret_access_key: SecretStr = SecretStr("")
    s3_region: str = "us-east-1"
    s3_layout: Literal["instances", "volumes"] = Field(
        "instances", description="One object an instance, or whole volumes."
    )
    acknowledge: Literal["disk", "bucket"] = Field(
        "disk",
        description="When a sender hears that an instance is stored: once it is durable on the"
        " receiving host's disk, or once the bucket has it as well.",
    )
    acknowledge_within_s: float = Field(
        20.0,
        gt=0,
        le=600,
        description="How long a sender waits for the bucket (acknowledge=bucket) before it is"
        " refused for now.",
    )
    own_disks: bool = Field(
        False,
        description="Each host has a data folder of its own: the database, Redis and the bucket are"
        " all that they share.",
    )
    host_keys_dir: Path | None = Field(
        None,
        description="Folder with the keys of all hosts (own_disks), which a data folder without"
        " them gets at its first start.",
    )
    s3_redirect: Literal["never", "asked", "always"] = Field(
        "asked",
        description="Send who retrieves an instance to the bucket itself: where the request has"
        " 'Prefer: redirect', always, or never.",
    )

    @model_validator(mode="after")
    def _check_acknowledge(self) -> Self:
        if self.acknowledge == "bucket" and not (
            self.database_url.startswith("postgresql")
            and self.object_store == "s3"
            and self.s3_layout == "instances"
        ):
            raise ValueError(
                "acknowledge is bucket: that needs a database_url of PostgreSQL, object_store s3"
                " and s3_layout instances"
            )
        return self

    @property
    def several_write_objects(self) -> bool:
        """Whether more than the one that does the housekeeping copies instances to the bucket."""
        return self.own_disks or self.acknowledge == "bucket"
