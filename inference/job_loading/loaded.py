"""What was read for a job, beside the voxels, and what it is read from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydicom.dataset import Dataset

from inference.input_selection.early_results import EarlyResult
from inference.job_loading.placement import Placement
from inference.results.other_grids import OtherGrid
from inference.rules.pipeline_rule import Rule
from storage.container.has import (
    HasAcceptanceDecisions,
    HasAudit,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasLesions,
    HasObjects,
    HasSettings,
    HasWorklist,
)
from storage.core.caveats import Caveat


@dataclass(frozen=True)
class Loaded:
    """`sources`: the instances of the series, of the reference of several, or single images;
    `others`: headers of the other series and of results taken, and the priors of images. Empty of
    uploads."""

    sources: Sequence[Dataset] = ()
    others: Sequence[Dataset] = ()
    rule: Rule | None = None
    left_out: Caveat | None = None
    """Which stacks of the series were left out, and why; in sentences."""
    placement: Placement = field(default_factory=Placement)
    other_grids: Sequence[OtherGrid] = ()
    other_stacks: Sequence[Sequence[Dataset]] = ()
    """Of the other series of the study itself, the headers of those images and frames that were
    assembled. Priors are not among them: they may be of another age, or made otherwise."""
    early: EarlyResult | None = None
    """What was made of exactly this input while it might still have grown."""


class LoadingStorage(
    HasSettings,
    HasIndex,
    HasInstances,
    HasWorklist,
    HasObjects,
    HasJobs,
    HasFindings,
    HasAcceptanceDecisions,
    HasLesions,
    HasAudit,
    Protocol,
):
    """What of the storage layer the inputs of a job are read from."""
