"""For whom and for which images a model was made, and whether a study is among them.

What a header does not state is not judged: a missing age is no age outside.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from pydicom.dataset import Dataset

from inference.imaging.acquisition.contrast_agent import contrast_agent_given
from inference.imaging.acquisition.field_strength import field_strengths_t
from inference.imaging.stated_numbers import in_words, slice_thicknesses_mm, tube_voltages_kv
from inference.normal_ranges.ages import age_in_words, ages_in_words
from inference.normal_ranges.stated_age import ages_years
from storage.core.caveats import Caveat, Limit
from storage.core.patient_sex import sex_of

OnOutside = Literal["caveat", "refuse"]
_Judged = tuple[
    Callable[[Sequence[Dataset]], Sequence[float]], Limit, str, tuple[float, float] | None
]
_FIELD_STRENGTH_MAY_BE_OFF = 0.05
"""Magnets of 1.5 and 3 T state 1.494 and 2.8936 T as well."""
_ECHOES = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}
"""EchoPulseSequence of enhanced images (PS3.3 C.8.13.4) as ScanningSequence calls it."""


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

        `headers`: of its images, one at least. Contrast agent is judged in all of them, slice
        thickness and tube voltage in all frames, since they may change within a stack; the rest in
        the first.
        """
        return (
            *self._of_all(headers[0]),
            *self._of_contrast_agent(headers),
            *self._of_each(headers),
        )

    def _of_all(self, header: Dataset) -> Iterator[Outside]:
        for age, by in zip(ages_years(header), ("", " by PatientAge"), strict=False):
            if not _within_years(age, self.age_years):
                ages = "" if self.age_years is None else ages_in_words(*self.age_years)
                yield Outside("age", f"age {age_in_words(age)}{by} ({ages})")
        stated_sex = str(header.get("PatientSex") or "").strip().upper()
        sex = sex_of(stated_sex) or stated_sex
        if sex and self.sex and sex not in self.sex:
            yield Outside("sex", f"sex {sex} ({', '.join(self.sex)})")
        tesla = field_strengths_t(header)
        off = _FIELD_STRENGTH_MAY_BE_OFF
        if not all(_within(one, self.field_strength_t, off) for one in tesla):
            meant = " or ".join(f"{one:g} T" for one in tesla)
            unit = ", in which unit is not stated" if len(tesla) > 1 else ""
            yield Outside(
                "field strength",
                f"field strength {meant}{unit} ({_range(self.field_strength_t)} T)",
            )
        maker = str(header.get("Manufacturer") or "").strip()
        if maker and self.manufacturers and not _is_among(maker, self.manufacturers):
            yield Outside("manufacturer", f"manufacturer {maker} ({', '.join(self.manufacturers)})")
        stated = _texts(header, "ScanningSequence") or _echoes(header)
        if stated and self.sequences and not set(stated) & set(self.sequences):
            yield Outside("sequence", f"sequence {', '.join(stated)} ({', '.join(self.sequences)})")

    def _of_contrast_agent(self, headers: Sequence[Dataset]) -> Iterator[Outside]:
        if self.contrast_agent is None:
            return
        given = sum(map(contrast_agent_given, headers))
        count = given if self.contrast_agent is False else len(headers) - given
        if count:
            which = "without" if self.contrast_agent else "with"
            of_some = f" in {count} of {len(headers)} images" if count < len(headers) else ""
            yield Outside("contrast agent", f"{which} contrast agent{of_some}")

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


def _echoes(header: Dataset) -> Sequence[str]:
    inverts = str(header.get("InversionRecovery") or "") == "YES"
    found = _ECHOES.get(str(header.get("EchoPulseSequence") or ""), ())
    return (*found, "IR") if found and inverts else found


def _texts(header: Dataset, keyword: str) -> Sequence[str]:
    value = header.get(keyword) or ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


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
