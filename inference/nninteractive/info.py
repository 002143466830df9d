"""What a model of nnInteractive says of itself: `inference_info.json`, or the file of its first
release, read within bounds."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, RootModel, model_validator

from inference.models.cards.card_file import parsed

INFO_FILE, OLD_INFO_FILE = "inference_info.json", "inference_session_class.json"
Kind = Literal["point", "box", "scribble", "lasso"]

_CHANNELS_AT_MOST = 16
_Channel = Annotated[int, Field(ge=-_CHANNELS_AT_MOST, lt=_CHANNELS_AT_MOST)]
_Thickness = Annotated[float, Field(gt=0, le=64)]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Interactions(_Read):
    """Left out: as models of the first release, which take no boxes of several slices."""

    scribble: bool = True
    lasso: bool = True
    points: bool = True
    bbox2d: bool = True
    bbox3d: bool = False


class _Channels(_Read):
    """Of the network's input behind the image: for what belongs to the structure, and for what
    does not."""

    prev_seg: _Channel = 0
    bbox2d: tuple[_Channel, _Channel] = (1, 2)
    bbox3d: tuple[_Channel, _Channel] = (1, 2)
    lasso: tuple[_Channel, _Channel] = (1, 2)
    points: tuple[_Channel, _Channel] = (3, 4)
    scribble: tuple[_Channel, _Channel] = (5, 6)


class InfoFile(_Read):
    inference_class: str = Field("", max_length=100)
    point_radius: Annotated[int, Field(ge=1, le=64)] = 4
    scribble_thickness: tuple[_Thickness, _Thickness, _Thickness] | _Thickness = Field(
        2.0, validation_alias=AliasChoices("preferred_scribble_thickness", "scribble_thickness")
    )
    interaction_decay: float = Field(0.98, gt=0, le=1)
    pad_mode_image: Literal["constant"] = "constant"
    supported_interactions: _Interactions = _Interactions()
    channel_mapping: _Channels = _Channels()
    supports_initial_label: bool = True
    interaction_channels: Annotated[int, Field(ge=2, lt=_CHANNELS_AT_MOST)] | None = None

    @model_validator(mode="after")
    def _takes_something(self) -> "InfoFile":
        if not self.kinds:
            raise ValueError("supported_interactions leaves nothing that the node could give it")
        return self

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What the model can be shown."""
        takes = self.supported_interactions
        known: tuple[tuple[Kind, bool], ...] = (
            ("point", takes.points),
            ("box", takes.bbox2d or takes.bbox3d),
            ("scribble", takes.scribble),
            ("lasso", takes.lasso),
        )
        return tuple(kind for kind, is_taken in known if is_taken)

    @property
    def takes_thick_boxes(self) -> bool:
        """Whether a box may span several slices along each axis."""
        return self.supported_interactions.bbox3d

    @property
    def thickness(self) -> tuple[float, float, float]:
        """Of a scribble, in voxels of each axis of what the model sees."""
        stated = self.scribble_thickness
        return stated if isinstance(stated, tuple) else (stated, stated, stated)


class _OldInfoFile(RootModel[InfoFile | str]):
    """A bare name is that of the class which ran the model."""


def info_file_of(folder: Path) -> Path | None:
    """Where a model describes itself; None: it is none of nnInteractive."""
    files = (folder / INFO_FILE, folder / OLD_INFO_FILE)
    return next((one for one in files if one.is_file()), None)


def read_info(folder: Path) -> InfoFile:
    """Raises InvalidRequest naming what is wrong."""
    path = info_file_of(folder) or folder / INFO_FILE
    if path.name == INFO_FILE:
        return parsed(InfoFile, path)
    stated = parsed(_OldInfoFile, path).root
    return stated if isinstance(stated, InfoFile) else InfoFile(interaction_decay=0.9)
