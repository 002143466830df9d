"""All DICOM objects of what was found in the images of one series."""

from collections.abc import Collection, Iterator, Sequence

from pydicom.dataset import Dataset

from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import ResultKindName
from inference.results.cad.document import encode_cad
from inference.results.single_images.boxes import encode_boxes
from inference.results.single_images.heat_map import encode_heat_map
from inference.results.single_images.heat_outline import encode_heat_outline
from inference.results.single_images.heat_references import heat_references
from inference.results.single_images.pictures import encode_picture
from inference.results.single_images.references import by_uid
from inference.results.single_images.seg import encode_image_seg
from inference.results.single_images.sr import encode_image_sr
from storage.core.entities import Job
from storage.core.findings import Finding


def encode_images(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    output: PipelineOutput,
    findings: Sequence[Finding],
    extra_kinds: Collection[str],
    predecessor: Dataset | None,
    others: Sequence[Dataset] = (),
) -> Iterator[tuple[ResultKindName, Dataset]]:
    """A SEG for each image with segments, one SR, a presentation state for each with boxes, a map
    for each with a heat map and a place in the patient.

    A presentation state is to a box what a SEG is to a mask: without it no viewer shows the box
    on the image, so that it is always made. Pictures and CAD reports are, where a destination wants
    them.
    `others`: images that these were compared with, as evidence.
    """
    known = by_uid(list(sources))
    masks: dict[str, Dataset] = {}
    for number, image in enumerate(output.images, start=1):
        if image.segments:
            source = known[image.sop_instance_uid]
            mask = encode_image_seg(job, pipeline, source, image, number, output.derivation)
            masks[image.sop_instance_uid] = mask
            yield "SEG", mask
    if findings:
        named = {uid: known[uid] for uid in (one.sop_instance_uid for one in output.images)}
        heated = {
            one.finding_id: heat_references(
                job, named[one.image.sop_instance_uid], one, extra_kinds
            )
            for one in findings
            if one.image is not None and one.image.sop_instance_uid in named
        }
        yield (
            "SR",
            encode_image_sr(
                job, pipeline, named, findings, output, masks, predecessor, others, heated
            ),
        )
    if "CAD" in extra_kinds and output.looks_for_boxes:
        named = {uid: known[uid] for uid in (one.sop_instance_uid for one in output.images)}
        cad = encode_cad(job, pipeline, named, findings, output)
        if cad is not None:
            yield "CAD", cad
    for number, image in enumerate(output.images, start=1):
        source = known[image.sop_instance_uid]
        if image.boxes:
            yield "GSPS", encode_boxes(job, pipeline, source, image, number)
        if "GSPS" in extra_kinds:
            outlined = encode_heat_outline(job, pipeline, source, image, number)
            if outlined is not None:
                yield "GSPS", outlined
        heat_map = encode_heat_map(job, pipeline, source, image, number, output.derivation)
        if heat_map is not None:
            yield "PM", heat_map
        if "SC" in extra_kinds:
            own = [
                one
                for one in findings
                if one.image is None or one.image.sop_instance_uid == image.sop_instance_uid
            ]
            yield "SC", encode_picture(job, pipeline, source, image, own, number)
