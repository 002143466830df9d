"""What a job of a pipeline would be made for, without one being made."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pydicom.dataset import Dataset

from inference.input_selection.prior_images import choose_prior_images, with_word
from inference.input_selection.result_inputs import StudyResults
from inference.input_selection.selection import select_input, word_of
from inference.input_selection.study_inputs import StudyInputs, choose_inputs
from inference.input_selection.study_phases import phases_known
from inference.pipeline import Acceptance, Pipeline
from inference.rules.card_condition import received_as_known
from storage.container.has import (
    HasAcceptanceDecisions,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasWorklist,
)
from storage.core.entities import Instance, JobInput, Series


class ProposalStorage(
    HasIndex, HasInstances, HasWorklist, HasJobs, HasFindings, HasAcceptanceDecisions, Protocol
):
    """What of the storage layer the inputs of a job are chosen with."""


@dataclass(frozen=True)
class Proposal:
    """A series, the reference of several, with the word on it; `inputs` as a job has them."""

    series: Series
    acceptance: Acceptance
    fingerprint: str
    inputs: tuple[JobInput, ...] = ()


def proposal_on_series(
    storage: ProposalStorage,
    pipeline: Pipeline,
    series: Series,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
) -> Proposal:
    """Of a pipeline that takes one series, with images of an earlier study or without."""
    index, reader = storage.index, storage.instances
    with (
        phases_known(index, reader, series.study_instance_uid),
        received_as_known(index.instances_of, storage.worklist),
    ):
        selection = select_input(pipeline, instances, headers, partial(word_of, pipeline, series))
        if not selection.acceptance.accepted:
            return Proposal(series, selection.acceptance, series.fingerprint)
        found = choose_prior_images(index, reader, pipeline, selection.headers)
        return Proposal(
            series,
            with_word(selection.acceptance, found),
            found.fingerprint(series),
            tuple(found.inputs(series)),
        )


def inputs_of_study(
    storage: ProposalStorage, pipeline: Pipeline, study_instance_uid: str
) -> StudyInputs:
    """Of a pipeline that takes several series or images: what fills its roles, and why not."""
    with received_as_known(storage.index.instances_of, storage.worklist):
        return choose_inputs(
            storage.index,
            storage.instances,
            StudyResults(storage.jobs, storage.findings, storage.acceptance_decisions),
            pipeline,
            study_instance_uid,
        )


def proposal_on_study(pipeline: Pipeline, found: StudyInputs) -> Proposal | None:
    """None where nothing is the reference."""
    reference = found.chosen.get(getattr(pipeline, "reference", ""))
    if reference is None:
        return None
    return Proposal(
        reference.candidate.series, found.acceptance, found.fingerprint, tuple(found.inputs)
    )
