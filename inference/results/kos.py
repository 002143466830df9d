"""The images that show a result best, as a Key Object Selection (PS3.3 A.35.4, TID 2010)."""

from collections.abc import Sequence

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from inference.imaging.volume import Volume
from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.equipment import contributing_equipment, finish
from inference.results.narrative import as_dicom_text, note_of
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.pictures.key_slices import key_slices
from inference.results.source_references import integer_of, reference_to
from inference.results.sr.observing import pipeline_context
from storage.core.entities import Job


def encode_key_objects(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume,
    output: PipelineOutput,
    captions: Sequence[str],
) -> Dataset | None:
    """A selection "Of Interest" of the key slices, with the numbers in its description.

    None where no segment lies on any slice. UIDs and dates derive from the job.
    """
    slices = key_slices(output)
    if not slices:
        return None
    first = sources[volume.instance_indices[slices[0]]]
    identity = result_identity(job, "KOS")
    at = made_at(job, first)
    references = {
        volume.sop_instance_uids[k]: reference_to(sources[volume.instance_indices[k]])
        for k in slices
    }
    content = hd.ko.KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=[references[volume.sop_instance_uids[k]] for k in slices],
        observer_device_context=pipeline_context(pipeline),
        description=as_dicom_text(
            " ".join(
                (
                    f"{pipeline.name} {pipeline.version}.",
                    note_of(pipeline),
                    *(f"{one}." for one in captions),
                )
            )
        ),
    )
    items = [item for item in content[0].ContentSequence if item.ValueType == "IMAGE"]
    for item, k in zip(items, slices, strict=True):
        if "NumberOfFrames" in references[volume.sop_instance_uids[k]]:
            item.ReferencedSOPSequence[0].ReferencedFrameNumber = volume.frame_numbers[k]
    document = hd.ko.KeyObjectSelectionDocument(
        evidence=list(references.values()),
        content=content,
        series_instance_uid=identity.series_instance_uid,
        series_number=result_series_number(integer_of(first, "SeriesNumber"), "KOS"),
        sop_instance_uid=identity.sop_instance_uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=software_versions(pipeline),
        device_serial_number=DEVICE_SERIAL_NUMBER,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=result_series_description(pipeline, "key images"),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    inherit_patient_and_study(document, first)
    return finish(document, at, contributing_equipment(pipeline, first, at))
