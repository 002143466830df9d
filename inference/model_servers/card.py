"""What a card says of a model that a server computes by the Open Inference Protocol."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from inference.rules.conditions import Strict

Datatype = Literal["FP16", "FP32", "FP64", "UINT8", "INT8", "INT16", "INT32", "INT64"]
# They stand in a path.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
_Dimension = Annotated[int, Field(ge=-1, le=65_536)]


class ServedTensor(Strict):
    """A tensor as the server names it. A dimension of -1 may be of any size."""

    name: str = Field(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")
    datatype: Datatype = "FP32"
    shape: tuple[_Dimension, ...] = Field(min_length=2, max_length=5)
    layout: str = ""
    """The order of its axes: N (batch), C (channels, classes), X, Y, Z of the card's orientation,
    or H (rows) and W (columns) of single images. Left out: NCXYZ, NCHW or NC."""

    @property
    def axes(self) -> str:
        return self.layout or {2: "NC", 4: "NCHW", 5: "NCXYZ"}.get(len(self.shape), "")

    @model_validator(mode="after")
    def _fits(self) -> "ServedTensor":
        if sorted(self.axes) not in (sorted("NC"), sorted("NCHW"), sorted("NCXYZ")):
            raise ValueError("layout has each of N, C and X, Y, Z (or H, W) once")
        if len(self.axes) != len(self.shape):
            raise ValueError(f"shape has {len(self.shape)} dimensions, layout {len(self.axes)}")
        if 0 in self.shape:
            raise ValueError("a dimension is -1 or at least 1")
        return self


class ServedModel(Strict):
    """Which server computes the model, and its tensors."""

    server: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    """One of MEDIVIEW_MODEL_SERVERS."""
    model: _Name
    version: _Name | Literal[""] = ""
    """Left out: the server's own choice, which the results state."""
    input: ServedTensor
    output: ServedTensor
    binary: bool | None = None
    """Tensors as bytes behind the JSON; left out: where the server says that it can."""

    @model_validator(mode="after")
    def _same_axes(self) -> "ServedModel":
        if self.output.axes != "NC" and sorted(self.output.axes) != sorted(self.input.axes):
            raise ValueError("output has the axes of the input, or N and C alone")
        if not self.input.datatype.startswith("FP"):
            raise ValueError("the input is of floating point: FP16, FP32 or FP64")
        return self

    @property
    def path(self) -> str:
        return f"/v2/models/{self.model}" + (f"/versions/{self.version}" if self.version else "")
