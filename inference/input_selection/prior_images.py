"""Which images of an earlier study are the priors of those that a model of single images takes."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from inference.input_selection.prior_inputs import earlier_studies, span_in_words, why_no_study
from inference.pipeline import Acceptance, ImagePrior, Pipeline
from inference.series_classification.views import laterality_of, view_of
from storage.core.entities import Instance, JobInput, Series, Study
from storage.core.job_result import PriorTaken
from storage.core.text.dates import shown_date
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

IMAGE, BEFORE = "image", "before"
"""Roles of a job's inputs: its own series, and those of the earlier study, also `before-2`."""


@dataclass(frozen=True)
class PriorImages:
    """By SOP Instance UID of an image its prior, all of one earlier study."""

    of: Mapping[str, Instance] = field(default_factory=dict)
    series: tuple[Series, ...] = ()
    prior: PriorTaken | None = None
    word: Acceptance = field(default_factory=lambda: Acceptance(True, ""))
    """Whether the pipeline runs with what was found, and a sentence on it."""

    def inputs(self, series: Series) -> list[JobInput]:
        """Of a job on that series; none where there is no prior."""
        if not self.series:
            return []
        return [
            JobInput(role, one.series_instance_uid, one.fingerprint, one.study_instance_uid)
            for role, one in zip(_roles(), (series, *self.series), strict=False)
        ]

    def fingerprint(self, series: Series) -> str:
        """Of the series and what its images are compared with; of the series alone, its own."""
        if not self.series:
            return series.fingerprint
        lines = "\n".join(
            f"{one.role} {one.series_instance_uid} {one.fingerprint} {one.study_instance_uid}"
            for one in self.inputs(series)
        )
        return hashlib.sha256(lines.encode()).hexdigest()


def image_prior_of(pipeline: Pipeline) -> ImagePrior | None:
    """What a pipeline for single images asks of a prior; None where it takes none."""
    stated: ImagePrior | None = getattr(pipeline, "image_prior", None)
    return stated


def with_word(acceptance: Acceptance, found: PriorImages) -> Acceptance:
    """The word on a series, and on what its images are compared with."""
    if not found.word.accepted:
        return found.word
    return Acceptance(acceptance.accepted, f"{acceptance.reason} {found.word.reason}".rstrip())


def choose_prior_images(
    index: Index,
    instance_reader: InstanceReader,
    pipeline: Pipeline,
    headers: Sequence[Dataset],
    only: Mapping[str, JobInput] | None = None,
) -> PriorImages:
    """A prior for each of the images whose headers are given, from the nearest earlier study.

    A prior has Modality, view and laterality of the image, and is one that the pipeline takes. Of
    several studies the nearest counts that has one for each image, where they are required, else
    for any. `only`: the inputs of a job that was made; no other series are looked at.
    """
    asked = image_prior_of(pipeline)
    if asked is None or not headers:
        return PriorImages()
    study = index.study(str(headers[0].StudyInstanceUID))
    begins = f"No prior image within {span_in_words(asked.within_days)}"
    looked: list[str] = []
    beyond: Study | None = None
    for earlier, days in earlier_studies(index, study, only):
        if days > asked.within_days:
            beyond = earlier
            break
        found, series = _in_study(index, instance_reader, pipeline, headers, earlier, only)
        if len(found) == len(headers) or (found and not asked.required):
            date = shown_date(earlier.study_date)
            of = "each" if len(found) == len(headers) else f"{len(found)} of {len(headers)}"
            prior = PriorTaken(
                study_instance_uid=earlier.study_instance_uid,
                study_date=earlier.study_date,
                days_before=days,
            )
            word = Acceptance(True, f"With the prior image of {date} for {of}.")
            return PriorImages(found, series, prior, word)
        looked.append(
            f"The study of {shown_date(earlier.study_date)} has one of the same view for"
            f" {len(found)} of {len(headers)}."
        )
    why = why_no_study(study, beyond)
    reason = f"{begins}. {' '.join(looked[:3])}" if looked else f"{begins}: {why}"
    return PriorImages(word=Acceptance(not asked.required, reason))


def _in_study(
    index: Index,
    instance_reader: InstanceReader,
    pipeline: Pipeline,
    headers: Sequence[Dataset],
    earlier: Study,
    only: Mapping[str, JobInput] | None,
) -> tuple[dict[str, Instance], tuple[Series, ...]]:
    """By SOP Instance UID of the images their priors in one study, and the series of these."""
    wanted = None if only is None else {one.series_instance_uid for one in only.values()}
    modalities = {str(header.get("Modality", "")) for header in headers}
    takes = getattr(pipeline, "takes")  # noqa: B009 - of pipelines with priors alone
    known: dict[tuple[str, ...], tuple[Instance, Series]] = {}
    for series in index.series_of(earlier.study_instance_uid):
        if (
            series.origin == "generated"
            or series.state != "COMPLETE"
            or series.modality not in modalities
            or (wanted is not None and series.series_instance_uid not in wanted)
        ):
            continue
        instances = index.instances_of(earlier.study_instance_uid, series.series_instance_uid)
        for instance in instances:
            header = instance_reader.dataset(instance, stop_before_pixels=True)
            if header.get("Rows") is not None and takes(header).accepted:
                # The last one: of an image that was repeated the better.
                known[_shows(header)] = instance, series
    of: dict[str, Instance] = {}
    taken: dict[str, Series] = {}
    for image in headers:
        match = known.get(_shows(image))
        if match is not None:
            of[str(image.SOPInstanceUID)] = match[0]
            taken.setdefault(match[1].series_instance_uid, match[1])
    return of, tuple(taken.values())


def _shows(header: Dataset) -> tuple[str, ...]:
    return str(header.get("Modality", "")), view_of(header), laterality_of(header)


def _roles() -> Iterator[str]:
    yield IMAGE
    yield BEFORE
    number = 2
    while True:
        yield f"{BEFORE}-{number}"
        number += 1
