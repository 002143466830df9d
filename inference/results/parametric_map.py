"""A quantity at each voxel as a Parametric Map on the source grid (PS3.3 A.75)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as DicomCode
from pydicom.uid import ExplicitVRLittleEndian

from inference.imaging.volume import Volume
from inference.pipeline import ParametricMap, Pipeline, PipelineOutput
from inference.result_identity import (
    DEVICE_SERIAL_NUMBER,
    MANUFACTURER,
    image_object_uid,
    made_at,
    result_identity,
    result_series_description,
    result_series_number,
    software_versions,
)
from inference.results.coding import dicom_code
from inference.results.equipment import contributing_equipment, finish
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_frames import in_source_order, name_own_frames, state_derivation
from inference.results.source_references import integer_of
from storage.core.entities import Job
from storage.core.text.long_string import long_string
from storage.core.text.outside_text import clean_text

_SHOWN_PERCENTILES = (1.0, 99.0)
_LUT_LABEL_AT_MOST = 16
# The least float32: no quantity is so low, and readers that do not know of padding show it black.
_NO_VALUE = float(np.finfo(np.float32).min)
# Words of Body Part Examined (PS3.16 Annex L) that CID 4031 calls otherwise.
_REGIONS = {
    "brain": "head",
    "liver": "liverandbiliarystructure",
    "thorax": "chest",
    "wholebody": "entirebody",
    "headneck": "headandneck",
    "cspine": "cervicalspine",
    "tspine": "thoracicspine",
    "lspine": "lumbarspine",
}


def encode_maps(
    job: Job, pipeline: Pipeline, sources: Sequence[Dataset], volume: Volume, output: PipelineOutput
) -> Iterator[Dataset]:
    """One object a map, all in one series, numbered in the order of the output.

    UIDs and dates derive from the job, so a rerun repeats them.
    """
    for number, one in enumerate(output.maps, start=1):
        yield _encoded(job, pipeline, sources, volume, one, number, output.derivation)


def _encoded(
    job: Job,
    pipeline: Pipeline,
    sources: Sequence[Dataset],
    volume: Volume,
    one: ParametricMap,
    number: int,
    derivation: str,
) -> Dataset:
    first = sources[volume.instance_indices[0]]
    values = one.values.astype(np.float32, copy=False)
    references, planes = in_source_order(sources, volume, values)
    result = written_map(
        job,
        pipeline,
        first,
        references,
        replace(one, values=planes),
        number=number,
        sop_instance_uid=result_identity(job, "PM").sop_instance_uid
        if number == 1
        else image_object_uid(job, "PM", str(number)),
        laterality=volume.laterality,
    )
    name_own_frames(result, volume)
    if derivation:
        state_derivation(result, clean_text(derivation, lines=True))
    return result


def written_map(
    job: Job,
    pipeline: Pipeline,
    first: Dataset,
    references: Sequence[Dataset],
    one: ParametricMap,
    *,
    number: int,
    sop_instance_uid: str,
    laterality: str = "",
    what: str = "map",
) -> Dataset:
    """One object over source images that have a place in the patient, frame by frame.

    `first`: from which patient, study and anatomy are taken. `references`: as
    `source_references.reference_to`. `number` is that of the object in its series, `what` how
    the series calls it.
    """
    identity = result_identity(job, "PM")
    at = made_at(job, first)
    known = np.isfinite(one.values)
    values = one.values[known]
    centre, width = _window(one, values)
    versions = software_versions(pipeline)
    word = "AI" if pipeline.card.is_ai else "Computed"
    result = hd.pm.ParametricMap(
        source_images=references,
        pixel_array=np.where(known, one.values, np.float32(_NO_VALUE)),
        series_instance_uid=identity.series_instance_uid,
        series_number=result_series_number(integer_of(first, "SeriesNumber"), "PM"),
        sop_instance_uid=sop_instance_uid,
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=versions[0],
        device_serial_number=DEVICE_SERIAL_NUMBER,
        contains_recognizable_visual_features=_may_show_a_face(first),
        real_world_value_mappings=[
            hd.pm.RealWorldValueMapping(
                lut_label=_label(one.label),
                lut_explanation=long_string(one.label),
                unit=dicom_code(one.unit),
                value_range=(float(values.min()), float(values.max())),
                slope=1.0,
                intercept=0.0,
                quantity_definition=dicom_code(one.code),
            )
        ],
        voi_lut_transformations=[
            hd.VOILUTTransformation(
                # Of quantities as small as 0.001; LINEAR wants a width of 1 (PS3.3 C.11.2.1.2).
                window_center=centre,
                window_width=width,
                voi_lut_function="LINEAR_EXACT",
            )
        ],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_description=f"{word} parametric map, unverified, research use only",
        content_label="AI_MAP" if pipeline.card.is_ai else "MAP",
        series_description=result_series_description(pipeline, what),
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    for item in (*result.DimensionOrganizationSequence, *result.DimensionIndexSequence):
        item.DimensionOrganizationUID = identity.dimension_organization_uid
    # The encoder takes several as a tuple, about which pydicom complains.
    result.SoftwareVersions = versions
    shared = result.SharedFunctionalGroupsSequence[0]
    # The validators ask for the numbers as they stand in PS3.3 C.7.6.16.2.9b.
    shared.PixelValueTransformationSequence[0].RescaleSlope = "1"
    shared.PixelValueTransformationSequence[0].RescaleIntercept = "0"
    shared.FrameAnatomySequence = [_anatomy(first, laterality)]
    if not known.all():
        result.FloatPixelPaddingValue = _NO_VALUE
        result.FloatPixelPaddingRangeLimit = _NO_VALUE
    # Type 2 (PS3.3 Table C.8.32-2): a model is nobody.
    result.ContentCreatorName = None
    inherit_patient_and_study(result, first)
    return finish(result, at, contributing_equipment(pipeline, first, at))


def _window(one: ParametricMap, values: NDArray[np.float32]) -> tuple[float, float]:
    """Centre and width of what pictures show."""
    low, high = one.window or (float(each) for each in np.percentile(values, _SHOWN_PERCENTILES))
    if not high > low:
        # A map of one value.
        low, high = low - 0.5 * max(1.0, abs(low)), high + 0.5 * max(1.0, abs(high))
    return (low + high) / 2, high - low


def _label(label: str) -> str:
    """LUT Label is an SH of 16 characters."""
    return clean_text(label)[:_LUT_LABEL_AT_MOST].strip() or "map"


def _may_show_a_face(source: Dataset) -> bool:
    """Unless the images state that they do not: the map shows what they show."""
    return str(source.get("RecognizableVisualFeatures") or "").strip() != "NO"


def _anatomy(source: Dataset, laterality: str) -> Dataset:
    """The part of the body (PS3.3 C.7.6.16.2.8): as the images code it, or by the word that they
    have for it; the entire body where they have none."""
    region = next(iter(source.get("AnatomicRegionSequence") or ()), None)
    item = Dataset()
    if region is not None and all(
        str(region.get(keyword) or "").strip()
        for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
    ):
        stated = hd.sr.CodedConcept(
            str(region.CodeValue), str(region.CodingSchemeDesignator), str(region.CodeMeaning)
        )
    else:
        stated = hd.sr.CodedConcept.from_code(region_of(str(source.get("BodyPartExamined") or "")))
    item.AnatomicRegionSequence = [stated]
    item.FrameLaterality = laterality or "U"
    return item


def region_of(body_part_examined: str) -> DicomCode:
    """Of PS3.16 CID 4031; the entire body where the word is in none of its names."""
    word = "".join(filter(str.isalpha, body_part_examined.lower()))
    wanted = _REGIONS.get(word, word)
    names = {name.lower(): name for name in dir(codes.cid4031) if name[:1].isupper()}
    found: DicomCode = getattr(codes.cid4031, names.get(wanted, "EntireBody"))
    return found
