"""Pictures that are not DICOM: kept as what they are, analysed by the models for pictures."""

import hashlib
from collections.abc import Sequence
from typing import BinaryIO

import structlog

from api.errors import ApiProblem
from inference.broker.notify import wake
from inference.imaging.picture_files import BROKEN, checked_size
from inference.model_registry.status import ModelBlocked, Standing, offered, standing_named
from inference.pipeline import Pipeline
from storage.core.entities import Job
from storage.core.errors import InvalidInstance, NotConfigured
from storage.integrity.uploads import digest_of_file, is_intact
from storage.jobs.repository import Jobs
from storage.model_registry.registry import ModelStates
from storage.objects.store import ObjectStore
from storage.settings import Settings

log = structlog.get_logger(__name__)

_NOT_CONFIGURED = (
    "Set HF_IMG_CLS_MODEL or HF_IMG_SEG_MODEL to a local model folder, or to owner/name@commit of"
    " the hub, then start again."
)


def picture_pipelines(
    settings: Settings, model_states: ModelStates, asked: str | None
) -> tuple[Pipeline, ...]:
    """Those that analyse a picture: the one that is asked for, or all that have a model.

    Raises NotFound, ApiProblem where that one takes series, ModelBlocked, and NotConfigured:
    nothing is invented in place of a model.
    """
    if asked is not None:
        standing = standing_named(settings, model_states, asked)
        if standing.pipeline.input_kind != "image":
            raise ApiProblem(
                422,
                "no_pipeline_accepts",
                f"{asked} takes DICOM series, and this is a picture.",
                title="No pipeline accepts this",
                remedy="Leave the pipeline out, or name one of: "
                + ", ".join(one.pipeline.name for one in _for_pictures(settings, model_states))
                + ".",
                extra={"decisions": []},
            )
        return (_usable(standing),)
    found = _for_pictures(settings, model_states)
    # One that is set and cannot be used is reported, though another could be used.
    meant = [one for one in found if not one.pipeline.readiness().optional]
    if not meant:
        raise NotConfigured("No image model is configured.", remedy=_NOT_CONFIGURED)
    return tuple(_usable(one) for one in meant)


def _usable(standing: Standing) -> Pipeline:
    readiness = standing.pipeline.readiness()
    if not readiness.ready:
        raise NotConfigured(readiness.detail, remedy=_NOT_CONFIGURED)
    if standing.blocked:
        raise ModelBlocked(standing.blocked)
    return standing.pipeline


def _for_pictures(settings: Settings, model_states: ModelStates) -> list[Standing]:
    return [one for one in offered(settings, model_states) if one.pipeline.input_kind == "image"]


def check_picture(file: BinaryIO) -> None:
    """Raise unless it is a whole PNG or JPEG of a sane size; leaves `file` at its start."""
    try:
        file.seek(0)
        checked_size(file, thing="picture", verify=True)
    except BROKEN as error:
        raise InvalidInstance(
            "The picture is damaged or incomplete.", remedy="Export it again and send it again."
        ) from error
    finally:
        file.seek(0)


def schedule_picture(
    settings: Settings,
    objects: ObjectStore,
    job_repository: Jobs,
    pipelines: Sequence[Pipeline],
    object_key: str,
    content_type: str,
    file: BinaryIO,
) -> list[Job]:
    """The jobs that analyse a picture; the same picture and model never make a second one.

    Where the picture of an earlier one is damaged, this one takes its place.
    """
    digest = digest_of_file(file)
    jobs = []
    for pipeline in pipelines:
        # The model is a setting: another model on the same picture is another input.
        model = f"{pipeline.card.source}@{pipeline.card.revision}"
        fingerprint = hashlib.sha256(f"{model}\0{digest}".encode()).hexdigest()
        job, created = job_repository.schedule(
            pipeline.name,
            pipeline.version,
            "",
            "",
            fingerprint,
            input_object_key=object_key,
            input_digest=digest,
        )
        if created:
            wake(settings)
        jobs.append(job)
    # What was uploaded before may be damaged or lost since.
    for kept in {job.input_object_key for job in jobs} - {object_key, ""}:
        if not is_intact(objects, kept, digest):
            file.seek(0)
            objects.put(kept, file, content_type)
            log.info("upload_repaired", object_key=kept)
    if all(job.input_object_key != object_key for job in jobs):
        objects.delete(object_key)
    return jobs
