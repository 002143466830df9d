"""Films and models of films: drawn and set by hand, so that every answer can be computed."""

import json
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from inference.models.cards.card_file import CARD_FILE
from storage.core.uids import derive_uid
from tests.inference.small import PATIENT_NAME, series_uid, study_uid

SQUARE = (60, 100, 100, 180)
"""The bright part of `film`: first row, last row + 1, first column, last column + 1."""


def film(
    name: str,
    number: int = 1,
    *,
    pixels: NDArray[np.integer[Any]] | None = None,
    **attributes: Any,
) -> Dataset:
    """A chest film from the front (DX, PS3.3 A.26) of 240 rows and 320 columns: dark, with a
    bright rectangle at SQUARE. Films of one `name` make one series."""
    if pixels is None:
        pixels = np.full((240, 320), 200, np.uint16)
        top, bottom, left, right = SQUARE
        pixels[top:bottom, left:right] = 3800
    dataset = Dataset()
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = derive_uid("test-film", name, str(number))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study_uid(name), series_uid(name)
    dataset.PatientName, dataset.PatientID = PATIENT_NAME, "Q-4711"
    dataset.PatientBirthDate, dataset.PatientSex = "19500102", "O"
    dataset.StudyDate, dataset.StudyTime = "20240131", "101500"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20240131", "101500"
    dataset.ContentDate, dataset.ContentTime = "20240131", "101500"
    dataset.AccessionNumber, dataset.StudyID, dataset.ReferringPhysicianName = "A1", "1", ""
    dataset.Modality, dataset.Manufacturer = "DX", "Phantom"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.SeriesNumber, dataset.InstanceNumber = 3, number
    dataset.ImageType = ["DERIVED", "PRIMARY", ""]
    dataset.BodyPartExamined, dataset.ViewPosition = "CHEST", "PA"
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImagerPixelSpacing = [0.2, 0.2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = 12 if pixels.dtype.itemsize == 2 else 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", 1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape, dataset.LossyImageCompression = "IDENTITY", "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    _put(dataset, pixels, attributes)
    return dataset


def ultrasound(name: str, frames: NDArray[np.uint8], number: int = 1, **attributes: Any) -> Dataset:
    """An ultrasound image (rows, columns), or a cine (frames, rows, columns)."""
    multi = frames.ndim == 3
    dataset = film(name, number, pixels=frames if not multi else frames[0])
    dataset.SOPClassUID = UltrasoundMultiFrameImageStorage if multi else UltrasoundImageStorage
    dataset.Modality = "US"
    for keyword in (
        "PresentationIntentType", "PixelIntensityRelationship", "ViewPosition",
        "ImagerPixelSpacing", "PixelIntensityRelationshipSign", "RescaleIntercept",
        "RescaleSlope", "RescaleType", "WindowCenter", "WindowWidth", "PresentationLUTShape",
    ):  # fmt: skip
        del dataset[keyword]
    if multi:
        dataset.NumberOfFrames, dataset.FrameTime = len(frames), 40
        dataset.FrameIncrementPointer = 0x00181063
    dataset.PixelData = frames.tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def _put(dataset: Dataset, pixels: NDArray[np.integer[Any]], attributes: dict[str, Any]) -> None:
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def part10(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def image_card(output: str, **changes: Any) -> dict[str, Any]:
    """A card of a model that sees 60 × 80 pixels in grey; `changes` are of its `model`."""
    return {
        "title": "Bright part",
        "licence": "Apache-2.0",
        "intended_use": "Research use only: a test.",
        "segments": {
            "1": {
                "label": "Bright part",
                "code": ["52988006", "SCT", "Lesion"],
                "category": ["49755003", "SCT", "Morphologically Abnormal Structure"],
            }
        },
        "model": {
            "name": "Bright part",
            "version": "1.0",
            "output": output,
            "labels": {"0": "Dark", "1": "Bright part"},
            "image": {"channels": 1, "resize": {"size": [60, 80]}},
            **changes,
        },
    }


def write_card(folder: Path, card: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD_FILE).write_text(json.dumps(card))
    return folder


def bright_classifier(folder: Path, **changes: Any) -> Path:
    """TorchScript: the logit of class 1 is 10 × mean − 1, that of class 0 is 0."""
    import torch

    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            bright = 10.0 * x.mean(dim=(1, 2, 3)) - 1.0
            return torch.stack([torch.zeros_like(bright), bright], dim=1)

    return _scripted(folder, Mean(), image_card("image-classification", **changes))


def bright_detector(folder: Path, **changes: Any) -> Path:
    """TorchScript: one box around all that is brighter than 0.5, with its mean as the score."""
    import torch

    class Around(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            bright = x[0, 0] > 0.5
            if not bool(bright.any()):
                return {
                    "boxes": torch.zeros((0, 4)),
                    "labels": torch.zeros((0,), dtype=torch.int64),
                    "scores": torch.zeros((0,)),
                }
            rows = torch.nonzero(bright.any(dim=1)).flatten()
            columns = torch.nonzero(bright.any(dim=0)).flatten()
            box = torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            return {
                "boxes": box.float()[None],
                "labels": torch.ones((1,), dtype=torch.int64),
                "scores": x[0, 0][bright].mean()[None].clamp(0.0, 1.0),
            }

    return _scripted(folder, Around(), image_card("object-detection", **changes))


def bright_segmenter(folder: Path, **changes: Any) -> Path:
    """TorchScript: class 1 where a pixel is brighter than 0.5, by logits of 20 × (x − 0.5)."""
    import torch

    class Above(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            bright = 20.0 * (x - 0.5)
            return torch.cat([-bright, bright], dim=1)

    return _scripted(folder, Above(), image_card("image-segmentation", **changes))


def _scripted(folder: Path, module: Any, card: dict[str, Any]) -> Path:
    return script(write_card(folder, card), module)


def script(folder: Path, module: Any) -> Path:
    """The module as model.ts in a folder."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(module.eval()).save(str(folder / "model.ts"))
    return folder


def vit(folder: Path, labels: Sequence[str] = ("none", "effusion", "mass"), **changes: Any) -> Path:
    """A small ViT of Hugging Face's, as save_pretrained writes it, with weights by chance."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(11)
    named = dict(enumerate(labels))
    model = ViTForImageClassification(
        ViTConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
            image_size=64, patch_size=16, id2label=named,
            label2id={word: index for index, word in named.items()},
        )
    )  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    model.save_pretrained(folder)
    processor = ViTImageProcessor(
        size={"height": 64, "width": 64}, image_mean=[0.5, 0.4, 0.3], image_std=[0.5, 0.6, 0.7]
    )
    processor.save_pretrained(folder)
    return _named_by_config(folder, image_card("image-classification", **changes))


def yolos(folder: Path, **changes: Any) -> Path:
    """A small YOLOS of Hugging Face's: a detector that needs no backbone from elsewhere."""
    import torch
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    torch.manual_seed(12)
    model = YolosForObjectDetection(
        YolosConfig(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
            image_size=[64, 96], patch_size=16, num_detection_tokens=6,
            id2label={0: "Nodule", 1: "Mass"}, label2id={"Nodule": 0, "Mass": 1},
        )
    )  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    YolosImageProcessor(size={"height": 64, "width": 96}).save_pretrained(folder)
    return _named_by_config(folder, image_card("object-detection", **changes))


def segformer(folder: Path, **changes: Any) -> Path:
    """The small SegFormer of the tests of uploaded pictures, with a card."""
    from tests.inference.language.small_vision_models import segformer as saved

    saved(folder)
    return _named_by_config(folder, image_card("image-segmentation", **changes))


def swin(folder: Path, labels: Sequence[str] = ("none", "effusion", "mass")) -> Path:
    """A small Swin of Hugging Face's, as save_pretrained writes it, with weights by chance."""
    import torch
    from transformers import SwinConfig, SwinForImageClassification, ViTImageProcessor

    torch.manual_seed(13)
    named = dict(enumerate(labels))
    model = SwinForImageClassification(
        SwinConfig(
            image_size=64, patch_size=4, embed_dim=16, depths=[1, 2], num_heads=[2, 4],
            window_size=4, id2label=named,
            label2id={word: index for index, word in named.items()},
        )
    )  # fmt: skip
    torch.nn.init.normal_(model.classifier.weight, std=0.5)
    model.save_pretrained(folder)
    ViTImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return _named_by_config(folder, image_card("image-classification"))


def dfine(folder: Path) -> Path:
    """A small D-FINE of Hugging Face's with its own backbone, with weights by chance."""
    import torch
    from transformers import (
        DFineConfig,
        DFineForObjectDetection,
        HGNetV2Config,
        RTDetrImageProcessor,
    )

    torch.manual_seed(14)
    backbone = HGNetV2Config(
        stem_channels=[3, 8, 8], stage_in_channels=[8, 16, 32, 32],
        stage_mid_channels=[8, 8, 16, 16], stage_out_channels=[16, 32, 32, 32],
        stage_num_blocks=[1, 1, 1, 1], stage_numb_of_layers=[1, 1, 1, 1],
        embedding_size=8, hidden_sizes=[16, 32, 32, 32], depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    model = DFineForObjectDetection(
        DFineConfig(
            backbone_config=backbone, encoder_hidden_dim=32, encoder_in_channels=[32, 32, 32],
            encoder_ffn_dim=32, encoder_attention_heads=2, encoder_layers=1, d_model=32,
            decoder_in_channels=[32, 32, 32], decoder_ffn_dim=32, decoder_layers=2,
            decoder_attention_heads=2, num_queries=12, num_denoising=0,
            id2label={0: "Nodule", 1: "Mass"}, label2id={"Nodule": 0, "Mass": 1},
        )
    )  # fmt: skip
    model.save_pretrained(folder)
    RTDetrImageProcessor(size={"height": 64, "width": 96}).save_pretrained(folder)
    return _named_by_config(folder, image_card("object-detection"))


def _named_by_config(folder: Path, card: dict[str, Any]) -> Path:
    """With a card that leaves labels and size to the files of Hugging Face's."""
    del card["segments"], card["model"]["labels"], card["model"]["image"]
    return write_card(folder, card)
