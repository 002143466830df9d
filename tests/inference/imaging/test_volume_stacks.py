"""A series of several echoes, b-values, time points or acquisitions, split and run rightly."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from inference.findings.facts import fact_of
from inference.imaging.stacks import stacks_of
from inference.imaging.volume import VolumeRefused, assemble_volume
from inference.input_selection.selection import select_stack
from inference.pipeline import Acceptance
from inference.reports.evidence import Evidence
from inference.reports.findings_text import findings_sentences
from inference.reports.locale import load_locale
from inference.results.encode import encode_results
from inference.results.narrative import shown_value
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.core.entities import Instance
from storage.core.findings import Validity
from storage.findings.stored_caveats import read_caveats
from tests import builders
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.results_support import PIPELINE, job_for, output_of, result
from tests.inference.small import BrightRegion, mr_slice, series_uid, study_uid


def _repeated(keyword: str, values: list[object], slices: int = 5) -> list[Dataset]:
    """The same positions once for each value; grey values are 100 times the value's place."""
    voxels = np.zeros((slices, 5, 4), np.int16)
    datasets = []
    for place, value in enumerate(values):
        filled = voxels + 100 * place
        for ds in builders.series(filled, directions=builders.rotation(10, 20, 30)):
            other = builders.moved(ds, (0, 0, 0))
            setattr(other, keyword, value)
            datasets.append(other)
    order = np.random.default_rng(4).permutation(len(datasets))
    return [datasets[index] for index in order]


@pytest.mark.parametrize(
    ("keyword", "values", "names"),
    [
        ("EchoTime", ["9.8", "14.7", "4.9"], ["4.9 ms", "9.8 ms", "14.7 ms"]),
        ("DiffusionBValue", [1000.0, 0.0], ["0 s/mm²", "1000 s/mm²"]),
        ("TemporalPositionIdentifier", [2, 10, 1], ["1", "2", "10"]),
        ("AcquisitionNumber", [2, 1], ["1", "2"]),
        ("ConvolutionKernel", ["LUNG", "BONE"], ["BONE", "LUNG"]),
        ("ReconstructionMethod", ["TOF", "OSEM"], ["OSEM", "TOF"]),
        ("CorrectedImage", [["DECY"], ["DECY", "ATTN"]], ["DECY", "DECY\\ATTN"]),
        (
            "ImageType",
            [["ORIGINAL", "PRIMARY", "P"], ["ORIGINAL", "PRIMARY", "M"]],
            ["ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P"],
        ),
    ],
)
def test_what_repeats_is_split_by_what_tells_it_apart(
    keyword: str, values: list[object], names: list[str]
) -> None:
    datasets = _repeated(keyword, values)
    stacks = stacks_of(datasets)
    assert [stack.name for stack in stacks] == [f"{keyword} {name}" for name in names]
    assert sorted(i for stack in stacks for i in stack.instance_indices) == list(
        range(len(datasets))
    )
    for stack in stacks:
        volume = assemble_volume(stack.of(datasets))
        assert volume.voxels.shape == (5, 5, 4)
        assert np.unique(volume.voxels).size == 1  # of one value alone


def test_directions_of_diffusion_are_told_apart_within_a_b_value() -> None:
    datasets = _repeated("AcquisitionTime", ["100000", "100100", "100200"])
    for ds in datasets:
        ds.DiffusionBValue = 0.0 if ds.AcquisitionTime == "100000" else 800.0
        if ds.DiffusionBValue:
            turned = ds.AcquisitionTime == "100200"
            ds.DiffusionGradientOrientation = [0.0, 1.0, 0.0] if turned else [1.0, 0.0, 0.0]
    assert [stack.name for stack in stacks_of(datasets)] == [
        "DiffusionBValue 0 s/mm²",
        "DiffusionBValue 800 s/mm², DiffusionGradientOrientation 0\\1\\0",
        "DiffusionBValue 800 s/mm², DiffusionGradientOrientation 1\\0\\0",
    ]


def test_a_number_for_each_slice_splits_nothing() -> None:
    datasets = builders.series(np.zeros((6, 5, 4), np.int16))
    for k, ds in enumerate(datasets):
        ds.AcquisitionNumber, ds.AcquisitionTime = k, f"10000{k}"
    (whole,) = stacks_of(datasets)
    assert (whole.name, len(whole.instance_indices)) == ("", 6)
    # Nor where one slice is there twice: that is refused, not repaired.
    again = [*datasets, builders.moved(datasets[2], (0, 0, 0))]
    (whole,) = stacks_of(again)
    with pytest.raises(VolumeRefused, match="lie at the same position"):
        assemble_volume(whole.of(again))


def test_slabs_that_overlap_by_a_slice_are_not_taken_for_repetitions() -> None:
    upper = builders.series(np.zeros((10, 5, 4), np.int16), AcquisitionNumber=1)
    lower = [builders.moved(ds, (0, 0, 9 * 2.5)) for ds in upper]
    for ds in lower:
        ds.AcquisitionNumber = 2
    (whole,) = stacks_of([*upper, *lower])
    with pytest.raises(VolumeRefused, match="the series mixes 2 acquisitions"):
        assemble_volume(whole.of([*upper, *lower]))


def test_a_slice_taken_again_is_no_stack_of_its_own() -> None:
    datasets = builders.series(np.zeros((10, 5, 4), np.int16), AcquisitionNumber=1)
    again = builders.moved(datasets[4], (0, 0, 0))
    again.AcquisitionNumber = 2
    assert len(stacks_of([*datasets, again])) == 1


def test_a_scout_among_the_slices_is_left_and_the_rest_is_one_stack() -> None:
    datasets = builders.series(np.zeros((6, 5, 4), np.int16))
    scout = builders.moved(datasets[0], (0, 0, 400))
    scout.ImageType, scout.Rows = ["ORIGINAL", "PRIMARY", "LOCALIZER"], 4
    stacks = stacks_of([scout, *datasets])
    assert [stack.name for stack in stacks] == ["without the localizer", "localizer"]
    assert assemble_volume(stacks[0].of([scout, *datasets])).voxels.shape == (6, 5, 4)


def _multiframe_with_echoes() -> Dataset:
    datasets = _repeated("EchoTime", ["20", "5"], slices=4)
    instance = builders.enhanced_mr(datasets, range(len(datasets)))
    del instance.EchoTime
    for ds, groups in zip(datasets, instance.PerFrameFunctionalGroupsSequence, strict=True):
        echo = Dataset()
        echo.EffectiveEchoTime = float(ds.EchoTime)
        groups.MREchoSequence = [echo]
    return instance


def test_echoes_of_one_enhanced_instance_are_split_by_frame() -> None:
    instance = _multiframe_with_echoes()
    short, long = stacks_of([instance])
    assert (short.name, long.name) == ("EchoTime 5 ms", "EchoTime 20 ms")
    for stack, grey in ((short, 100), (long, 0)):
        volume = assemble_volume([instance], stack.frame_indices)
        assert np.unique(volume.voxels).tolist() == [grey]
        assert sorted(volume.frame_numbers) == [i + 1 for i in stack.frame_indices or ()]
        (header,) = stack.headers([instance])
        assert header.NumberOfFrames == 4
        assert "PixelData" not in header
    assert instance.NumberOfFrames == 8


def test_several_enhanced_instances_are_a_stack_each_but_not_a_concatenation() -> None:
    classic = builders.series(np.zeros((4, 5, 4), np.int16))
    first, second = (builders.enhanced_mr(classic, range(4)) for _ in range(2))
    first.InstanceNumber, second.InstanceNumber, second.SOPInstanceUID = 2, 1, "1.2.3"
    stacks = stacks_of([first, second])
    assert [(one.name, one.instance_indices) for one in stacks] == [
        ("instance 1", (1,)),
        ("instance 2", (0,)),
    ]
    first.ConcatenationUID = second.ConcatenationUID = "1.2.4"
    assert len(stacks_of([first, second])) == 1


def _with(part10: bytes, number: int, **attributes: object) -> bytes:
    ds = dcmread(BytesIO(part10))
    ds.InstanceNumber = number
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.1.{number}"
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_one_job_takes_the_first_echo_and_says_which_were_left(tmp_path: Path) -> None:
    """Two echoes as they come from a scanner: one series, one job, results on its slices."""
    slices = [
        _with(mr_slice("a", k), 100 * echo + k, EchoTime=f"{echo}")
        for k in range(1, 7)
        for echo in (9, 4)
    ]
    with storage_in(tmp_path) as storage:
        receive(storage, slices)
        (decision,) = complete_and_schedule(storage, later(10), (BrightRegion(),))
        assert decision.accepted
        assert decision.reason == (
            "An MR series. The series holds 2 stacks: EchoTime 4 ms is taken, EchoTime 9 ms is not"
            " analysed. EchoTime 9 ms: a result is of one stack, the first that fits."
        )
        assert storage.jobs.list()[1] == 1
        job = storage.jobs.get(decision.job_id or "")
        run_job(storage, job.job_id, "worker", pipelines=(BrightRegion(),))
        job = storage.jobs.get(job.job_id)
        assert (job.state, job.reason) == ("COMPLETED", "")
        results = [
            one
            for series in storage.index.series_of(study_uid("a"))
            if series.series_instance_uid != series_uid("a")
            for one in storage.index.instances_of(study_uid("a"), series.series_instance_uid)
        ]
        left_out = decision.reason.removeprefix("An MR series. ")
        assert left_out in job.result["notes"]
        (finding,) = storage.findings.of_job(job.job_id)
        assert finding.caveat_texts == (left_out,)
        assert shown_value(finding).endswith("(with a caution)")
        (report,) = (ds for ds in map(storage.instances.dataset, results) if ds.Modality == "SR")
        assert left_out in report.to_json()
        evidence = Evidence(
            storage.index.study(study_uid("a")), (fact_of(finding),), (), (), (), None, ""
        )
        told = [one.text for one in findings_sentences(evidence, load_locale("en"))]
        assert told[-1].startswith("A series holds several stacks of images")
        badly = Validity(
            "complete", caveats=read_caveats(["Registered with a residual of 4.2 mm: T2."])
        )
        registered = replace(finding, validity=badly)
        evidence = replace(evidence, facts=(fact_of(registered),))
        told = [one.text for one in findings_sentences(evidence, load_locale("en"))]
        assert told[-1].startswith("Series were registered to each other with a larger residual")
        (seg,) = (ds for ds in map(storage.instances.dataset, results) if ds.Modality == "SEG")
        referred = {
            str(one.ReferencedSOPInstanceUID)
            for one in seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
        }
        assert referred == {f"1.2.826.0.1.{400 + k}" for k in range(1, 7)}


def test_why_a_stack_is_not_analysed_is_told() -> None:
    datasets = _repeated("EchoTime", ["9.8", "4.9", "14.7"])

    def judge(instances: Sequence[Instance], headers: Sequence[Dataset]) -> Acceptance:
        echo = float(headers[0].EchoTime)
        return Acceptance(echo > 5, "Long." if echo > 5 else "EchoTime is too short.")

    chosen = select_stack(cast("list[Instance]", datasets), datasets, judge)
    assert chosen.stack.left_out is not None
    assert chosen.stack.left_out.text == (
        "The series holds 3 stacks: EchoTime 9.8 ms is taken, EchoTime 4.9 ms, EchoTime 14.7 ms are"
        " not analysed. EchoTime 4.9 ms: EchoTime is too short. EchoTime 14.7 ms: a result is of"
        " one stack, the first that fits."
    )


def test_a_mask_over_some_frames_of_an_instance_lies_where_they_lie() -> None:
    instance = _multiframe_with_echoes()
    short = stacks_of([instance])[0]
    volume = assemble_volume([instance], short.frame_indices)
    mask = np.zeros(volume.voxels.shape, np.bool_)
    mask[0, 1:3, 1:3] = mask[1, 1:2, 1:4] = True
    output = output_of(volume, mask)
    results = encode_results(job_for(volume), PIPELINE, [instance], volume, output)
    seg = result(results, "SEG")
    # Frame by frame: the position that it states and the source frame that it refers to.
    held = {}
    for frame, groups in zip(
        np.atleast_3d(seg.pixel_array), seg.PerFrameFunctionalGroupsSequence, strict=True
    ):
        position = tuple(map(float, groups.PlanePositionSequence[0].ImagePositionPatient))
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        held[int(source.ReferencedFrameNumber)] = (position, int(frame.sum()))
    assert set(held) == set(volume.frame_numbers)
    for k, number in enumerate(volume.frame_numbers):
        position, voxels = held[number]
        np.testing.assert_allclose(
            position, volume.lps_from_kji[:3, 3] + volume.lps_from_kji[:3, 0] * k, atol=1e-6
        )
        assert voxels == mask[k].sum()
