"""Labels and sentences of a model, and headers of the images, in what leaves as DICOM."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pydicom
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from inference.imaging.volume import assemble_volume
from inference.results.encode import encode_results
from inference.results.file_writing import part10
from storage.core.findings import Code
from tests import builders
from tests.hostile_text import faults_of, hostile_texts
from tests.inference.results_support import PIPELINE, job_for, output_of

_SHAPE = (3, 8, 8)
_SOURCES = builders.series(np.zeros(_SHAPE, np.int16))
_VOLUME = assemble_volume(_SOURCES)
_KINDS = {"SC", "PDF", "GSPS", "KOS", "RTSTRUCT", "LABELMAP", "STACK"}


@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(st.lists(hostile_texts, min_size=7, max_size=7))
@example(["\udfff"] * 7)
@example(["a\nb"] * 7)
def test_every_object_can_be_read_and_has_plain_text(texts: list[str]) -> None:
    label, meaning, unit, manufacturer, derivation, parameter, series = texts
    sources = [*map(pydicom.Dataset.copy, _SOURCES)]
    sources[0].Manufacturer = manufacturer
    sources[0].SeriesDescription = series
    made = output_of(_VOLUME, builders.asymmetric_mask(_SHAPE))
    measured = replace(
        made.measurements[0],
        label=label,
        code=Code("118565006", "SCT", meaning[:64]),
        unit=Code("cm3", "UCUM", unit[:64]),
    )
    output = replace(
        made,
        segments=(replace(made.segments[0], label=label),),
        measurements=(measured,),
        derivation=derivation,
        parameters=(parameter,),
    )
    results = encode_results(
        job_for(_VOLUME), PIPELINE, sources, _VOLUME, output, extra_kinds=_KINDS
    )
    assert {one.kind for one in results.objects} >= {"SEG", "SR", "PDF", "RTSTRUCT", "SC"}
    for one in results.objects:
        read = pydicom.dcmread(BytesIO(part10(one.dataset)))
        assert list(faults_of(read)) == [], one.kind
