"""Sentences that hold for all results of a job: of its images, and of their registration."""

from dataclasses import replace

from inference.imaging.acquisition.lossy_compression import caveat_of_lossy_compression
from inference.imaging.acquisition.reconstruction import acquisition_of, several_kernels
from inference.imaging.acquisition.tube_voltage import caveat_of_energies
from inference.imaging.stated_numbers import headers_of
from inference.imaging.volume import Volume
from inference.job_loading.loaded import Loaded
from inference.models.population import caveat_of
from inference.normal_ranges.stated_age import caveat_of_ages
from inference.pipeline import Pipeline, PipelineOutput
from inference.volume_preparation.acquired import with_acquisition
from inference.volume_preparation.coverage import with_caveat
from inference.volume_preparation.plausible_sizes import with_plausible_sizes


def with_caveats(
    output: PipelineOutput, pipeline: Pipeline, loaded: Loaded, volume: Volume | None
) -> PipelineOutput:
    """`output` with the caveats of what was loaded; parameters and notes say how it was placed."""
    sources, placement = loaded.sources, loaded.placement
    if sources:
        # The images of a volume are one stack; films are not.
        films = [[one] for one in sources]
        stacks = films if volume is None else [headers_of(sources, volume), *loaded.other_stacks]
        output = with_caveat(output, caveat_of(pipeline.card.population, *stacks))
        output = with_caveat(output, caveat_of_ages(one for stack in stacks for one in stack))
    if volume is not None:
        output = with_caveat(output, caveat_of_energies(sources, volume))
        output = with_caveat(output, caveat_of_lossy_compression(sources, volume))
        stack = headers_of(sources, volume)
        output = with_plausible_sizes(output, pipeline, stack)
        output = with_acquisition(output, acquisition_of(stack))
        if kernels := several_kernels(stack):
            output = replace(output, notes=(*output.notes, kernels))
    for caveat in (loaded.left_out, *placement.caveats):
        output = with_caveat(output, caveat)
    return replace(
        output,
        parameters=(*output.parameters, *placement.parameters),
        notes=(*output.notes, *placement.notes(pipeline)),
    )
