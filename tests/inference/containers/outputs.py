"""What containers write beside a small CT of a cube, and the reading of it."""

import copy
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from inference.containers.results import OutputReader, Written
from inference.imaging.volume import assemble_volume
from inference.pipeline import Segment
from inference.refusals import ModelUnusable
from storage.core.findings import Code
from tests import builders

SHAPE = (6, 20, 24)


MASK = builders.asymmetric_mask(SHAPE)


IMAGES = builders.series(
    np.where(MASK, 900, 100).astype(np.int16), directions=builders.rotation(7, -5, 11)
)


VOLUME = assemble_volume(IMAGES)


SPLEEN = Segment(
    "Spleen",
    Code("123037004", "SCT", "Anatomical Structure"),
    Code("78961009", "SCT", "Spleen"),
    (10, 200, 30),
)


MIB = 1024 * 1024


def segmentation(mask: NDArray[np.bool_] = MASK, label: str = "Lesion", **stated: Any) -> Dataset:
    """As another vendor's program writes it, of the images in their order."""
    in_order = [IMAGES[index] for index in VOLUME.instance_indices]
    values: dict[str, Any] = {"pixel_array": mask.astype(np.uint8), "segmentation_type": "BINARY"}
    algorithm = hd.AlgorithmIdentificationSequence(
        name="Other", version="1", family=codes.DCM.ArtificialIntelligence
    )
    described = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
    )
    made = hd.seg.Segmentation(
        source_images=in_order,
        segment_descriptions=[described],
        series_instance_uid=generate_uid(),
        series_number=900,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Another vendor",
        manufacturer_model_name="Other",
        software_versions="1",
        device_serial_number="1",
        **{**values, **stated},
    )
    # It shares elements with the images.
    return copy.deepcopy(made)


def read(folder: Path, segments: dict[int, Segment] | None = None) -> Written:
    reader = OutputReader(IMAGES[0], VOLUME, segments or {}, 8 * MIB)
    return reader.read(folder)


def refusal(folder: Path, segments: dict[int, Segment] | None = None) -> str:
    with pytest.raises(ModelUnusable) as refused:
        read(folder, segments)
    assert refused.value.remedy
    return refused.value.message


def label_map(folder: Path, values: NDArray[Any], turn: str = "RAS") -> None:
    """On the grid of the series, written as a program with that orientation has its images."""
    lps_from_ijk = VOLUME.lps_from_kji[:, [2, 1, 0, 3]]
    image = nib.Nifti1Image(values.T, np.diag((-1, -1, 1, 1)) @ lps_from_ijk)
    source = nib.io_orientation(image.affine)
    turned = image.as_reoriented(
        nib.orientations.ornt_transform(source, nib.orientations.axcodes2ornt(tuple(turn)))
    )
    nib.save(turned, folder / "labels.nii.gz")


def report(path: Path) -> None:
    """TID 1500 with one group, as another vendor's program writes it."""
    images = [IMAGES[index] for index in VOLUME.instance_indices]
    context = hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Device,
            observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                uid=generate_uid()
            ),
        )
    )
    group = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(generate_uid(), "Nodule 1"),
        measurements=[
            hd.sr.Measurement(name=codes.SCT.Diameter, value=8.5, unit=codes.UCUM.Millimeter)
        ],
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(images[0])],
    )
    content = hd.sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.cid100.MRIUnspecifiedBodyRegion,
        imaging_measurements=[group],
    )
    hd.sr.Comprehensive3DSR(
        evidence=images,
        content=content[0],
        series_instance_uid=generate_uid(),
        series_number=901,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Another vendor",
    ).save_as(path)
