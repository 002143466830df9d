"""A model tried on a study that is here: nothing is scheduled, stored or sent."""

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from inference.findings.build import build_findings
from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.study_inputs import inputs_of
from inference.job_loading.loaded import LoadingStorage
from inference.job_loading.proposal import (
    Proposal,
    inputs_of_study,
    proposal_on_series,
    proposal_on_study,
)
from inference.job_loading.unstored import UnstoredRun, run_unstored
from inference.model_registry.apart import run_bounded
from inference.model_registry.status import model_of
from inference.model_servers.gate import GateStorage, guarded
from inference.models.card import Provable
from inference.pipeline import ParametricMap, Pipeline, PipelineOutput
from inference.refusals import ModelUnusable
from inference.results.narrative import captions, note_of, shown_value
from inference.results.pictures.render import draw_pictures
from inference.results.single_images.pictures import draw_image
from storage.container import open_storage
from storage.core.entities import Series
from storage.core.errors import MediViewError
from storage.core.findings import Finding
from storage.index.repository import Index
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


def try_at_machine(
    settings: Settings, name: str, version: str, study_instance_uid: str
) -> list[TrialAnswer]:
    """As `try_named`, in a process of its own (`run_bounded`)."""
    what = f"The trial of {name}"
    return run_bounded(
        settings, what, lambda _: None, _try, settings, name, version, study_instance_uid
    )


def _try(
    on_series: Callable[[str], None], settings: Settings, name: str, version: str, study: str
) -> list[TrialAnswer]:
    return try_named(settings, name, version, study, on_series)


def try_named(
    settings: Settings,
    name: str,
    version: str | None,
    study_instance_uid: str,
    on_series: Callable[[str], None] = lambda _: None,
) -> list[TrialAnswer]:
    """Every series with what became of it; `on_series` is called with its UID. Raises as
    `try_pipeline`."""
    with open_storage(settings) as storage:
        try:
            pipeline = model_of(settings, storage.model_states, name, version).pipeline
            answers = []
            for one in try_pipeline(storage, pipeline, study_instance_uid):
                on_series(one.series.series_instance_uid)
                answers.append(_answer(one))
            return answers
        except MediViewError as error:
            # What it was raised from may not travel between processes.
            raise type(error)(error.message, remedy=error.remedy) from None


def _answer(one: Trial) -> TrialAnswer:
    return TrialAnswer(
        one.series.series_instance_uid,
        one.series.series_number,
        one.series.modality,
        one.taken,
        one.reason,
        one.lines,
        one.notes,
        b"" if one.picture is None else _png(one.picture),
    )


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


class TrialStorage(GateStorage, LoadingStorage, Protocol):
    """What of the storage layer a model is tried on a study with."""


def try_pipeline(
    storage: TrialStorage, pipeline: Pipeline, study_instance_uid: str
) -> Iterator[Trial]:
    """Run a pipeline, whatever its state, on what it takes of a study that is here.

    That is each received series, or several at once; earlier studies and results of other pipelines
    are taken as they are. Its files are checked and its self-test runs before. Raises NotFound,
    ModelUnusable, and what the pipeline raises.
    """
    storage.index.study(study_instance_uid)
    readiness = pipeline.readiness()
    if not readiness.ready:
        raise ModelUnusable(readiness.detail)
    of_study = _several if inputs_of(pipeline) else _one_by_one
    yield from of_study(storage, pipeline, study_instance_uid)


def _one_by_one(
    storage: TrialStorage, pipeline: Pipeline, study_instance_uid: str
) -> Iterator[Trial]:
    proven = False
    for series in _received(storage.index, study_instance_uid):
        uids = study_instance_uid, series.series_instance_uid
        instances = fitting_instances(storage.index, storage.instances, *uids)
        headers = storage.instances.headers(instances)
        proposal = proposal_on_series(storage, pipeline, series, instances, headers)
        if not proposal.acceptance.accepted:
            yield Trial(series, False, proposal.acceptance.reason)
            continue
        if not proven:
            _prove(pipeline)
            proven = True
        yield _tried(storage, pipeline, proposal)


def _several(storage: TrialStorage, pipeline: Pipeline, study_instance_uid: str) -> Iterator[Trial]:
    """The series that results lie in comes first, then the others, each with its part."""
    found = inputs_of_study(storage, pipeline, study_instance_uid)
    proposal = proposal_on_study(pipeline, found)
    reference = ""
    if proposal is not None and proposal.acceptance.accepted:
        reference = proposal.series.series_instance_uid
        _prove(pipeline)
        yield _tried(storage, pipeline, proposal)
    titles = {one.name: one.title for one in inputs_of(pipeline)}
    for series in _received(storage.index, study_instance_uid):
        if series.series_instance_uid == reference:
            continue
        role = found.role_of(series.series_instance_uid) if reference else ""
        if role:
            yield Trial(series, True, f"Given to the model as {titles[role]}.")
        elif reference:
            yield Trial(series, False, "This series is none of its inputs.")
        else:
            yield Trial(series, False, found.acceptance.reason)


def _received(index: Index, study_instance_uid: str) -> list[Series]:
    return [one for one in index.series_of(study_instance_uid) if one.origin != "generated"]


def _prove(pipeline: Pipeline) -> None:
    if isinstance(pipeline, Provable):
        pipeline.prove()


def _tried(storage: TrialStorage, pipeline: Pipeline, proposal: Proposal) -> Trial:
    with guarded(storage, proposal.series.study_instance_uid):
        run = run_unstored(storage, pipeline, proposal, "trial")
    output = run.output
    findings = build_findings(run.job, pipeline, output)
    return Trial(
        proposal.series,
        True,
        proposal.acceptance.reason,
        (
            *(f"{one.label}: {shown_value(one)}".rstrip(": ") for one in findings),
            *map(_map_line, output.maps),
        ),
        (*run.notes, *_lines(output)),
        _beside(_pictures(pipeline, run, findings)),
    )


def _pictures(
    pipeline: Pipeline, run: UnstoredRun, findings: Sequence[Finding]
) -> list[Image.Image]:
    volume = run.context.volume
    if volume is not None:
        drawn = draw_pictures(volume, run.output, captions(findings), _footer(pipeline))
        return [Image.fromarray(one.rgb) for one in drawn]
    by_uid = {str(one.SOPInstanceUID): one for one in run.loaded.sources}
    return [
        draw_image(
            by_uid[image.sop_instance_uid],
            image,
            [one for one in findings if _is_of(one, image.sop_instance_uid)],
            _footer(pipeline),
        )[0]
        for image in run.output.images
    ]


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
