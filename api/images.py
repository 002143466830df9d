"""Pictures that are not DICOM: kept as what they are, analysed by the image model."""

import hashlib
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from api.errors import ApiProblem
from inference.registry.standing import ModelHeld, standing_named
from inference.wake import wake
from storage.entities import Job
from storage.errors import InvalidInstance, LimitExceeded, NotConfigured
from storage.opening import Storage

IMAGE_PIPELINE = "image-classification"
_FORMATS = ("PNG", "JPEG")
_MAX_PIXELS = 100_000_000
_NOT_CONFIGURED = (
    "Set HF_IMG_CLS_MODEL to a local folder or the hub id of an image classifier, then start again."
)


def check_image_pipeline(storage: Storage, pipeline: str | None) -> None:
    """Raise where a picture could not be analysed: another pipeline is meant, or no model is set.

    Nothing is invented in place of a model.
    """
    if pipeline not in (None, IMAGE_PIPELINE):
        standing_named(storage, pipeline)
        raise ApiProblem(
            422,
            "no_pipeline_accepts",
            f"{pipeline} takes DICOM series, and this is a picture.",
            title="No pipeline accepts this",
            remedy=f"Leave the pipeline out, or name {IMAGE_PIPELINE}.",
            extra={"decisions": []},
        )
    if not storage.settings.hf_img_cls_model:
        raise NotConfigured("No image model is configured.", remedy=_NOT_CONFIGURED)
    standing = standing_named(storage, IMAGE_PIPELINE)
    if standing.held:
        raise ModelHeld(standing.held)
    readiness = standing.pipeline.readiness()
    if not readiness.ready:
        raise NotConfigured(readiness.detail, remedy=_NOT_CONFIGURED)


def check_picture(file: BinaryIO) -> None:
    """Raise unless it is a whole PNG or JPEG of a sane size; leaves `file` at its start."""
    try:
        file.seek(0)
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise LimitExceeded(
                    f"The picture has {image.width} × {image.height} pixels;"
                    f" {_MAX_PIXELS} in all are allowed.",
                    remedy="Send a smaller picture.",
                )
            image.verify()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise InvalidInstance(
            "The picture is damaged or incomplete.", remedy="Export it again and send it again."
        ) from error
    finally:
        file.seek(0)


def schedule_picture(storage: Storage, object_key: str, file: BinaryIO) -> Job:
    """The job that analyses a picture; the same picture and model never make a second one."""
    pipeline = standing_named(storage, IMAGE_PIPELINE).pipeline
    file.seek(0)
    digest = hashlib.sha256(file.read()).hexdigest()
    # The model is a setting: another model on the same picture is another input.
    fingerprint = hashlib.sha256(
        f"{storage.settings.hf_img_cls_model}\0{digest}".encode()
    ).hexdigest()
    job, created = storage.jobs.schedule(
        pipeline.name, pipeline.version, "", "", fingerprint, input_object_key=object_key
    )
    if created:
        wake(storage.settings)
    elif job.input_object_key != object_key:
        storage.objects.delete(object_key)
    return job
