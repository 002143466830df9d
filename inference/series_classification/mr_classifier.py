"""The contrast of an MR series by the trained classifier of `dcm-classifier`, where installed.

A forest over 28 features of the header (Brzus et al., Proc. SPIE 12931, 2024; Apache-2.0).
Its ONNX file alone is used: importing the package would load ITK and change how pydicom works
for the whole process.
"""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Literal

import numpy as np
import structlog
from pydicom.dataset import Dataset

from inference.imaging.headers import texts

log = structlog.get_logger(__name__)

Answer = Literal["T1", "T2", "FLAIR", "T2*", "DWI", "ADC", ""]

_DISTRIBUTION = "dcm-classifier"
_MODEL = "ova_rf_classifier.onnx"
# By the number of the class. FA and exponential ADC are none of the contrasts known here.
_CLASSES: tuple[Answer, ...] = (
    "T1", "T2*", "T2", "FLAIR", "DWI", "DWI", "ADC", "", "", "DWI",
)  # fmt: skip
# Below, nothing is claimed. Its authors ask for 0.4, but it knows no proton density and calls
# one a T1 with 0.84.
_PROBABILITY_AT_LEAST = 0.9
_NOT_STATED = -12345.0  # as in its training
# Without these its authors give no answer.
_REQUIRED = ("PixelBandwidth", "FlipAngle", "PixelSpacing", "SliceThickness")


def classified_contrast(header: Dataset) -> Answer:
    """What the classifier says of one header; empty where it is not installed or not sure."""
    session = _session()
    if session is None or any(header.get(keyword) in (None, "") for keyword in _REQUIRED):
        return ""
    features = np.array([list(features_of(header).values())], np.float32)
    (_, probabilities) = session.run(None, {session.get_inputs()[0].name: features})
    number, probability = max(probabilities[0].items(), key=lambda one: one[1])
    return _CLASSES[number] if probability >= _PROBABILITY_AT_LEAST else ""


def features_of(header: Dataset) -> dict[str, float]:
    """The features in the order in which the classifier takes them."""
    kinds = " ".join(texts(header.get("ImageType"))).upper()
    sequence = " ".join(texts(header.get("ScanningSequence"))).upper()
    variant = " ".join(texts(header.get("SequenceVariant"))).upper()
    b_value = _number(header, "DiffusionBValue")
    directed = header.get("DiffusionGradientOrientation") is not None
    exponential = "EADC" in kinds
    diffusion = any(word in kinds for word in ("DIFFUSION", "ADC", "TRACEW", "FA"))
    return {
        "Diffusionb-valueBool": float(b_value != _NOT_STATED),
        "EchoTime": _number(header, "EchoTime"),
        "EchoTrainLength": _number(header, "EchoTrainLength"),
        "FlipAngle": _number(header, "FlipAngle"),
        "HasDiffusionGradientOrientation": float(directed),
        "ImageType_ADC": float("ADC" in kinds and not exponential),
        "ImageType_DERIVED": float("DERIVED" in kinds),
        "ImageType_DIFFUSION": float("DIFFUSION" in kinds),
        "ImageType_EADC": float(exponential),
        "ImageType_FA": float("FA" in kinds),
        "ImageType_ORIGINAL": float("ORIGINAL" in kinds),
        "ImageType_TRACEW": float("TRACEW" in kinds),
        "ImagingFrequency": _number(header, "ImagingFrequency"),
        "InversionTime": _number(header, "InversionTime"),
        "Manufacturer_siemens": float("SIEMENS" in str(header.get("Manufacturer")).upper()),
        "NumberOfAverages": _number(header, "NumberOfAverages"),
        "PixelBandwidth": _number(header, "PixelBandwidth"),
        "RepetitionTime": _number(header, "RepetitionTime"),
        "SAR": _number(header, "SAR"),
        "ScanningSequence_GR": float("GR" in sequence),
        "ScanningSequence_IR": float("IR" in sequence),
        "ScanningSequence_SE": float("SE" in sequence),
        "SequenceVariant_MP": float("MP" in variant),
        "SequenceVariant_SP": float("SP" in variant),
        "dBdt": _number(header, "dBdt"),
        "has_b0": float(b_value == 0),
        "has_pos_b0": float(b_value > 0),
        "likely_diffusion": float(diffusion or b_value > 0 or directed),
    }


def _number(header: Dataset, keyword: str) -> float:
    try:
        return float(header.get(keyword))
    except (TypeError, ValueError):
        return _NOT_STATED


@lru_cache(maxsize=1)
def _session() -> Any:
    """The classifier ready to run; None where it is not installed."""
    try:
        files = distribution(_DISTRIBUTION).files or ()
    except PackageNotFoundError:
        return None
    path = next((Path(str(one.locate())) for one in files if one.name == _MODEL), None)
    if path is None or not path.is_file():
        log.warning("mr_classifier_missing", file=_MODEL)
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )
