"""From what a pipeline found to what leaves the node: findings and DICOM objects."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.findings.build import build_findings
from inference.findings.comparison import Comparison
from inference.findings.normal_ranges import SiteReferences, ranges_for
from inference.imaging.stated_numbers import headers_of
from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import ResultKindName
from inference.results.kos import encode_key_objects
from inference.results.masks.edit import Edit
from inference.results.narrative import captions, note_of
from inference.results.other_grids import OtherGrid, segmentations_on
from inference.results.parametric_map import encode_maps
from inference.results.pictures.gsps import encode_outlines
from inference.results.pictures.render import draw_pictures
from inference.results.pictures.sc import encode_captures
from inference.results.pictures.slice_stack import encode_stack
from inference.results.rtstruct import encode_structure_set
from inference.results.seg import encode_seg
from inference.results.single_images.encode import encode_images
from inference.results.sr.document import encode_sr
from inference.results.sr.image_library import grid_of
from inference.results.sr.pdf import encode_pdf
from storage.core.entities import Job
from storage.core.findings import Finding


@dataclass(frozen=True)
class ResultObject:
    """A DICOM object ready to be written, with file meta."""

    kind: ResultKindName
    dataset: Dataset


@dataclass(frozen=True)
class EncodedResults:
    """All that one job gives. The report is the study's: `inference.reports` drafts it."""

    findings: tuple[Finding, ...]
    objects: tuple[ResultObject, ...]


def encode_results(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume | None,
    output: PipelineOutput,
    extra_kinds: Collection[str] = (),
    predecessors: Mapping[ResultKindName, Dataset] | None = None,
    edit: Edit | None = None,
    comparison: Comparison | None = None,
    others: Sequence[Dataset] = (),
    site_references: SiteReferences = SiteReferences(),
    other_grids: Sequence[OtherGrid] = (),
) -> EncodedResults:
    """Make findings, SEG and SR of one output, so that they never disagree.

    `extra_kinds`: what else is made, for destinations that want it
    (`inference.results.kinds_per_destination`).
    `predecessors`: by SR and LABELMAP_SR, the report that the new one replaces.
    `comparison`: what the patient's studies before measured.
    `others`: instances of other series that the result rests on as well, as evidence.
    `other_grids`: series on whose own grids the masks are wanted as well.
    `site_references`: what the site's own file calls normal, before the model's card.
    `edit` says who changed the masks that the pipeline had made.

    `sources` are the instances the volume was made of (pixels may be absent).
    Without a volume: what was found in single DICOM images; of an image that is not DICOM there
    are findings only.
    Deterministic: the same job, sources and output give the same bytes.
    """
    headers = sources if volume is None else headers_of(sources, volume)
    findings = build_findings(
        job, pipeline, output, comparison, ranges_for(pipeline, site_references, headers)
    )
    if output.images:
        before = (predecessors or {}).get("SR")
        made = encode_images(job, pipeline, sources, output, findings, extra_kinds, before, others)
        return EncodedResults(findings, tuple(ResultObject(*one) for one in made))
    if volume is None:
        return EncodedResults(findings, ())
    objects: list[ResultObject] = []
    masks: dict[ResultKindName, Dataset | None] = {"SR": None}
    if output.segments:
        segmentation = encode_seg(job, pipeline, sources, volume, output, edit)
        objects.append(ResultObject("SEG", segmentation))
        masks["SR"] = segmentation
        for one in segmentations_on(other_grids, job, pipeline, volume, output):
            objects.append(ResultObject("SEG", one))
        # Where segments overlap, no voxel can be stated by one number.
        if "LABELMAP" in extra_kinds and output.masks is not None and output.masks.ndim == 3:
            label_map = encode_seg(job, pipeline, sources, volume, output, edit, as_label_map=True)
            objects.append(ResultObject("LABELMAP", label_map))
            if "LABELMAP_SR" in extra_kinds:
                masks["LABELMAP_SR"] = label_map
        if "RTSTRUCT" in extra_kinds:
            structures = encode_structure_set(job, pipeline, sources, volume, output, edit)
            objects.append(ResultObject("RTSTRUCT", structures))
    objects += [
        ResultObject("PM", one) for one in encode_maps(job, pipeline, sources, volume, output)
    ]
    if findings:
        ordered = [sources[index] for index in dict.fromkeys(volume.instance_indices)]
        grid = grid_of(volume, ordered)
        for kind, mask in masks.items():
            before = (predecessors or {}).get(kind)
            structured = encode_sr(
                job, pipeline, ordered, findings, output, mask, before, edit, kind, others, grid
            )
            objects.append(ResultObject(kind, structured))
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
) -> Iterator[ResultObject]:
    """For those who look with what shows neither SEG nor SR."""
    stated = captions(findings)
    if {"SC", "PDF"} & set(kinds):
        footer = f"{note_of(pipeline)} {pipeline.name} {pipeline.version}"
        pictures = draw_pictures(volume, output, stated, footer)
    if "SC" in kinds:
        for capture in encode_captures(job, pipeline, sources, pictures):
            yield ResultObject("SC", capture)
    if "PDF" in kinds:
        yield ResultObject("PDF", encode_pdf(job, pipeline, sources, findings, pictures))
    if not output.segments:
        return
    if "STACK" in kinds:
        yield ResultObject("STACK", encode_stack(job, pipeline, sources, volume, output))
    if "GSPS" in kinds:
        for state in encode_outlines(job, pipeline, sources, volume, output, stated):
            yield ResultObject("GSPS", state)
    if "KOS" in kinds:
        lines = [line for number in sorted(stated) for line in stated[number]]
        chosen = encode_key_objects(job, pipeline, sources, volume, output, lines)
        if chosen is not None:
            yield ResultObject("KOS", chosen)
