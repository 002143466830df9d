"""How the images were made, kept with what was measured, so that it is compared with like."""

from dataclasses import replace

from inference.pipeline import PipelineOutput
from inference.volume_preparation.coverage import COMPLETE
from storage.core.acquisition import DENSITIES
from storage.core.findings import Acquisition
from storage.core.variation import MM3_IN


def with_acquisition(output: PipelineOutput, acquisition: Acquisition) -> PipelineOutput:
    """The output whose densities and volumes know it, and all numbers where it states a side."""
    return replace(
        output,
        measurements=tuple(
            replace(one, validity=replace(one.validity or COMPLETE, acquisition=acquisition))
            if acquisition.laterality or one.code.value in DENSITIES or one.unit.value in MM3_IN
            else one
            for one in output.measurements
        ),
    )
