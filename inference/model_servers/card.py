"""What a card says of a model that a server computes by the Open Inference Protocol."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from inference.rules.conditions import Strict

Datatype = Literal["FP16", "FP32", "FP64", "UINT8", "INT8", "INT16", "INT32", "INT64"]
# They stand in a path.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
_Role = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
_Dimension = Annotated[int, Field(ge=-1, le=65_536)]


class NamedTensor(Strict):
    """A tensor as the server names it. A dimension of -1 may be of any size."""

    may_be_empty: ClassVar[bool] = False

    name: str = Field(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")
    datatype: Datatype = "FP32"
    shape: tuple[_Dimension, ...] = Field(min_length=1, max_length=5)

    @model_validator(mode="after")
    def _has_sizes(self) -> "NamedTensor":
        if 0 in self.shape:
            raise ValueError("a dimension is -1 or at least 1")
        return self


class ServedTensor(NamedTensor):
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
        return self

    def size_along(self, axis: str) -> int:
        return self.shape[self.axes.index(axis)]


class DetectionTensor(NamedTensor):
    """Of a detector: the boxes of one image, or a number for each of them."""

    may_be_empty: ClassVar[bool] = True


class ServedDetections(Strict):
    """The outputs of a detector. Each may have a first dimension for the batch of one."""

    boxes: DetectionTensor
    """Left, top, right, bottom in pixels of the model's grid: [-1, 4] or [1, -1, 4]."""
    labels: DetectionTensor
    scores: DetectionTensor
    """From 0 to 1."""
    images: DetectionTensor | None = None
    """Of several images given together: in which each box lies, from 0 in the card's order."""

    @model_validator(mode="after")
    def _fits(self) -> "ServedDetections":
        for name, one in self.by_name.items():
            last = (4,) if name == "boxes" else ()
            leading = one.shape[: len(one.shape) - len(last)]
            if one.shape[len(leading) :] != last or len(leading) not in (1, 2):
                shown = "[-1, 4] or [1, -1, 4]" if last else "[-1] or [1, -1]"
                raise ValueError(f"detections.{name} has a shape such as {shown}")
            if len(leading) == 2 and leading[0] not in (-1, 1):
                raise ValueError(f"detections.{name} is of one image: its first dimension is 1")
        if len({one.name for one in self.by_name.values()}) < len(self.by_name):
            raise ValueError("detections names one output twice")
        return self

    @property
    def by_name(self) -> dict[str, DetectionTensor]:
        """In the order in which the server is asked for them."""
        found = {"boxes": self.boxes, "labels": self.labels, "scores": self.scores}
        return found if self.images is None else {**found, "images": self.images}


class ServedModel(Strict):
    """Which server computes the model, and its tensors."""

    server: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    """One of MEDIVIEW_MODEL_SERVERS."""
    model: _Name
    version: _Name | Literal[""] = ""
    """Left out: the server's own choice, which the results state."""
    input: ServedTensor | None = None
    inputs: dict[_Role, ServedTensor] = Field({}, max_length=16)
    """In place of `input`: a tensor for each of the card's `inputs`, by its role."""
    output: ServedTensor | None = None
    detections: ServedDetections | None = None
    """In place of `output`, of a detector."""
    binary: bool | None = None
    """Tensors as bytes; left out: where the server says that it can, and always by gRPC."""

    @model_validator(mode="after")
    def _names_tensors(self) -> "ServedModel":
        if (self.input is None) == (not self.inputs):
            raise ValueError("names either input or inputs")
        if (self.output is None) == (self.detections is None):
            raise ValueError("names either output or detections")
        return self

    @model_validator(mode="after")
    def _same_axes(self) -> "ServedModel":
        first, *others = self.given
        if any(one.axes != first.axes for one in others):
            raise ValueError("inputs have the same axes")
        if len({one.name for one in self.given}) < len(self.given):
            raise ValueError("inputs name one tensor twice")
        if others and any(one.size_along("C") not in (-1, 1) for one in self.given):
            raise ValueError("each of inputs has one channel")
        output = self.output
        if output and output.axes != "NC" and sorted(output.axes) != sorted(first.axes):
            raise ValueError("output has the axes of the input, or N and C alone")
        if not all(one.datatype.startswith("FP") for one in self.given):
            raise ValueError("the input is of floating point: FP16, FP32 or FP64")
        return self

    @property
    def given(self) -> tuple[ServedTensor, ...]:
        """What the server is given: one tensor with all channels, or one for each channel."""
        return tuple(self.inputs.values()) if self.input is None else (self.input,)

    @property
    def asked(self) -> tuple[NamedTensor, ...]:
        """The outputs that it is asked for."""
        if self.output is not None:
            return (self.output,)
        return tuple(self.detections.by_name.values()) if self.detections else ()

    @property
    def path(self) -> str:
        return f"/v2/models/{self.model}" + (f"/versions/{self.version}" if self.version else "")


class ServedImages(ServedModel):
    """Of single images."""

    heat_map: ServedTensor | None = None
    """Of a classification: the heat map that the model gives itself, on a grid of its own."""

    @model_validator(mode="after")
    def _is_of_images(self) -> "ServedImages":
        if self.heat_map is not None and sorted(self.heat_map.axes) != sorted("NCHW"):
            raise ValueError("heat_map has the axes N, C, H and W")
        return self

    @property
    def for_heat(self) -> ServedModel | None:
        """The same, asked for the heat map instead."""
        if self.heat_map is None:
            return None
        return self.model_copy(update={"output": self.heat_map, "heat_map": None})
