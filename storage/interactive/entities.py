"""A session of an interactive model as the API and a worker share it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict

State = Literal["opening", "ready", "ended"]
POINTS_AT_MOST = 200
SHAPES_AT_MOST, POINTS_OF_A_SHAPE_AT_MOST = 50, 2000


class Point(TypedDict):
    """LPS in mm; `inside` is false for a point that the structure must not contain."""

    lps_mm: tuple[float, float, float]
    inside: bool


class Shape(TypedDict):
    """A scribble or a lasso by the points of its line, a box by two opposite corners; LPS in mm.
    `inside` is false for what the structure must not contain."""

    kind: Literal["box", "scribble", "lasso"]
    inside: bool
    lps_mm: list[tuple[float, float, float]]


class InitialMask(TypedDict):
    """The segment of a stored Segmentation of the study with which the model is to begin."""

    sop_instance_uid: str
    segment_number: int


Box = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Two opposite corners, LPS in mm; its edges run along the axes of the volume."""


class Grid(TypedDict):
    """The volume: its shape, where its voxels lie, and of which frames its slices are."""

    slices: int
    rows: int
    columns: int
    lps_from_kji: list[list[float]]
    sources: list[tuple[str, int]]


class MaskPlace(TypedDict):
    """Of the part of the volume that a mask states: its first voxel and its shape, (k, j, i)."""

    start: tuple[int, int, int]
    shape: tuple[int, int, int]


class SessionProblem(TypedDict):
    code: str
    detail: str
    remedy: str


class Acceptance(TypedDict):
    """By whom the mask is accepted, and under which name and code it is saved; empty: as the model
    names it."""

    author_name: str
    author_id: str
    is_person: bool
    label: str
    code: tuple[str, str, str] | None


@dataclass(frozen=True)
class InteractiveSession:
    """`answered` follows `wanted`: the number of the last change, and of that in the mask.

    It is read again and again, so what is large (the grid, the mask) is read apart.
    """

    session_id: str
    study_instance_uid: str
    series_instance_uid: str
    pipeline: str
    pipeline_version: str
    structure: str
    owner_id: str
    state: State
    reason: str
    points: list[Point]
    box: Box | None
    shapes: list[Shape]
    initial: InitialMask | None
    wanted: int
    answered: int
    problem: SessionProblem | None
    mask_place: MaskPlace | None
    voxels: int
    took_ms: int
    acceptance: Acceptance | None
    job_id: str
    lease_owner: str
    lease_expires_at: datetime | None
    created_at: datetime
    used_at: datetime

    @property
    def is_waiting(self) -> bool:
        """Whether the worker owes something: its opening, a mask, or the saving."""
        return self.state == "opening" or (
            self.state == "ready" and (self.answered < self.wanted or self.acceptance is not None)
        )
