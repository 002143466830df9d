"""One row of a site's file of reference values."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from inference.normal_ranges.distribution import Distribution, NormalDistribution
from inference.normal_ranges.reference import ReferenceValues

# DICOM writes units and labels as LO and SH of 64 and 16 characters.
_Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
_Unit = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,16}$")]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Age = Annotated[float, Field(ge=0, le=150)]


class SiteRow(BaseModel):
    """Limits, mean and standard deviation, or L, M and S; limits may stand beside the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: _Label
    """Of the measurement as the findings name it: "Left hippocampus volume"."""
    unit: _Unit
    source: Annotated[_Text, StringConstraints(min_length=1)]
    pipeline: Annotated[str, StringConstraints(max_length=80)] = ""
    sex: Literal["", "M", "F"] = ""
    age_from: _Age | None = None
    age_to: _Age | None = None
    low: _Number | None = None
    high: _Number | None = None
    mean: _Number | None = None
    sd: _Positive | None = None
    # Beyond these no published table is, and powers leave what a float holds.
    l: Annotated[_Number, Field(ge=-20, le=20)] | None = None  # noqa: E741 - its name in the method
    m: _Positive | None = None
    s: Annotated[_Positive, Field(lt=2)] | None = None
    caveat: _Text = ""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:
        """A cell of a table that is empty says nothing."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value not in ("", None)}

    @model_validator(mode="after")
    def _agrees(self) -> "SiteRow":
        lms, gaussian = (self.l, self.m, self.s), (self.mean, self.sd)
        if any(one is not None for one in lms) and any(one is None for one in lms):
            raise ValueError("l, m and s stand together")
        if any(one is not None for one in gaussian) and any(one is None for one in gaussian):
            raise ValueError("mean and sd stand together")
        if self.l is not None and self.mean is not None:
            raise ValueError("states l, m and s as well as mean and sd; leave one of them out")
        if (self.low, self.high, self.l, self.mean) == (None, None, None, None):
            raise ValueError("states no values: give low or high, mean and sd, or l, m and s")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low is {self.low:g} and high is {self.high:g}; exchange them")
        if (self.age_from is None) != (self.age_to is None):
            raise ValueError("age_from and age_to stand together; 0 and 150 leave an end open")
        if self.age_from is not None and self.age_to is not None and self.age_from > self.age_to:
            raise ValueError(f"age_from is {self.age_from:g} and age_to is {self.age_to:g}")
        return self

    @property
    def values(self) -> ReferenceValues:
        distribution: Distribution | NormalDistribution | None = None
        if self.l is not None and self.m is not None and self.s is not None:
            distribution = Distribution(self.l, self.m, self.s)
        elif self.mean is not None and self.sd is not None:
            distribution = NormalDistribution(self.mean, self.sd)
        ages = None
        if self.age_from is not None and self.age_to is not None:
            ages = self.age_from, self.age_to
        return ReferenceValues(
            label=self.label,
            unit=self.unit,
            low=self.low,
            high=self.high,
            source=self.source,
            sex=self.sex,
            age_years=ages,
            distribution=distribution,
            caveat=self.caveat,
            pipeline=self.pipeline,
        )
