"""Which images of an earlier study are the priors of those that a model of single images takes."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from inference.imaging.frames import is_multiframe
from inference.imaging.laterality import laterality_of
from inference.input_selection.prior_inputs import (
    ANOTHER_PATIENT,
    earlier_studies,
    span_in_words,
    why_no_study,
)
from inference.pipeline import BEFORE, IMAGE, Acceptance, ImagePrior, Pipeline
from inference.series_classification.views import view_of
from storage.core.entities import Instance, JobInput, Series, Study
from storage.core.job_result import PriorTaken
from storage.core.text.dates import shown_date
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader

_NO_VIEW = " Nothing tells the view of an image."


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

    A prior has Modality, view and laterality of the image, states no other body part, and is one
    that the pipeline takes; an image of which nothing tells the view has none. Of
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
        found, series, of_another = _in_study(
            index, instance_reader, pipeline, headers, earlier, only
        )
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
            f" {len(found)} of {len(headers)}.{_NO_VIEW if not all(map(_shows, headers)) else ''}"
            f"{f' One is left out: {ANOTHER_PATIENT}' if of_another else ''}"
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
) -> tuple[dict[str, Instance], tuple[Series, ...], bool]:
    """By SOP Instance UID of the images their priors in one study, the series of these, and
    whether any was left out that names another patient."""
    wanted = None if only is None else {one.series_instance_uid for one in only.values()}
    modalities = {str(header.get("Modality", "")) for header in headers}
    takes = getattr(pipeline, "takes")  # noqa: B009 - of pipelines with priors alone
    known: dict[tuple[str, ...], list[tuple[Dataset, Instance, Series]]] = {}
    patients = instance_reader.patient_keys(earlier.study_instance_uid)
    of_another = False
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
            header = instance_reader.header(instance)
            shows = _shows(header)
            if not shows or header.get("Rows") is None or not takes(header).accepted:
                continue
            if instance_reader.names_another_patient(instance, patients, header):
                of_another = True
                continue
            known.setdefault(shows, []).append((header, instance, series))
    of: dict[str, Instance] = {}
    taken: dict[str, Series] = {}
    for image in headers:
        fitting = [one for one in known.get(_shows(image), []) if may_show_the_same(image, one[0])]
        if fitting:
            # Stable, and the last one: of an image that was repeated the better.
            _, instance, series = sorted(fitting, key=lambda one: are_alike(image, one[0]))[-1]
            of[str(image.SOPInstanceUID)] = instance
            taken.setdefault(series.series_instance_uid, series)
    return of, tuple(taken.values()), of_another


def _shows(header: Dataset) -> tuple[str, ...]:
    """Modality, view and laterality; nothing where the view is not known, which equals no other."""
    view = view_of(header)
    return (str(header.get("Modality", "")), view, laterality_of(header)) if view else ()


def are_alike(one: Dataset, other: Dataset) -> bool:
    """Whether both are single images, or both are of several frames, as tomosynthesis is."""
    return is_multiframe(one) == is_multiframe(other)


def may_show_the_same(one: Dataset, other: Dataset) -> bool:
    """Whether no statement of the anatomy tells the two apart: Anatomic Region by codes of one
    scheme, else Body Part Examined."""
    this, that = _regions(one), _regions(other)
    schemes = {scheme for scheme, _ in this} & {scheme for scheme, _ in that}
    if schemes:
        return bool(this & that)
    parts = [str(header.get("BodyPartExamined") or "").strip().upper() for header in (one, other)]
    return not all(parts) or parts[0] == parts[1]


def _regions(header: Dataset) -> set[tuple[str, str]]:
    return {
        (str(item.get("CodingSchemeDesignator") or ""), str(item.get("CodeValue") or "").strip())
        for item in header.get("AnatomicRegionSequence") or ()
    }


def _roles() -> Iterator[str]:
    yield IMAGE
    yield BEFORE
    number = 2
    while True:
        yield f"{BEFORE}-{number}"
        number += 1
