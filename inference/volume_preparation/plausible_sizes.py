"""Sizes that no person's structure has: a model gives one for whatever it is given.

A phantom, an animal, a part of the body that is named wrongly, millimetres that are none: what is
found in these is no structure of a patient, and nothing that was measured there is plausible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from inference.normal_ranges.stated_age import ages_years
from inference.pipeline import Measurement, Pipeline, PipelineOutput
from storage.core.findings import Validity

_LOOK = "Look at the images before using the value."


@dataclass(frozen=True)
class PlausibleSize:
    """Of the measurement with this label: from which age (in years, ascending) it lies between
    which values, in its unit. `source`: where the limits come from."""

    label: str
    by_age: tuple[tuple[float, float, float], ...]
    source: str

    def limits(self, ages: Sequence[float]) -> tuple[float, float]:
        """Of no age, or of two that contradict each other, the widest."""
        fitting = [
            next((row for row in reversed(self.by_age) if age >= row[0]), self.by_age[0])
            for age in ages
        ] or list(self.by_age)
        return min(low for _, low, _ in fitting), max(high for *_, high in fitting)


def with_plausible_sizes(
    output: PipelineOutput, pipeline: Pipeline, headers: Sequence[Dataset]
) -> PipelineOutput:
    """The output with all its values marked where one of the pipeline's `plausible_sizes` is not
    kept. Of a part that the images cut off, too much is too much as well, and little says nothing.
    """
    sizes: Sequence[PlausibleSize] = getattr(pipeline, "plausible_sizes", ())
    ages = ages_years(headers[0]) if headers else ()
    reasons = [
        reason
        for size in sizes
        for one in output.measurements
        if one.label == size.label and (reason := _why_not(one, size.limits(ages)))
    ]
    if not reasons:
        return output
    marked = [_marked(one, f"{' '.join(reasons)} {_LOOK}") for one in output.measurements]
    return replace(output, measurements=tuple(marked))


def _why_not(measurement: Measurement, limits: tuple[float, float]) -> str:
    low, high = limits
    value, unit = measurement.value, measurement.unit.value.replace("cm3", "cm³")
    is_part = measurement.validity is not None and measurement.validity.state == "truncated"
    if value > high or (value < low and not is_part):
        return (
            f"{measurement.label} is {value:,.4g} {unit}, outside of the {low:,g} to {high:,g}"
            f" {unit} that people have."
        )
    return ""


def _marked(measurement: Measurement, reason: str) -> Measurement:
    before = measurement.validity
    if before is None:
        return replace(measurement, validity=Validity("implausible", reason=reason))
    if before.state == "implausible":
        reason = f"{before.reason} {reason}"
    return replace(measurement, validity=replace(before, state="implausible", reason=reason))
