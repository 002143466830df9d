"""Sentences that hold for all results of a job: of its images, and of their registration."""

from dataclasses import replace

from inference.imaging.acquisition.tube_voltage import caveat_of_energies
from inference.imaging.stated_numbers import headers_of
from inference.imaging.volume import Volume
from inference.models.population import caveat_of
from inference.pipeline import Pipeline, PipelineOutput
from inference.pipeline_runs.coverage import with_caveat
from inference.worker.job_loader import Loaded
from storage.core.entities import Job


def with_caveats(
    output: PipelineOutput, pipeline: Pipeline, job: Job, loaded: Loaded, volume: Volume | None
) -> PipelineOutput:
    """`output` with the caveats of what was loaded; parameters and notes say how it was placed."""
    sources, others, placement = loaded.sources, loaded.others, loaded.placement
    if sources:
        # The images of a volume are one stack; films, and the series of a study, are not.
        # The result is about the study alone: a prior may be of another age or made otherwise.
        films = [
            [one]
            for one in (sources if volume is None else others)
            if one.StudyInstanceUID == job.study_instance_uid
        ]
        stacks = films if volume is None else [headers_of(sources, volume), *films]
        output = with_caveat(output, caveat_of(pipeline.card.population, *stacks))
    if volume is not None:
        output = with_caveat(output, caveat_of_energies(sources, volume))
    for caveat in (loaded.left_out, *placement.caveats):
        output = with_caveat(output, caveat)
    return replace(
        output,
        parameters=(*output.parameters, *placement.parameters),
        notes=(*output.notes, *placement.notes(pipeline)),
    )
