"""What a card says of several series that a model takes at once, each by its role."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from inference.models.cards.card_words import meant
from inference.rules.conditions import ConditionOfArrival, Strict


class CardResult(Strict):
    """What another pipeline found in the study; its mask is the input."""

    pipeline: str = Field("", max_length=80)
    """Its name, as `mediview models list` has it."""
    segments: tuple[tuple[str, str], ...] = ()
    """Code and scheme designator of what is meant: `[["39607008", "SCT"]]`; left out, all."""
    values: tuple[float, float] = (0.0, 1.0)
    """What the model is given outside and inside of the mask, before its own preprocessing."""
    form: Literal["mask", "findings", "boxes"] = "mask"
    """`findings`: numbers, answers and boxes, without a mask, for containers; `boxes`: those in one
    of several images, for networks."""
    of: str = ""
    """Of boxes: the input in whose image they lie."""

    @model_validator(mode="after")
    def _says_which(self) -> "CardResult":
        if self.form != "mask" and (not self.pipeline or self.segments):
            raise ValueError(
                f'result_of with form "{self.form}" names a pipeline and no segments: all that it'
                " stated is given"
            )
        if bool(self.of) != (self.form == "boxes"):
            raise ValueError('of names the image in which boxes lie, and goes with form "boxes"')
        if not self.pipeline and not self.segments:
            raise ValueError("result_of names a pipeline, segments, or both")
        if self.values[0] == self.values[1]:
            raise ValueError("values of result_of are the same outside and inside")
        return self


BESIDE_INPUTS = "goes with single images; beside inputs a prior is an input with prior_of"


_RoiName = Annotated[str, Field(min_length=1, max_length=64)]


class CardStructures(Strict):
    """What somebody contoured on the reference (RTSTRUCT); the mask of all that is meant is the
    input."""

    names: tuple[_RoiName, ...] = Field((), max_length=50)
    """Of ROIs, whatever their case: `["PTV", "PTV 60"]`."""
    codes: tuple[tuple[str, str], ...] = Field((), max_length=50)
    """Code and scheme designator of what an ROI is identified as."""
    values: tuple[float, float] = (0.0, 1.0)
    """What the model is given outside and inside of the mask, before its own preprocessing."""

    @model_validator(mode="after")
    def _says_which(self) -> "CardStructures":
        if not self.names and not self.codes:
            raise ValueError("structures names names, codes, or both")
        if self.values[0] == self.values[1]:
            raise ValueError("values of structures are the same outside and inside")
        return self


class CardInput(Strict):
    """One of several series that a model takes at once, by its role."""

    accepts: ConditionOfArrival | None = None
    """Of a prior: left out, that of the input that it is the prior of."""
    title: str = Field("", max_length=64)
    """For people: "FLAIR"."""
    required: bool = True
    """What is not there and not required is given as zeros."""
    registration: Literal["none", "rigid"] = "none"
    """`rigid`: moved onto the reference as the images themselves say, and taken from another Frame
    of Reference as well; `none`: by the Frame of Reference that it shares with the reference."""
    prior_of: str = ""
    """The input of which it is the prior: of the nearest earlier study of the patient that has a
    series like it."""
    within_days: float | None = Field(None, gt=0, le=36_500)
    """Of a prior: how long before the study."""
    result_of: CardResult | None = None
    """A result of another pipeline, in place of a series."""
    structures: CardStructures | None = None
    """Contours of a structure set of the reference, in place of a series."""

    @model_validator(mode="after")
    def _either(self) -> "CardInput":
        if not self.prior_of and self.within_days is not None:
            raise ValueError("within_days is of a prior; name what it is the prior_of")
        if self.prior_of and self.within_days is None:
            raise ValueError("prior_of needs within_days: how many days before the study")
        if self.structures is not None:
            stated = (self.accepts, self.result_of, self.prior_of or None)
            if any(one is not None for one in stated) or self.registration != "none":
                raise ValueError(
                    "structures have neither accepts, result_of, prior_of nor registration: they"
                    " lie where the reference lies"
                )
            return self
        if self.result_of is not None:
            if self.accepts is not None or self.prior_of or self.registration != "none":
                raise ValueError(
                    "result_of has neither accepts, prior_of nor registration: a result lies where"
                    " the series lies that it was found in"
                )
            return self
        if not self.prior_of and self.accepts is None:
            raise ValueError("accepts is missing; only a prior goes by that of another input")
        return self


class CardImagePrior(Strict):
    """Of a model of single images: each is given with that of an earlier study."""

    within_days: float = Field(gt=0, le=36_500)
    required: bool = True
    """A prior that is not there and not required is black, or not given."""


class CardRegistrationLimits(Strict):
    """Of registered inputs: what two searches may disagree about."""

    caveat_above_mm: Annotated[float, Field(gt=0)] = 3.0
    refuse_above_mm: Annotated[float, Field(gt=0)] = 6.0

    @model_validator(mode="after")
    def _ascending(self) -> "CardRegistrationLimits":
        if self.caveat_above_mm > self.refuse_above_mm:
            raise ValueError("caveat_above_mm lies above refuse_above_mm")
        return self


def check_reference(reference: str, inputs: Mapping[str, CardInput]) -> None:
    """Raises ValueError unless the reference names an input that is always there."""
    stated = inputs.get(reference)
    if stated is None or not stated.required:
        raise ValueError(
            f"reference must name a required input: {', '.join(inputs)}{meant(reference, inputs)}"
        )
    if stated.result_of is not None:
        raise ValueError("the reference is a series, and cannot be a result of another pipeline")
    if stated.structures is not None:
        raise ValueError("the reference is a series, and cannot be its structures")
    if stated.prior_of:
        raise ValueError("the reference is of the study itself, and cannot be a prior")
    if stated.registration != "none":
        raise ValueError("the reference is what the others are registered to")


def check_priors(inputs: Mapping[str, CardInput]) -> None:
    """Raises ValueError where a prior is one of what the card does not have."""
    own = [
        name
        for name, one in inputs.items()
        if not one.prior_of and one.result_of is None and one.structures is None
    ]
    prior_of: dict[str, str] = {}
    for name, one in inputs.items():
        if not one.prior_of:
            continue
        if one.prior_of not in own:
            raise ValueError(
                f"prior_of of {name} is '{one.prior_of}', and must name an input of the study"
                f" itself: {', '.join(own)}{meant(one.prior_of, own)}"
            )
        if one.prior_of in prior_of:
            raise ValueError(f"{prior_of[one.prior_of]} and {name} are priors of {one.prior_of}")
        if one.required and not inputs[one.prior_of].required:
            raise ValueError(f"{name} is required, and {one.prior_of}, of which it is one, is not")
        prior_of[one.prior_of] = name
