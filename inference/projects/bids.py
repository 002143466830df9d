"""Names and sidecars of a BIDS dataset (Brain Imaging Data Structure 1.10)."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from pydicom.dataset import Dataset

from inference.deidentification.codes import is_known_code
from inference.imaging.acquisition.field_strength import field_strength_t
from inference.pipeline import Segment
from inference.series_classification.mr_contrast import mr_contrast
from storage.core.findings import Code

_Value = TypeVar("_Value")
VERSION = "1.10.0"
# CT is no data type of BIDS, nor is MR of another contrast.
IGNORED = "**/ct/**\n**/mr/**\n*.csv\n*.parquet\ncertificate.json\n"
_MR_SUFFIXES = {
    "T1": "T1w",
    "T2": "T2w",
    "T2*": "T2starw",
    "FLAIR": "FLAIR",
    "PD": "PDw",
    "ANGIO": "angio",
}
_MS_PER_S = 1000.0
# Attributes of an image, and what BIDS calls them.
_NUMBERS = {
    "FlipAngle": "FlipAngle",
    "SliceThickness": "SliceThickness",
    "PixelBandwidth": "PixelBandwidth",
    "KVP": "XRayTubeVoltage",
    "XRayTubeCurrent": "XRayTubeCurrent",
    "GantryDetectorTilt": "GantryDetectorTilt",
}
_MILLISECONDS = {
    "EchoTime": "EchoTime",
    "RepetitionTime": "RepetitionTime",
    "InversionTime": "InversionTime",
    "ExposureTime": "ExposureTime",
}
_TEXTS = {
    "Modality": "Modality",
    "Manufacturer": "Manufacturer",
    "ManufacturerModelName": "ManufacturersModelName",
    "MRAcquisitionType": "MRAcquisitionType",
    "ScanningSequence": "ScanningSequence",
    "SequenceVariant": "SequenceVariant",
    "ConvolutionKernel": "ConvolutionKernel",
}


def image_stem(patient: str, session: str, series: str, image: Dataset) -> str:
    """`sub-…/ses-…/anat/sub-…_ses-…_acq-…_T1w`. `image`: one of the series."""
    data_type, suffix = _kind(image)
    subject, visit = f"sub-{_label(patient)}", f"ses-{_label(session)}"
    return f"{subject}/{visit}/{data_type}/{subject}_{visit}_acq-{_label(series)}_{suffix}"


def labels_stem(of_image: str, segmentation: str) -> str:
    """Beside the raw data, by the name of the image on whose grid the labels lie."""
    stem = of_image.rpartition("_")[0]
    return f"derivatives/segmentations/{stem}_desc-{_label(segmentation)}_dseg"


def description(name: str, software: str) -> bytes:
    """`dataset_description.json`."""
    return as_json(
        {
            "Name": name,
            "BIDSVersion": VERSION,
            "DatasetType": "raw",
            "GeneratedBy": [{"Name": software}],
        }
    )


def sidecar(images: Sequence[Dataset], has_leak: Callable[[str], bool], software: str) -> bytes:
    """How the images of a volume were made, as far as all of them state the same; times in
    seconds. `images`: as they leave."""
    found: dict[str, Any] = {}
    for keyword, name in {**_NUMBERS, **_MILLISECONDS}.items():
        value = _of_all(images, partial(_number_of, keyword=keyword))
        if value is not None:
            found[name] = value / _MS_PER_S if keyword in _MILLISECONDS else value
    tesla = _of_all(images, field_strength_t)
    if tesla is not None:
        found["MagneticFieldStrength"] = tesla
    for keyword, name in _TEXTS.items():
        text = _of_all(images, partial(_text_of, keyword=keyword))
        if text and not has_leak(text):
            found[name] = text
    return as_json({**found, **_without_face(images[0]), "ConversionSoftware": software})


def _of_all(images: Sequence[Dataset], stated: Callable[[Dataset], _Value]) -> _Value | None:
    """None of what differs."""
    first = stated(images[0])
    return first if all(stated(one) == first for one in images) else None


def _without_face(image: Dataset) -> dict[str, Any]:
    """What BIDS and DICOM say of an image whose face was overwritten."""
    if str(image.get("RecognizableVisualFeatures") or "") != "NO":
        return {}
    keywords = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
    return {
        "RecognizableVisualFeatures": "NO",
        "DerivationDescription": str(image.get("DerivationDescription") or ""),
        "DeidentificationMethodCodeSequence": [
            {keyword: str(one.get(keyword) or "") for keyword in keywords}
            for one in image.get("DeidentificationMethodCodeSequence") or ()
        ],
    }


def labels_sidecar(
    segments: Sequence[Segment],
    segmentation: Dataset,
    clean: Callable[[str], str],
    software: str,
) -> bytes:
    """What each number, or each place on the fourth axis, stands for, and what drew it.

    `segmentation`: as it leaves.
    """
    drawn_by = [_algorithm(one) for one in segmentation.SegmentSequence]
    return as_json(
        {
            "Labels": {
                str(number): {
                    "Name": clean(segment.label),
                    "Code": _code(segment.type),
                    "Laterality": "" if segment.laterality is None else _code(segment.laterality),
                    "Algorithm": algorithm,
                }
                for number, (segment, algorithm) in enumerate(
                    zip(segments, drawn_by, strict=True), start=1
                )
            },
            "VerificationFlag": "UNVERIFIED",
            "IntendedUse": "Research only.",
            "ConversionSoftware": software,
        }
    )


def as_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _kind(image: Dataset) -> tuple[str, str]:
    """Data type and suffix."""
    modality = str(image.get("Modality") or "").strip().upper()
    if modality == "MR":
        suffix = _MR_SUFFIXES.get(mr_contrast(image))
        return ("anat", suffix) if suffix else ("mr", "mr")
    if modality == "PT":
        return "pet", "pet"
    name = _label(modality).lower() or "image"
    return name, name


def _code(code: Code) -> str:
    is_known = is_known_code(code.value, code.scheme_designator)
    return f"{code.scheme_designator}:{code.value}" if is_known else ""


def _algorithm(segment: Dataset) -> str:
    """Name and version of what drew a segment; how it was drawn where no program is named."""
    identified = segment.get("SegmentationAlgorithmIdentificationSequence") or [Dataset()]
    parts = [segment.get("SegmentAlgorithmName"), identified[0].get("AlgorithmVersion")]
    drawn_by = " ".join(_texts(parts))
    return drawn_by or str(segment.get("SegmentAlgorithmType") or "")


def _label(text: str) -> str:
    """Letters and digits alone, as BIDS has it."""
    return "".join(one for one in text if one.isascii() and one.isalnum())


def _number_of(image: Dataset, keyword: str) -> float | None:
    return _number(image.get(keyword))


def _text_of(image: Dataset, keyword: str) -> str:
    return "\\".join(_texts(image.get(keyword)))


def _number(value: object) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None


def _texts(value: Any) -> list[str]:
    several = value if hasattr(value, "append") else [value]
    return [str(one).strip() for one in several if one]
