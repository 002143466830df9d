"""The measured costs that `mediview plan` reckons with, read from `measured_costs.yaml`."""

import datetime
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

_FILE = Path(__file__).parent / "measured_costs.yaml"
_PIPELINE = "pipeline_"
_CT_COUNT = 1000


class Cost(BaseModel):
    """One measurement, with all that is needed to make it again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    value: float = Field(gt=0)
    unit: str
    command: str
    machine: str
    date: datetime.date
    commit: str = Field(pattern=r"^[0-9a-f]{8,40}$")
    size_bytes: int = Field(0, ge=0)
    instances: int = Field(0, ge=0)
    cores: int = Field(0, ge=0)
    peak_memory_bytes: int = Field(0, ge=0)


class Costs:
    """What one instance, series or job takes."""

    def __init__(self, measured: dict[str, Cost]) -> None:
        self.measured = measured

    def receiving_cpu_s(self, size_bytes: float) -> float:
        """Of one instance of that size: a line through the two that were measured."""
        small, large = self.measured["receive_small"], self.measured["receive_ct"]
        by_byte = (large.value - small.value) / (large.size_bytes - small.size_bytes)
        return (small.value + by_byte * (size_bytes - small.size_bytes)) / _CT_COUNT

    def copying_cpu_s(self, size_bytes: float) -> float:
        """Of one instance to the bucket; what a large one takes more is in proportion."""
        copying = self.measured["copy_to_bucket"]
        share = max(size_bytes / copying.size_bytes, 1.0)
        return copying.value * share / _CT_COUNT

    @property
    def deciding_cpu_s(self) -> float:
        """Of one instance: its header is read, and its series is decided on."""
        deciding = self.measured["decide_series"]
        return deciding.value / deciding.instances

    @property
    def serving_cpu_s(self) -> float:
        """Of one instance to a reader."""
        return self.measured["serve_instance"].value

    @property
    def sending_cpu_s(self) -> float:
        """Of one instance to another system."""
        return self.measured["send_instance"].value

    @property
    def row_bytes(self) -> float:
        """Of one instance in PostgreSQL, indexes included."""
        rows = self.measured["database_rows"]
        return rows.value / rows.instances

    @property
    def host_memory_bytes(self) -> float:
        """Of the processes of a host that run no pipelines."""
        return self.measured["host_memory"].value

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The names of those that were measured."""
        return tuple(
            name.removeprefix(_PIPELINE).replace("_", "-")
            for name in self.measured
            if name.startswith(_PIPELINE)
        )

    def pipeline(self, name: str) -> Cost:
        """Of one job, without a GPU. Raises KeyError where it was not measured."""
        return self.measured[_PIPELINE + name.replace("-", "_")]


@cache
def measured_costs() -> Costs:
    """Those that the program is shipped with."""
    found = yaml.safe_load(_FILE.read_text("utf-8"))
    return Costs(TypeAdapter(dict[str, Cost]).validate_python(found))
