"""`mediview.json`, the card that an operator puts beside a model: what nobody else can say.

Which series are taken (in the language of the site's rules), codes and colours of what it
finds, the gate before it may become active, and what is normal.
"""

import stat
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from inference.models.card import (
    AlgorithmFamily,
    CriticalLimit,
    FixedGrid,
    GateThreshold,
    OnTruncation,
    Role,
)
from inference.models.card_inputs import (
    CardInput,
    CardRegistrationLimits,
    check_priors,
    check_reference,
)
from inference.models.card_numbers import check_numbers
from inference.models.card_words import card_invalid
from inference.models.population import OnOutside, Population
from inference.normal_ranges.distribution import Distribution, NormalDistribution
from inference.normal_ranges.reference import ReferenceValues
from inference.rules.conditions import Condition, ConditionOfArrival, Strict
from inference.rules.critical_rule import CriticalLimits
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.untrusted_input.bounded_json import load_bounded_json

CARD_FILE = "mediview.json"
METRICS = (
    "cases",
    "failures",
    "dice",
    "dice_minimum",
    "surface_dice",
    "hausdorff95_mm",
    "volume_error_percent",
    "volume_bias_percent",
)
"""What an evaluation measures over all cases and segments, and a gate may ask."""
_MAX_BYTES = 4 * 1024 * 1024
_MAX_ELEMENTS = 100_000
_Model = TypeVar("_Model", bound=BaseModel)
_Code = tuple[str, str, str]
_Colour = Annotated[int, Field(ge=0, le=255)]


class CardSegment(Strict):
    """How one channel, label value or class becomes a coded finding."""

    label: str = Field(min_length=1, max_length=64)
    code: _Code
    """Value, scheme designator, meaning: `["78961009", "SCT", "Spleen"]`."""
    category: _Code = ("123037004", "SCT", "Anatomical Structure")
    laterality: Literal["left", "right"] | None = None
    color_rgb: tuple[_Colour, _Colour, _Colour] | None = None
    measurable: bool | None = None
    """Of lesions: whether sums in the manner of RECIST 1.1 may go by them; else by the type."""


class CardThreshold(Strict):
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "CardThreshold":
        if self.at_least is None and self.at_most is None:
            raise ValueError("says nothing; use at_least or at_most")
        return self


class CardRange(Strict):
    """What is normal for one measurement, and who says so: limits, a distribution, or both."""

    label: str = Field(min_length=1)
    """Of the measurement: "Spleen volume"."""
    unit: str = Field(min_length=1)
    source: str = Field(min_length=1)
    sex: Literal["", "M", "F"] = ""
    age_years: tuple[float, float] | None = None
    """An upper end in whole years holds until the next birthday."""
    at_least: float | None = None
    at_most: float | None = None
    mean_sd: tuple[float, Annotated[float, Field(gt=0)]] | None = None
    """Mean and standard deviation."""
    lms: tuple[float, Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = None
    """L, M and S of the LMS method."""
    caveat: str = Field("", max_length=300)
    """Why a value outside is not to be called low or high."""

    @model_validator(mode="after")
    def _says_something(self) -> "CardRange":
        if (self.at_least, self.at_most, self.mean_sd, self.lms) == (None, None, None, None):
            raise ValueError("says nothing; use at_least, at_most, mean_sd or lms")
        if self.mean_sd is not None and self.lms is not None:
            raise ValueError("has mean_sd and lms; leave one of them out")
        return self

    @property
    def values(self) -> ReferenceValues:
        """As a model's card keeps it."""
        distribution: Distribution | NormalDistribution | None = None
        if self.lms is not None:
            distribution = Distribution(*self.lms)
        elif self.mean_sd is not None:
            distribution = NormalDistribution(*self.mean_sd)
        return ReferenceValues(
            label=self.label,
            unit=self.unit,
            low=self.at_least,
            high=self.at_most,
            source=self.source,
            sex=self.sex,
            age_years=self.age_years,
            distribution=distribution,
            caveat=self.caveat,
        )


class CardPopulation(Strict):
    """For whom and for which images the model was made; ranges include their ends."""

    age_years: tuple[float, float] | None = None
    sex: tuple[Literal["M", "F", "O"], ...] = ()
    field_strength_t: tuple[float, float] | None = None
    manufacturers: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    contrast_agent: bool | None = None
    slice_thickness_mm: tuple[float, float] | None = None
    kvp: tuple[float, float] | None = None
    pathology: str = Field("", max_length=300)
    source: str = Field("", max_length=300)
    on_outside: OnOutside = "caveat"

    @model_validator(mode="after")
    def _ascending(self) -> "CardPopulation":
        for name in ("age_years", "field_strength_t", "slice_thickness_mm", "kvp"):
            limits = getattr(self, name)
            if limits is not None and limits[0] > limits[1]:
                raise ValueError(f"{name} begins above its end")
        return self


class CardFixedGrid(Strict):
    """The grid on which the model sees every series alike, by its authors' or the site's word."""

    edge_mm: float = Field(gt=0, le=20)
    reason: str = Field(min_length=1, max_length=300)


class Card(Strict):
    """`mediview.json`; everything may be left out."""

    title: str = Field("", max_length=64)
    licence: str = ""
    intended_use: str = "Research use only."
    training_data: str = "Not stated."
    revision: str = Field("", max_length=80)
    accepts: ConditionOfArrival | None = None
    accepts_text: str = ""
    inputs: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")], CardInput] = Field({})
    """Several series as channels of one image, in this order; `accepts` is left out then."""
    reference: str = ""
    """The input onto whose grid the others are resampled, and on which results lie."""
    results_on: Literal["reference", "each"] = "reference"
    """`each`: masks also on the grids of the other inputs, in Segmentations of their own."""
    registration_limits: CardRegistrationLimits | None = None
    """Beyond them results carry a caveat, or the input is refused."""
    segments: dict[Annotated[str, Field(pattern=r"^\d+$")], CardSegment] = Field({})
    gate: dict[str, CardThreshold] = Field({})
    normal_ranges: tuple[CardRange, ...] = ()
    critical: tuple[CriticalLimits, ...] = ()
    """What must not wait until somebody reads the report, as the model's authors see it."""
    """Limits that raise an alert, beside those of the site's rules."""
    gantry_tilt: Literal["refuse", "resample"] = "refuse"
    """Slices of a tilted gantry: refused, or resampled upright, which the results state."""
    on_truncation: OnTruncation = "mark"
    """Structures that the images cut off: measured and marked as truncated, or refused."""
    population: CardPopulation = CardPopulation()
    """Outside of it the results carry a caveat, or the series is refused (`on_outside`)."""
    fixed_grid: CardFixedGrid | None = None
    """Whether the model resamples every series to one grid along the axes of the patient: changes
    of volume are then stated from smaller ones on."""
    role: Role = "results"
    """`deface`: its segments are what a research project overwrites before images leave."""
    algorithm_family: AlgorithmFamily = "artificial intelligence"
    """What else it is by, results do not call AI."""
    score_at_least: float = Field(0.5, ge=0, le=1)
    """Boxes of which a detector is less sure are left out."""

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_some(cls, stated: Any) -> Any:
        check_numbers(stated)
        return stated

    @model_validator(mode="after")
    def _known_metrics(self) -> "Card":
        unknown = sorted(self.gate.keys() - set(METRICS))
        if unknown:
            raise ValueError(f"gate knows no {unknown[0]}; it knows {', '.join(METRICS)}")
        return self

    @model_validator(mode="after")
    def _inputs_fit(self) -> "Card":
        if self.role == "deface" and self.inputs:
            raise ValueError("role deface asks for a model of one series, and the card has inputs")
        registered = any(one.registration == "rigid" for one in self.inputs.values())
        if self.registration_limits is not None and not registered:
            raise ValueError("registration_limits stands where an input is registered")
        if not self.inputs:
            if self.results_on == "each":
                raise ValueError("results_on each asks for inputs, and the card has none")
            if self.reference:
                raise ValueError("reference names an input, and the card has no inputs")
            return self
        if self.accepts is not None:
            raise ValueError("accepts stands in each of the inputs, and not beside them")
        check_reference(self.reference, self.inputs)
        check_priors(self.inputs)
        if self.gantry_tilt == "resample":
            raise ValueError("gantry_tilt cannot be resampled of several inputs")
        if self.gate:
            raise ValueError("gate asks for an evaluation, and several inputs have none yet")
        return self

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that it asks of series."""
        stated = (self.accepts, *(one.accepts for one in self.inputs.values()))
        return tuple(one for one in stated if one is not None)

    @property
    def thresholds(self) -> tuple[GateThreshold, ...]:
        return tuple(
            GateThreshold(metric, one.at_least, one.at_most) for metric, one in self.gate.items()
        )

    @property
    def ranges(self) -> tuple[ReferenceValues, ...]:
        return tuple(one.values for one in self.normal_ranges)


def population_of(card: Card) -> Population:
    """As a model's card keeps it."""
    return Population(**card.population.model_dump())


def fixed_grid_of(card: Card) -> FixedGrid | None:
    """As a model's card keeps it."""
    return None if card.fixed_grid is None else FixedGrid(**card.fixed_grid.model_dump())


def critical_limits(card: Card) -> tuple[CriticalLimit, ...]:
    """As a model's card keeps them."""
    return tuple(CriticalLimit(**one.model_dump()) for one in card.critical)


def check_card(folder: Path) -> None:
    """Raises InvalidRequest where the card of a folder is something else than a file."""
    card = folder / CARD_FILE
    if card.exists() and not card.is_file():
        raise InvalidRequest(f"{card} is not a file.", remedy="Put the model's card in its place.")


def stated_in(folder: Path) -> dict[str, Any]:
    """What the card of a folder states; nothing where there is none that can be read."""
    try:
        stated = read_json(folder / CARD_FILE)
    except (OSError, ValueError, InvalidRequest):
        return {}
    return stated if isinstance(stated, dict) else {}


def read_json(path: Path, max_elements: int = _MAX_ELEMENTS) -> Any:
    """A JSON file of a model, of so many values at most. Raises InvalidRequest, OSError,
    ValueError."""
    # Before it is opened: a pipe would be waited for.
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise InvalidRequest(f"{path} is not a file.", remedy="Check the model.")
    if found.st_size > _MAX_BYTES:
        raise InvalidRequest(f"{path} is larger than 4 MiB.", remedy="Check the model.")
    try:
        return load_bounded_json(path.read_bytes(), max_elements)
    except LimitExceeded as error:
        raise InvalidRequest(
            f"{path} cannot be used: {error.message}", remedy="Check the model."
        ) from error


def parsed(form: type[_Model], path: Path, max_elements: int = _MAX_ELEMENTS) -> _Model:
    """A JSON file of a model in its form. Raises InvalidRequest naming what is wrong.

    Its values are counted first: each that is wrong takes memory and words.
    """
    try:
        return form.model_validate(read_json(path, max_elements))
    except ValidationError as error:
        raise card_invalid(path, form, error) from error
    except (OSError, ValueError) as error:
        raise InvalidRequest(
            f"{path} cannot be used: it is not JSON.", remedy="Correct it, or get the model again."
        ) from error
