"""`mediview.json`, the card that an operator puts beside a model: what nobody else can say.

Which series are taken (in the language of the site's rules), codes and colours of what it
finds, the gate before it may become active, and what is normal.
"""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from inference.models.card import (
    AlgorithmFamily,
    CriticalLimit,
    FixedGrid,
    GateThreshold,
    OnTruncation,
    Role,
)
from inference.models.cards.card_bounds import (
    CardCritical,
    CardPopulation,
    CardRange,
    CardThreshold,
    check_tests,
)
from inference.models.cards.card_gate import METRICS
from inference.models.cards.card_inputs import (
    CardInput,
    CardRegistrationLimits,
    check_priors,
    check_reference,
)
from inference.models.cards.card_numbers import check_numbers
from inference.models.cards.card_words import card_invalid
from inference.models.population import Population
from inference.normal_ranges.reference import ReferenceValues
from inference.pipeline_output import MORPHOLOGICALLY_ABNORMAL
from inference.rules.conditions import Condition, ConditionOfArrival, Strict
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.core.untrusted_input.bounded_json import RepeatedKey, load_bounded_json
from storage.core.untrusted_input.json_places import repeated_in

CARD_FILE = "mediview.json"
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
    may_be_absent: bool | None = None
    """Whether a series in which nothing is marked as it has a result; left out: of lesions alone,
    by the category."""

    @property
    def absence_is_a_result(self) -> bool:
        if self.may_be_absent is None:
            return self.category[0] == MORPHOLOGICALLY_ABNORMAL
        return self.may_be_absent


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
    critical: tuple[CardCritical, ...] = ()
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

    _forms: ClassVar[tuple[str, ...]] = ("mask",)
    """As what a result of another pipeline may be given."""

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_some(cls, stated: Any) -> Any:
        check_numbers(stated)
        return stated

    @model_validator(mode="after")
    def _known_metrics(self) -> "Card":
        metrics = self._metrics()
        unknown = sorted(self.gate.keys() - set(metrics))
        if unknown and metrics:
            raise ValueError(f"gate knows no {unknown[0]}; it knows {', '.join(metrics)}")
        return self

    def _metrics(self) -> tuple[str, ...]:
        """What an evaluation of such a model measures; empty: there is none yet."""
        return METRICS

    @model_validator(mode="after")
    def _tests_can_hold(self) -> "Card":
        for condition in self.conditions:
            check_tests(condition)
        return self

    @model_validator(mode="after")
    def _inputs_fit(self) -> "Card":
        if self.role == "deface" and self.inputs:
            raise ValueError("role deface asks for a model of one series, and the card has inputs")
        for role, given in self.inputs.items():
            if given.result_of and given.result_of.form not in self._forms:
                raise ValueError(
                    f'inputs.{role} has form "{given.result_of.form}", which such a model is not'
                    f" given; it takes: {', '.join(self._forms)}"
                )
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
        if self.gate and any(one.result_of for one in self.inputs.values()):
            raise ValueError(
                "gate asks for an evaluation, and there is none yet of results of other pipelines"
            )
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


def read_json(path: Path, max_elements: int = _MAX_ELEMENTS, *, unique_keys: bool = False) -> Any:
    """A JSON file of a model, of so many values at most. Raises InvalidRequest, OSError,
    ValueError."""
    # Before it is opened: a pipe would be waited for.
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise InvalidRequest(f"{path} is not a file.", remedy="Check the model.")
    if found.st_size > _MAX_BYTES:
        raise InvalidRequest(f"{path} is larger than 4 MiB.", remedy="Check the model.")
    body = path.read_bytes()
    try:
        return load_bounded_json(body, max_elements, unique_keys=unique_keys)
    except LimitExceeded as error:
        raise InvalidRequest(
            f"{path} cannot be used: {error.message}", remedy="Check the model."
        ) from error
    except RepeatedKey as error:
        twice = repeated_in(body.decode(json.detect_encoding(body)))
        raise InvalidRequest(
            f"{path} cannot be used: {twice.sentence if twice else error}",
            remedy="Leave one of the two out.",
        ) from error


def parsed(form: type[_Model], path: Path, max_elements: int = _MAX_ELEMENTS) -> _Model:
    """A JSON file of a model in its form. Raises InvalidRequest naming what is wrong.

    Its values are counted first: each that is wrong takes memory and words.
    """
    try:
        # Other tools write the other files, and read them as json does.
        is_card = path.name == CARD_FILE
        return form.model_validate(read_json(path, max_elements, unique_keys=is_card))
    except ValidationError as error:
        raise card_invalid(path, form, error) from error
    except (OSError, ValueError) as error:
        raise _not_json(path) from error


def completed(
    form: type[_Model], path: Path, left_out: Mapping[str, Any], in_place: Mapping[str, Any]
) -> _Model:
    """A card with what another file says: where the card leaves it out, or `in_place` of it.

    Raises InvalidRequest naming what is wrong. There may be no card.
    """
    try:
        stated = read_json(path, unique_keys=True) if path.exists() else {}
        if not isinstance(stated, dict):
            raise ValueError("not an object")
        return form.model_validate({**left_out, **stated, **in_place})
    except ValidationError as error:
        raise card_invalid(path, form, error) from error
    except (OSError, ValueError) as error:
        raise _not_json(path) from error


def _not_json(path: Path) -> InvalidRequest:
    return InvalidRequest(
        f"{path} cannot be used: it is not JSON.", remedy="Correct it, or get the model again."
    )
