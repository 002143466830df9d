"""Which stack of a series a pipeline takes: the first that it accepts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from inference.imaging.geometry import stack_of, tilt_degrees
from inference.imaging.stacks import LOCALIZER, SeriesStack, stacks_of
from inference.models.population import caveat_of
from inference.pipeline import Acceptance, Pipeline
from inference.refusals import VolumeRefused
from inference.volume_preparation.tilt import resamples_tilt
from storage.core.caveats import Caveat
from storage.core.entities import Instance, Series

Judge = Callable[[Sequence[Instance], Sequence[Dataset]], Acceptance]
_REASONS_AT_MOST = 3
_NAMES_AT_MOST = 6


@dataclass(frozen=True)
class Selection:
    """The word on a series, and the stack that it is about.

    `stack` is the first where none is accepted. `headers` are the stack's own.
    """

    acceptance: Acceptance
    stack: SeriesStack
    headers: Sequence[Dataset]


def select_stack(
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
    judge: Judge,
    stacks: Sequence[SeriesStack] | None = None,
) -> Selection:
    """The first stack of the series that `judge` accepts; the reason names those left.

    The same instances and the same pipeline give the same stack, in whatever order they
    came: a job that runs later, or again, takes the one that was decided on. `stacks`: those of
    the series, of who has divided it.
    """
    if stacks is None:
        stacks = stacks_of(headers)
    refused: dict[str, list[str]] = {}
    for stack in stacks:
        own = stack.headers(headers)
        acceptance = _judged(judge, stack.of(instances), own)
        if acceptance.accepted:
            left_out = _left(stack, stacks, refused)
            reason = f"{acceptance.reason} {left_out}".rstrip()
            missed = any(one is not stack and one.name != LOCALIZER for one in stacks)
            chosen = replace(stack, left_out=Caveat("part_of_series", left_out) if missed else None)
            return Selection(Acceptance(True, reason), chosen, own)
        refused.setdefault(acceptance.reason, []).append(stack.name)
    first = stacks[0]
    return Selection(Acceptance(False, _why_none(refused, stacks)), first, first.headers(headers))


def select_input(
    pipeline: Pipeline,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
    judge: Judge,
    stacks: Sequence[SeriesStack] | None = None,
) -> Selection:
    """What a pipeline takes of a series: a stack of slices, or each of its images by itself."""
    if pipeline.input_kind != "dicom-image":
        return select_stack(instances, headers, judge, stacks)
    indices = images_taken(pipeline, headers)
    whole = SeriesStack("", tuple(range(len(headers))))
    taken = SeriesStack("", indices) if indices else whole
    return Selection(judge(instances, headers), taken, taken.of(headers))


def images_taken(pipeline: Pipeline, headers: Sequence[Dataset]) -> tuple[int, ...]:
    """Which instances of a series a pipeline for single images is given, in the series' order."""
    takes = getattr(pipeline, "takes", None)
    return tuple(
        index
        for index, header in enumerate(headers)
        if header.get("Rows") is not None and (takes is None or takes(header).accepted)
    )


def stack_for(
    pipeline: Pipeline, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
) -> SeriesStack:
    """The stack of a job that was accepted. Raises VolumeRefused where none is any more."""
    stacks = stacks_of(headers)
    if len(stacks) == 1:
        return stacks[0]
    found = select_stack(
        instances,
        headers,
        lambda own, of_stack: word_of(pipeline, series, own, of_stack),
    )
    if not found.acceptance.accepted:
        raise VolumeRefused(found.acceptance.reason)
    return found.stack


def word_of(
    pipeline: Pipeline,
    series: Series,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
) -> Acceptance:
    """A pipeline's word on one stack, and after it that of the geometry."""
    acceptance = pipeline.accepts(series, instances, headers)
    if acceptance.accepted and pipeline.input_kind == "volume":
        return with_geometry(acceptance, headers, pipeline)
    return acceptance


def with_geometry(
    acceptance: Acceptance, headers: Sequence[Dataset], pipeline: Pipeline
) -> Acceptance:
    """What a pipeline accepts, where it is a regular stack of its population.

    Raises VolumeRefused.
    """
    population = pipeline.card.population
    if population.on_outside == "refuse":
        caveat = caveat_of(population, headers)
        if caveat:
            return Acceptance(False, caveat.text)
    stack = stack_of(headers, tilted=resamples_tilt(pipeline))
    degrees = tilt_degrees(stack.lps_from_kji)
    if not degrees:
        return acceptance
    sentences = f"Its slices are tilted by {degrees:.1f}° and are resampled upright for the model."
    return Acceptance(True, f"{acceptance.reason} {sentences}")


def _judged(judge: Judge, instances: Sequence[Instance], headers: Sequence[Dataset]) -> Acceptance:
    try:
        return judge(instances, headers)
    except VolumeRefused as refusal:
        return Acceptance(False, str(refusal))


def _left(taken: SeriesStack, stacks: Sequence[SeriesStack], refused: dict[str, list[str]]) -> str:
    """What was not analysed of a series that holds several stacks; "" of others."""
    others = [stack.name for stack in stacks if stack is not taken]
    if not others:
        return ""
    unfit = [name for names in refused.values() for name in names]
    later = [name for name in others if name not in unfit]
    reasons = [f"{_listed(names)}: {reason}" for reason, names in refused.items()]
    more = len(reasons) - _REASONS_AT_MOST
    if more > 0:
        reasons = [*reasons[:_REASONS_AT_MOST], f"And {more} more reasons."]
    if later:
        reasons.append(f"{_listed(later)}: a result is of one stack, the first that fits.")
    return (
        f"The series holds {len(stacks)} stacks: {taken.name} is taken, {_listed(others)}"
        f" {'is' if len(others) == 1 else 'are'} not analysed. {' '.join(reasons)}"
    )


def _why_none(refused: dict[str, list[str]], stacks: Sequence[SeriesStack]) -> str:
    if len(stacks) == 1:
        return next(iter(refused))
    sentences = [f"{_listed(names)}: {reason}" for reason, names in refused.items()]
    more = len(sentences) - _REASONS_AT_MOST
    if more > 0:
        sentences = [*sentences[:_REASONS_AT_MOST], f"And {more} more reasons."]
    return f"The series holds {len(stacks)} stacks, none of which is taken. {' '.join(sentences)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_AT_MOST
    shown = ", ".join(names[:_NAMES_AT_MOST])
    return f"{shown} and {more} more" if more > 0 else shown
