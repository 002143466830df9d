"""The inputs of a study that were chosen, read and assembled."""

from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.imaging.stacks import SeriesStack
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.result_masks import LoadedResult, load_result
from inference.input_selection.structure_inputs import LoadedStructures, load_structures
from inference.input_selection.study_inputs import StudyInputs
from storage.core.job_result import PriorTaken
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader


@dataclass(frozen=True)
class LoadedInputs:
    """The instances of the reference with its stack, the volumes of all roles, by role the
    headers of all other instances, as their volumes number them, by role of a prior its study, and
    by role what other pipelines found, and what somebody contoured.
    """

    sources: list[Dataset]
    stack: SeriesStack
    volumes: dict[str, Volume]
    others: dict[str, list[Dataset]]
    priors: dict[str, PriorTaken]
    results: dict[str, LoadedResult]
    structures: dict[str, LoadedStructures]
    series: dict[str, tuple[Dataset, ...]]
    """By role the instances of each series with their pixels, where they are asked for."""


@dataclass(frozen=True)
class LoadedImages:
    """By role images, the reference first; of those that are priors, of which study; and what other
    pipelines found."""

    images: dict[str, Dataset]
    priors: dict[str, PriorTaken]
    results: dict[str, LoadedResult]


def load_inputs(
    index: Index,
    instances: InstanceReader,
    found: StudyInputs,
    reference: str,
    on_share: Callable[[float], None],
    *,
    with_series: bool = False,
) -> LoadedInputs:
    """Read every input that was chosen; `with_series`: their instances are wanted as well."""
    series: dict[str, tuple[Dataset, ...]] = {}
    volumes: dict[str, Volume] = {}
    sources: list[Dataset] = []
    others: dict[str, list[Dataset]] = {}
    for done, (role, one) in enumerate(found.chosen.items()):
        datasets: list[Dataset] = list(instances.datasets(one.stack.of(one.candidate.instances)))
        volumes[role] = assemble_volume(datasets, one.stack.frame_indices)
        if role == reference:
            sources = datasets
        else:
            others[role] = one.stack.of(one.candidate.headers)
        if with_series:
            series[role] = tuple(datasets)
        on_share((done + 1) / len(found.roles))
    results = {role: load_result(index, instances, one) for role, one in found.results.items()}
    volumes |= {role: one.volume for role, one in results.items() if one.volume is not None}
    if with_series:
        # With the pixels, which the evidence is without.
        series |= {
            role: (instances.dataset(one.stored),)
            for role, one in results.items()
            if one.stored is not None
        }
    structures = {
        role: load_structures(instances, one, volumes[reference])
        for role, one in found.structures.items()
    }
    volumes |= {role: one.volume for role, one in structures.items()}
    stack = found.chosen[reference].stack
    return LoadedInputs(sources, stack, volumes, others, found.priors, results, structures, series)
