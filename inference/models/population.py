"""For whom and for which images a model was made, and whether a study is among them.

What a header does not state is not judged: a missing age is no age outside.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from pydicom.dataset import Dataset

from inference.imaging.acquisition.contrast_agent import frames_with_contrast_agent
from inference.imaging.acquisition.field_strength import field_strengths_t
from inference.imaging.acquisition.pulse_sequence import scanning_sequence
from inference.imaging.stated_numbers import in_words, slice_thicknesses_mm, tube_voltages_kv
from inference.normal_ranges.ages import age_in_words, ages_in_words
from inference.normal_ranges.stated_age import ages_years
from storage.core.caveats import Caveat, Limit
from storage.core.patient_sex import sex_of

OnOutside = Literal["caveat", "refuse"]
_Judged = tuple[
    Callable[[Sequence[Dataset]], Sequence[float]], Limit, str, tuple[float, float] | None
]
_JudgeOfImage = Callable[[Dataset], Iterator[tuple[str, str]]]
"""What of an image lies outside, and the range."""
_FIELD_STRENGTH_MAY_BE_OFF = 0.05
"""Magnets of 1.5 and 3 T state 1.494 and 2.8936 T as well."""


class Outside(NamedTuple):
    """`phrase`: the value and the range."""

    limit: Limit
    phrase: str


@dataclass(frozen=True)
class Population:
    """Ranges include their ends; what is None or empty does not restrict."""

    age_years: tuple[float, float] | None = None
    """An end in whole years holds until the next birthday."""
    sex: tuple[str, ...] = ()
    """Of M, F and O (PS3.3 C.7.1.1)."""
    field_strength_t: tuple[float, float] | None = None
    """As magnets are called: what a header states may be off by 5 %."""
    manufacturers: tuple[str, ...] = ()
    """Parts of Manufacturer; upper and lower case are alike."""
    sequences: tuple[str, ...] = ()
    """Of ScanningSequence (PS3.3 C.8.3.1), of enhanced images SE, GR and IR: one is stated."""
    contrast_agent: bool | None = None
    """True: given; False: not given."""
    slice_thickness_mm: tuple[float, float] | None = None
    kvp: tuple[float, float] | None = None
    pathology: str = ""
    """In words, for people: what the images it was made with showed."""
    source: str = ""
    """Who says so."""
    on_outside: OnOutside = "caveat"

    def outside(self, headers: Sequence[Dataset]) -> tuple[Outside, ...]:
        """What of a stack lies outside; empty where nothing does.

        `headers`: of its images, one at least. Each counts, and of slice thickness, tube voltage
        and contrast agent each frame.
        """
        return (
            *self._of_images(headers),
            *self._of_contrast_agent(headers),
            *self._of_each(headers),
        )

    def _of_images(self, headers: Sequence[Dataset]) -> Iterator[Outside]:
        judges: tuple[tuple[Limit, _JudgeOfImage], ...] = (
            ("age", self._ages),
            ("sex", self._sex),
            ("field strength", self._field_strength),
            ("manufacturer", self._manufacturer),
            ("sequence", self._sequence),
        )
        for name, judged in judges:
            found = Counter(one for header in headers for one in judged(header))
            for (what, limits), count in found.items():
                yield Outside(name, f"{name} {what}{_of_some(count, len(headers))} ({limits})")

    def _ages(self, header: Dataset) -> Iterator[tuple[str, str]]:
        for age, by in zip(ages_years(header), ("", " by PatientAge"), strict=False):
            if self.age_years is not None and not _within_years(age, self.age_years):
                yield f"{age_in_words(age)}{by}", ages_in_words(*self.age_years)

    def _sex(self, header: Dataset) -> Iterator[tuple[str, str]]:
        stated = str(header.get("PatientSex") or "").strip().upper()
        sex = sex_of(stated) or stated
        if sex and self.sex and sex not in self.sex:
            yield sex, ", ".join(self.sex)

    def _field_strength(self, header: Dataset) -> Iterator[tuple[str, str]]:
        if self.field_strength_t is None:
            return
        tesla = field_strengths_t(header)
        off = _FIELD_STRENGTH_MAY_BE_OFF
        if not all(_within(one, self.field_strength_t, off) for one in tesla):
            meant = " or ".join(f"{one:g} T" for one in tesla)
            unit = ", in which unit is not stated" if len(tesla) > 1 else ""
            yield f"{meant}{unit}", f"{_range(self.field_strength_t)} T"

    def _manufacturer(self, header: Dataset) -> Iterator[tuple[str, str]]:
        maker = str(header.get("Manufacturer") or "").strip()
        if maker and self.manufacturers and not _is_among(maker, self.manufacturers):
            yield maker, ", ".join(self.manufacturers)

    def _sequence(self, header: Dataset) -> Iterator[tuple[str, str]]:
        if not self.sequences:
            return
        stated = scanning_sequence(header)
        if stated and not set(stated) & set(self.sequences):
            yield ", ".join(stated), ", ".join(self.sequences)

    def _of_contrast_agent(self, headers: Sequence[Dataset]) -> Iterator[Outside]:
        if self.contrast_agent is None:
            return
        frames = [frames_with_contrast_agent(one) for one in headers]
        given, images = (sum(one[at] for one in frames) for at in (0, 1))
        count = given if self.contrast_agent is False else images - given
        if count:
            which = "without" if self.contrast_agent else "with"
            yield Outside("contrast agent", f"{which} contrast agent{_of_some(count, images)}")

    def _of_each(self, headers: Sequence[Dataset]) -> Iterator[Outside]:
        judged: tuple[_Judged, ...] = (
            (slice_thicknesses_mm, "slice thickness", "mm", self.slice_thickness_mm),
            (tube_voltages_kv, "tube voltage", "kV", self.kvp),
        )
        for found, name, unit, limits in judged:
            values = () if limits is None else found(headers)
            outside = [one for one in values if not _within(one, limits)]
            if outside:
                yield Outside(name, f"{name} {in_words(outside)} {unit} ({_range(limits)} {unit})")


ANYBODY = Population()
"""Of a card that says nothing."""


def caveat_of(population: Population, *stacks: Sequence[Dataset]) -> Caveat | None:
    """Where one of the stacks lies outside; None where all are within.

    `stacks`: the headers of each (`Population.outside`); of a film that one.
    """
    outside = dict.fromkeys(found for one in stacks for found in population.outside(one))
    if not outside:
        return None
    by = f", by {population.source}" if population.source else ""
    phrases = "; ".join(one.phrase for one in outside)
    exceeded = {one.limit for one in outside}
    return Caveat(
        "outside_population",
        f"Outside the population the model was made for{by}: {phrases}.",
        tuple(limit for limit in get_args(Limit) if limit in exceeded),
    )


def _of_some(count: int, images: int) -> str:
    """Empty where it is of all."""
    return f" in {count} of {images} images" if count < images else ""


def _within(value: float, limits: tuple[float, float] | None, off: float = 0.0) -> bool:
    return limits is None or limits[0] * (1 - off) <= value <= limits[1] * (1 + off)


def _within_years(age: float, limits: tuple[float, float] | None) -> bool:
    if limits is None:
        return True
    low, high = limits
    return low <= age and (int(age) if float(high).is_integer() else age) <= high


def _is_among(maker: str, known: Sequence[str]) -> bool:
    return any(one.casefold() in maker.casefold() for one in known)


def _range(limits: tuple[float, float] | None) -> str:
    return "" if limits is None else f"{limits[0]:g} to {limits[1]:g}"
