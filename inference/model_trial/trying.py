"""A model tried on a study that is here: nothing is scheduled, stored or sent."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from PIL import Image

from inference.findings.build import build_findings
from inference.imaging.volume import assemble_volume
from inference.input_selection.prior_images import image_prior_of
from inference.input_selection.selection import Selection, select_input, word_of
from inference.input_selection.study_inputs import inputs_of
from inference.model_registry.status import model_of
from inference.model_servers.gate import GateStorage, guarded
from inference.models.card import Provable
from inference.models.devices import with_fallback
from inference.pipeline import (
    ParametricMap,
    Pipeline,
    PipelineContext,
    PipelineOutput,
    takes_instances,
)
from inference.refusals import ModelUnusable
from inference.results.narrative import captions, note_of, shown_value
from inference.results.pictures.render import draw_pictures
from inference.results.single_images.pictures import draw_image
from inference.unscheduled_jobs import unscheduled_job
from inference.volume_preparation.coverage import run_with_coverage
from inference.volume_preparation.tilt import resamples_tilt
from storage.container import open_storage
from storage.container.has import HasIndex, HasInstances
from storage.core.entities import Job, Series
from storage.core.errors import InvalidRequest, MediViewError
from storage.core.findings import Finding
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.model_registry.trials import TriedSeries
from storage.settings import Settings

_GAP_PIXELS = 8
TRIAL_AT_MOST_S = 900.0


@dataclass(frozen=True)
class Trial:
    """One series: why it was not taken, or what was found, with a picture where there is one."""

    series: Series
    taken: bool
    reason: str
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    picture: Image.Image | None = None


@dataclass(frozen=True)
class TrialAnswer:
    """A trial as it travels between processes; `picture` is a PNG, empty where there is none."""

    series_instance_uid: str
    series_number: int | None
    modality: str
    taken: bool
    reason: str
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    picture: bytes

    def tried(self) -> TriedSeries:
        """As it is kept and shown."""
        return TriedSeries(
            series_instance_uid=self.series_instance_uid,
            series_number=self.series_number,
            modality=self.modality,
            taken=self.taken,
            reason=self.reason,
            findings=list(self.lines),
            notes=list(self.notes),
            picture=base64.b64encode(self.picture).decode(),
        )


def try_named(
    settings: Settings, name: str, version: str | None, study_instance_uid: str
) -> list[TrialAnswer]:
    with open_storage(settings) as storage:
        try:
            pipeline = model_of(settings, storage.model_states, name, version).pipeline
            return [
                TrialAnswer(
                    one.series.series_instance_uid,
                    one.series.series_number,
                    one.series.modality,
                    one.taken,
                    one.reason,
                    one.lines,
                    one.notes,
                    b"" if one.picture is None else _png(one.picture),
                )
                for one in try_pipeline(storage, pipeline, study_instance_uid)
            ]
        except MediViewError as error:
            # What it was raised from may not travel between processes.
            raise type(error)(error.message, remedy=error.remedy) from None


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


class TrialStorage(GateStorage, HasIndex, HasInstances, Protocol):
    """What of the storage layer a model is tried on a series with."""


def try_pipeline(
    storage: TrialStorage, pipeline: Pipeline, study_instance_uid: str
) -> Iterator[Trial]:
    """Run a pipeline, whatever its state, on each received series of a study that it takes.

    Its files are checked and its self-test runs before. Raises NotFound, ModelUnusable, and what
    the pipeline raises.
    """
    storage.index.study(study_instance_uid)
    readiness = pipeline.readiness()
    if not readiness.ready:
        raise ModelUnusable(readiness.detail)
    if inputs_of(pipeline):
        raise InvalidRequest(
            f"{pipeline.title} takes several series at once, which cannot be tried yet.",
            remedy="mediview rules explain STUDY says what it would take.",
        )
    if image_prior_of(pipeline) is not None:
        raise InvalidRequest(
            f"{pipeline.title} takes images of an earlier study, which cannot be tried yet.",
            remedy="mediview rules explain STUDY says what it would take.",
        )
    proven = not isinstance(pipeline, Provable)
    for series in storage.index.series_of(study_instance_uid):
        if series.origin == "generated":
            continue
        instances = storage.index.instances_of(study_instance_uid, series.series_instance_uid)
        headers = storage.instances.headers(instances)
        selection = select_input(
            pipeline,
            instances,
            headers,
            partial(word_of, pipeline, series),
        )
        if not selection.acceptance.accepted:
            yield Trial(series, False, selection.acceptance.reason)
            continue
        if not proven and isinstance(pipeline, Provable):
            pipeline.prove()
            proven = True
        with guarded(storage, study_instance_uid):
            trial = _tried(
                storage.settings, storage.index, storage.instances, pipeline, series, selection
            )
        yield trial


def _tried(
    settings: Settings,
    index: Index,
    instance_reader: InstanceReader,
    pipeline: Pipeline,
    series: Series,
    selection: Selection,
) -> Trial:
    instances = index.instances_of(series.study_instance_uid, series.series_instance_uid)
    datasets = list(instance_reader.datasets(selection.stack.of(instances)))
    job = _unstored_job(pipeline, series)
    if pipeline.input_kind == "dicom-image":
        context = PipelineContext(settings, images=tuple(datasets))
        output, notes = with_fallback(lambda: pipeline.run(context))
        findings = build_findings(job, pipeline, output)
        by_uid = {str(one.SOPInstanceUID): one for one in datasets}
        pictures = [
            draw_image(
                by_uid[image.sop_instance_uid],
                image,
                [one for one in findings if _is_of(one, image.sop_instance_uid)],
                _footer(pipeline),
            )[0]
            for image in output.images
        ]
    else:
        volume = assemble_volume(
            datasets, selection.stack.frame_indices, tilted=resamples_tilt(pipeline)
        )
        given = tuple(datasets) if takes_instances(pipeline) else ()
        context = PipelineContext(settings, volume=volume, images=given)
        output, notes = with_fallback(lambda: run_with_coverage(pipeline, context))
        findings = build_findings(job, pipeline, output)
        pictures = [
            Image.fromarray(one.rgb)
            for one in draw_pictures(volume, output, captions(findings), _footer(pipeline))
        ]
    return Trial(
        series,
        True,
        selection.acceptance.reason,
        (
            *(f"{one.label}: {shown_value(one)}".rstrip(": ") for one in findings),
            *map(_map_line, output.maps),
        ),
        (*notes, *_lines(output)),
        _beside(pictures),
    )


def _map_line(one: ParametricMap) -> str:
    known = one.values[np.isfinite(one.values)]
    return (
        f"{one.label}: a map from {known.min():.4g} to {known.max():.4g} {one.unit.value}, mean"
        f" {known.mean():.4g}"
    )


def _lines(output: PipelineOutput) -> tuple[str, ...]:
    shown = [f"Shown to the model: {output.derivation}."] if output.derivation else []
    return (*shown, *output.notes)


def _is_of(finding: Finding, sop_instance_uid: str) -> bool:
    return finding.image is not None and finding.image.sop_instance_uid == sop_instance_uid


def _footer(pipeline: Pipeline) -> str:
    return f"{note_of(pipeline)} {pipeline.name} {pipeline.version}, a trial that nobody has stored"


def _beside(pictures: Sequence[Image.Image]) -> Image.Image | None:
    """All of them in one, beside each other."""
    if not pictures:
        return None
    width = sum(one.width for one in pictures) + _GAP_PIXELS * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, max(one.height for one in pictures)))
    left = 0
    for one in pictures:
        sheet.paste(one, (left, 0))
        left += one.width + _GAP_PIXELS
    return sheet


def _unstored_job(pipeline: Pipeline, series: Series) -> Job:
    """What findings take their identity from; it enters no ledger."""
    return unscheduled_job(
        "trial",
        (pipeline.name, pipeline.version),
        series.study_instance_uid,
        series.series_instance_uid,
        series.fingerprint,
    )
