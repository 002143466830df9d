"""From what a pipeline found to what leaves the house: findings and DICOM objects."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.findings import build_findings
from inference.pipeline import Pipeline, PipelineOutput
from inference.priors import Comparison
from inference.results.edit import Edit
from inference.results.identity import ResultKind
from inference.results.narrative import NOTE, captions
from inference.results.pdf import encode_pdf
from inference.results.pictures import draw_pictures
from inference.results.sc import encode_captures
from inference.results.seg import encode_seg
from inference.results.sr import encode_sr
from inference.volume import Volume
from storage.entities import Finding, Job


@dataclass(frozen=True)
class ResultObject:
    """A DICOM object ready to be written: Explicit VR Little Endian, with file meta."""

    kind: ResultKind
    dataset: Dataset


@dataclass(frozen=True)
class EncodedResults:
    """All that one job gives. The report is the study's: `inference.reporting` drafts it."""

    findings: tuple[Finding, ...]
    objects: tuple[ResultObject, ...]


def encode_results(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume | None,
    output: PipelineOutput,
    extra_kinds: Collection[str] = (),
    predecessor: Dataset | None = None,
    edit: Edit | None = None,
    comparison: Comparison | None = None,
) -> EncodedResults:
    """Make findings, SEG and SR of one output, so that they never disagree.

    `predecessor` is the SR that the new one replaces.
    `comparison`: what the patient's studies before measured.
    `edit` says who changed the masks that the pipeline had made.
    `extra_kinds` may name SC (pictures), PDF and LABELMAP (masks in one
    frame a slice, beside SEG), for destinations that want them.

    `sources` are the instances the volume was made of (pixels may be absent).
    Without a volume (an image that is not DICOM) there are findings only.
    Deterministic: the same job, sources and output give the same bytes.
    """
    findings = build_findings(job, pipeline, output, comparison)
    if volume is None:
        return EncodedResults(findings, ())
    objects: list[ResultObject] = []
    segmentation = None
    if output.segments:
        segmentation = encode_seg(job, pipeline, sources, volume, output, edit)
        objects.append(ResultObject("SEG", segmentation))
        # Where segments overlap, no voxel can be told by one number.
        if "LABELMAP" in extra_kinds and output.masks is not None and output.masks.ndim == 3:
            label_map = encode_seg(job, pipeline, sources, volume, output, edit, as_label_map=True)
            objects.append(ResultObject("LABELMAP", label_map))
    if any(finding.value is not None for finding in findings):
        ordered = [sources[index] for index in dict.fromkeys(volume.instance_indices)]
        structured = encode_sr(
            job,
            pipeline,
            ordered,
            findings,
            output.segments,
            segmentation,
            predecessor,
            edit,
            output.derivation,
        )
        objects.append(ResultObject("SR", structured))
    if {"SC", "PDF"} & set(extra_kinds) and findings:
        objects += _for_people(job, pipeline, sources, volume, output, findings, extra_kinds)
    return EncodedResults(findings, tuple(objects))


def _for_people(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume,
    output: PipelineOutput,
    findings: Sequence[Finding],
    kinds: Collection[str],
) -> list[ResultObject]:
    footer = f"{pipeline.name} {pipeline.version}. {NOTE}"
    pictures = draw_pictures(volume, output, captions(findings), footer)
    objects: list[ResultObject] = []
    if "SC" in kinds:
        captures = encode_captures(job, pipeline, sources, pictures)
        objects += [ResultObject("SC", capture) for capture in captures]
    if "PDF" in kinds:
        objects.append(ResultObject("PDF", encode_pdf(job, pipeline, sources, findings, pictures)))
    return objects
