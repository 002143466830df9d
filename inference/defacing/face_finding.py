"""Run the active pipeline of the role `deface` over a series that is here; nothing is stored."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.deidentification.faces.face_masks import FaceMasks, PlaneKey, packed
from inference.failures import place
from inference.imaging.frames import number_of_frames
from inference.imaging.headers import rescale_types
from inference.imaging.stacks import SeriesStack, stacks_of
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.selection import word_of
from inference.model_registry.apart import run_apart
from inference.model_registry.status import offered
from inference.model_registry.verification import ensure_proven
from inference.model_servers.gate import GateStorage, guarded
from inference.models.devices import with_fallback
from inference.pipeline import Pipeline, PipelineContext, PipelineOutput, takes_instances
from inference.refusals import (
    ModelServerLeftAlone,
    ModelUnusable,
    NothingFound,
    VolumeRefused,
)
from inference.volume_preparation.coverage import run_with_coverage
from inference.volume_preparation.tilt import resamples_tilt
from storage.container import open_storage
from storage.container.has import HasIndex, HasInstances, HasModelStates
from storage.core.entities import Instance, Series
from storage.core.errors import MediViewError, StorageFull, StorageUnavailable
from storage.settings import Settings

log = structlog.get_logger(__name__)

AIR_HU = -1000.0
_APART_AT_MOST_S = 900.0
# Echoes, time points: each is looked at by itself.
_STACKS_AT_MOST = 12
_ADD_ONE = (
    "Add and activate one whose card has the role deface (docs/research.md), or leave the series"
    " out."
)
_EXPLAIN = "mediview rules explain says why; leave the series out, or add a model that takes it."
_LEAVE_OUT = "Leave the series out, or use another model."


class FindingStorage(GateStorage, HasIndex, HasInstances, HasModelStates, Protocol):
    """What of the storage layer a face is looked for with."""


def find_face_apart(
    settings: Settings, study_instance_uid: str, series_instance_uid: str
) -> FaceMasks:
    """`find_face` in a process of its own, which a model that crashes takes along alone.

    Raises StorageUnavailable, StorageFull, and TooManyRequests where another model runs apart.
    """
    try:
        return run_apart(
            settings,
            "The model that looks for faces",
            "mediview projects export --here",
            _APART_AT_MOST_S,
            _find_in_new_process,
            settings,
            study_instance_uid,
            series_instance_uid,
        )
    except ModelUnusable as error:
        return FaceMasks(refusal=error.message, remedy=_LEAVE_OUT)


def _find_in_new_process(
    settings: Settings, study_instance_uid: str, series_instance_uid: str
) -> FaceMasks:
    with open_storage(settings) as storage:
        return find_face(storage, study_instance_uid, series_instance_uid)


def find_face(
    storage: FindingStorage, study_instance_uid: str, series_instance_uid: str
) -> FaceMasks:
    """Where somebody could be recognised, in each image of a series, by the first active pipeline
    that takes all of it; a refusal names what is wrong with it, and never a value of a header.

    Raises StorageUnavailable, StorageFull, ModelServerLeftAlone.
    """
    known = [
        one
        for one in offered(storage.settings, storage.model_states)
        if _removes_faces(one.pipeline)
    ]
    active = [one.pipeline for one in known if not one.blocked]
    if not active:
        there = f"; {known[0].pipeline.name} is not active" if known else ""
        return FaceMasks(
            refusal=f"This node has no model that finds faces{there}.", remedy=_ADD_ONE
        )
    instances = storage.index.instances_of(study_instance_uid, series_instance_uid)
    try:
        series = next(
            one
            for one in storage.index.series_of(study_instance_uid)
            if one.series_instance_uid == series_instance_uid
        )
        headers = storage.instances.headers(instances)
        stacks = stacks_of(headers)
        if len(stacks) > _STACKS_AT_MOST:
            return FaceMasks(
                refusal=f"It holds {len(stacks)} stacks of slices; a face is looked for in"
                f" {_STACKS_AT_MOST} at most.",
                remedy="Leave the series out.",
            )
        for pipeline in active:
            if _takes_all(pipeline, series, instances, headers, stacks):
                with guarded(storage, study_instance_uid):
                    ensure_proven(storage.model_states, pipeline)
                    return _Finding(storage, pipeline, instances, headers).found(stacks)
        names = ", ".join(one.name for one in active)
        return FaceMasks(refusal=f"{names} does not take the whole series.", remedy=_EXPLAIN)
    except (StorageFull, StorageUnavailable, ModelServerLeftAlone):
        raise
    except MediViewError as error:
        return FaceMasks(
            refusal=f"No face could be looked for: {error.message}", remedy=error.remedy
        )
    except Exception as error:  # noqa: BLE001 - whatever a model or a strange data set raises
        log.error("face_not_looked_for", error=type(error).__name__, place=place(error))
        return FaceMasks(
            refusal=f"No face could be looked for: the model ended with {type(error).__name__}.",
            remedy=_LEAVE_OUT,
        )


class _Finding:
    def __init__(
        self,
        storage: FindingStorage,
        pipeline: Pipeline,
        instances: Sequence[Instance],
        headers: Sequence[Dataset],
    ) -> None:
        self._storage = storage
        self._pipeline = pipeline
        self._instances = instances
        self._headers = headers
        self._air = float("inf")
        self._unit = ""
        self._is_in_hu = all({*rescale_types(one)} <= {"", "HU"} for one in headers)

    def found(self, stacks: Sequence[SeriesStack]) -> FaceMasks:
        """Raises what the pipeline raises, and VolumeRefused."""
        planes: dict[PlaneKey, bytes] = {}
        shapes = set()
        for stack in stacks:
            volume, mask = self._stack(stack)
            shapes.add(volume.voxels.shape[1:])
            keys = zip(volume.sop_instance_uids, volume.frame_numbers, strict=True)
            planes |= {key: packed(mask[k]) for k, key in enumerate(keys)}
            self._note_air(volume)
        everything = {
            (str(header.SOPInstanceUID), number + 1)
            for header in self._headers
            for number in range(number_of_frames(header))
        }
        if planes.keys() != everything or len(shapes) != 1:
            raise VolumeRefused("Its images are not all slices of stacks of one size.")
        ((rows, columns),) = shapes
        return FaceMasks(
            found_by=f"{self._pipeline.name} {self._pipeline.version}",
            air=self._air,
            unit=self._unit,
            shape=(rows, columns),
            planes=planes,
        )

    def _stack(self, stack: SeriesStack) -> tuple[Volume, NDArray[np.bool_]]:
        """One stack, and the voxels of its face: bool, of the volume's shape."""
        pipeline = self._pipeline
        datasets = list(self._storage.instances.datasets(stack.of(self._instances)))
        volume = assemble_volume(datasets, stack.frame_indices, tilted=resamples_tilt(pipeline))
        images = tuple(datasets) if takes_instances(pipeline) else ()
        context = PipelineContext(self._storage.settings, volume=volume, images=images)
        try:
            output, _ = with_fallback(partial(run_with_coverage, pipeline, context))
        except NothingFound:
            return volume, np.zeros(volume.voxels.shape, np.bool_)
        return volume, _mask(pipeline, output, volume)

    def _note_air(self, volume: Volume) -> None:
        """-1000 HU, and without such a unit the darkest value that was measured in the series."""
        if volume.modality == "CT" and self._is_in_hu:
            self._air, self._unit = AIR_HU, "HU"
            return
        padding = volume.padding_mask()
        measured = volume.voxels if padding is None or padding.all() else volume.voxels[~padding]
        is_inverted = volume.photometric_interpretation == "MONOCHROME1"
        darkest = float(measured.max() if is_inverted else measured.min())
        if self._air == float("inf"):
            self._air = darkest
        self._air = max(self._air, darkest) if is_inverted else min(self._air, darkest)


def _mask(pipeline: Pipeline, output: PipelineOutput, volume: Volume) -> NDArray[np.bool_]:
    """All segments together. Raises VolumeRefused where they do not lie on the volume's grid."""
    masks: NDArray[Any] | None = output.masks
    if masks is None or masks.ndim not in (3, 4) or masks.shape[:3] != volume.voxels.shape:
        raise VolumeRefused(f"{pipeline.name} gave no mask on the grid of the series.")
    return np.asarray(masks.any(axis=3) if masks.ndim == 4 else masks > 0, np.bool_)


def _removes_faces(pipeline: Pipeline) -> bool:
    return pipeline.card.role == "deface" and pipeline.input_kind == "volume"


def _takes_all(
    pipeline: Pipeline,
    series: Series,
    instances: Sequence[Instance],
    headers: Sequence[Dataset],
    stacks: Sequence[SeriesStack],
) -> bool:
    """What is left of a series beside the stack that a pipeline takes would leave with its face."""
    for stack in stacks:
        own = stack.headers(headers)
        if not word_of(pipeline, series, stack.of(instances), own).accepted:
            return False
    return True
