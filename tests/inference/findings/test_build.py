"""Findings, and back to what the pipeline had measured."""

from dataclasses import fields, replace

import numpy as np

from inference.findings.build import build_findings, measurement_of
from inference.imaging.volume import Volume, assemble_volume
from inference.pipeline import Measurement, PipelineOutput
from storage.core.findings import Finding, Validity
from tests import builders
from tests.inference.results_support import PIPELINE, job_for, output_of


def test_a_finding_tells_all_that_was_measured_of_its_segment() -> None:
    volume = assemble_volume(builders.series(np.zeros((3, 4, 5), np.int16)))
    output = output_of(volume, np.ones((3, 4, 5), np.bool_))
    cut_off = Validity("truncated", ("left",), "Cut off.")
    measured = replace(output.measurements[0], confidence=0.5, validity=cut_off)
    # Who adds a field states here that an edited mask keeps it; parts are those of totals, and
    # intervals and curves those of numbers that a model gives, which belong to no segment, as heat
    # maps do; a frame is one of an image, and not of a volume.
    unset = {one.name for one in fields(Measurement) if getattr(measured, one.name) == one.default}
    assert unset == {"parts", "interval", "curve", "frame_number", "heat_map"}
    assert measurement_of(_found(volume, output, measured)) == measured
    total = replace(measured, segment_index=None, parts=(0,))
    assert measurement_of(_found(volume, output, total)) is None


def _found(volume: Volume, output: PipelineOutput, measured: Measurement) -> Finding:
    output = replace(output, measurements=(measured,))
    (finding,) = build_findings(job_for(volume), PIPELINE, output)
    return finding
