"""Key images as a selection holds them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyImage:
    """`frame_number` is None where the whole instance is meant."""

    sop_instance_uid: str
    frame_number: int | None


@dataclass(frozen=True)
class KeyImages:
    """One selection. `title` is a name of `TITLES`, or the meaning of a foreign one."""

    sop_instance_uid: str
    series_instance_uid: str
    title: str
    description: str
    author: str
    images: tuple[KeyImage, ...]
