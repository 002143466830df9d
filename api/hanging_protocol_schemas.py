"""What a hanging protocol says: viewports, the layouts that hold them, and when they apply."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from api.base_schemas import FewMistakes
from inference.series_classification.series_roles import SeriesRole

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class _Part(FewMistakes):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HangingWindow(_Part):
    """A window, in the values of the image (HU for CT)."""

    center: float = Field(allow_inf_nan=False, examples=[-600])
    width: float = Field(gt=0, allow_inf_nan=False, examples=[1500])


class HangingViewport(_Part):
    """What one viewport shows: a series, or images of one, that meet every condition.

    What another viewport of the layout shows already is not shown again.
    """

    study: Literal["current", "prior"] = Field(
        "current", description="`prior`: the newest earlier study with a series of the modality."
    )
    modalities: list[Word] = Field([], max_length=20, description="One of these; empty: any.")
    description_contains: list[Word] = Field(
        [], max_length=20, description="One of these words, in any case; empty: any description."
    )
    description_lacks: list[Word] = Field([], max_length=20, description="None of these words.")
    laterality: Literal["", "R", "L"] = Field(
        "", description="Image Laterality (0020,0062), else Laterality (0020,0060); empty: any."
    )
    views: list[Word] = Field(
        [],
        max_length=20,
        description="View Position (0018,5101) or what View Code Sequence (0054,0220) says, such"
        " as `CC` or `MLO`, of a nuclear medicine detector `ANT` or `POST`; empty: any.",
    )
    role: Literal[""] | SeriesRole = Field(
        "",
        description="One of the `roles` of the series, as the study states them; of a mammogram or"
        " radiograph the images of that view. Empty: any.",
    )
    kind: Literal["", "usual", "special", "implant_displaced", "tomosynthesis"] = Field(
        "",
        description="Of mammograms, by View Modifier Code Sequence (0054,0222) and the number of"
        " frames: usual views; special ones (spot, magnified, rolled …); usual ones with the"
        " implant displaced; tomosynthesis. Empty: any, usual ones first.",
    )
    each_image: bool = Field(
        False, description="One image of a series, as of radiographs, and not the whole series."
    )
    window: HangingWindow | None = None
    required: bool = Field(
        True, description="Without such a series this layout is not shown at all."
    )


class HangingStage(_Part):
    """One layout: viewports row by row."""

    name: Word = Field(examples=["Four views"])
    rows: int = Field(ge=1, le=3)
    columns: int = Field(ge=1, le=3)
    linked: bool = Field(False, description="Scroll the viewports together.")
    fused: bool = Field(
        False,
        description="Three planes through the series of the first viewport, with that of the second"
        " over it in colour, as of a PET over its CT. A stage is left out where the two share no"
        " frame of reference; a protocol's first layout shows them beside each other then.",
    )
    viewports: list[HangingViewport] = Field(min_length=1, max_length=9)

    @model_validator(mode="after")
    def _two_are_fused(self) -> Self:
        if self.fused and len(self.viewports) != 2:
            raise ValueError(
                f"two viewports are fused; {len(self.viewports)} are described. Describe the one"
                " of anatomy first, then the one that is laid over it"
            )
        return self

    @model_validator(mode="after")
    def _as_many_as_fit(self) -> Self:
        if len(self.viewports) > self.rows * self.columns:
            raise ValueError(
                f"{self.rows} × {self.columns} has room for {self.rows * self.columns} viewports;"
                f" {len(self.viewports)} are described"
            )
        return self


class HangingProtocol(HangingStage):
    """When it applies, and what it shows first; its stages follow one after the other."""

    name: Word = Field(examples=["Chest CT beside its prior"])
    modalities: list[Word] = Field([], max_length=20, description="Of a series of the study.")
    body_parts: list[Word] = Field(
        [],
        max_length=20,
        description="Found in BodyPartExamined or in a description; empty: any part.",
    )
    stages: list[HangingStage] = Field(
        [],
        max_length=19,
        description="What the reader goes on to. A stage that lacks what it requires, or has"
        " viewports for a prior and none for them, is left out; so is one that asks for special"
        " views, displaced implants or tomosynthesis, and finds none.",
    )


class HangingProtocols(_Part):
    """Tried in this order; the first that applies is taken. None: one viewport."""

    protocols: list[HangingProtocol] = Field([], max_length=200)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [one.name for one in self.protocols]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two protocols are named {name!r}")
        return self
