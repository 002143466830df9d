"""brain-structures: MeshNet's seventeen structures, left and right, and their share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.boxes import box_of
from inference.imaging.padding import measured_voxels, without_not_imaged
from inference.imaging.volume import Volume
from inference.models.card import FixedGrid, Proof
from inference.models.files import readiness_of
from inference.models.packs import pack_readiness, verified_pack
from inference.pipeline import (
    Acceptance,
    ModelCard,
    ModelFile,
    PipelineContext,
    PipelineOutput,
    Readiness,
    Segment,
)
from inference.pipelines.brain import deepbet_model
from inference.pipelines.brain.brain_mask import TO_THE_SPINAL_CORD, brain_mask_of
from inference.pipelines.brain.conform import (
    SIZE,
    conformed,
    lps_from_lia,
    mask_on_grid,
    on_source_grid,
)
from inference.pipelines.brain.self_test import prove_meshnet
from inference.pipelines.brain.sides import middle_plane
from inference.pipelines.brain.sizes import INTRACRANIAL_SIZES
from inference.pipelines.brain.structure_volumes import measured, measures_of, notes_of
from inference.pipelines.brain.t1_head import judge_t1_head
from inference.pipelines.codes import ANATOMICAL_STRUCTURE
from inference.pipelines.structures import GUIDES, LEFT, RIGHT, STRUCTURES, Structure
from inference.refusals import ModelUnusable, NotCovered, NothingFound
from inference.volume_preparation.coverage import cut_off_at
from storage.core.entities import Instance, Series
from storage.core.errors import InvalidRequest
from storage.core.findings import Code
from storage.settings import Settings

_NETWORK, _WEIGHTS = "network.json", "weights.safetensors"
# What the network needs to see around the brain; more changes a voxel in four hundred.
_MARGIN_VOXELS = 18


CARD = ModelCard(
    name="meshnet-brain-structures",
    version="1",
    licence="MIT",
    source="https://github.com/neuroneural/brainchop",
    intended_use="Research use only: volumes of brain structures in T1-weighted head MR.",
    input_description=(
        "T1-weighted head MR, resampled to 1 mm, with deepbet's brain mask to find the brain."
    ),
    output_codes=tuple(one.code for one in STRUCTURES),
    population=replace(
        deepbet_model.CARD.population,
        pathology=(
            "Healthy adults, who are given no contrast agent; field strength and sequences are not"
            " stated, and the authors of MeshNet's weights state no population."
        ),
        source="deepbet, which finds the brain (doi:10.1016/j.compbiomed.2024.108845)",
    ),
    fixed_grid=FixedGrid(
        edge_mm=1.0,
        reason=(
            "MeshNet sees every head with voxels of 1 mm along the axes of the patient, of the same"
            " contrast (T1-weighted) and from series with voxels of 2 mm or less: what it places"
            " beside the surface of a structure it places there in each study."
        ),
    ),
    files=(
        ModelFile(_WEIGHTS, "ef2ecc946fbd733000c9285f94bcb619fd78657385215325155abb2c709b0ab1"),
        ModelFile(_NETWORK, "cdfa2a2361447dc470fead4f2ca792d13367cb06bed2c4d25119567e6508c392"),
    ),
)


def _label(structure: Structure, side: Code | None) -> str:
    name = structure.name if side is None else f"{side.meaning.lower()} {structure.name}"
    return name[0].upper() + name[1:]


class BrainStructures:
    """Parcellates a T1-weighted head once the model pack is there."""

    name = "brain-structures"
    version = "1.1.0"
    title = "Brain structures"
    description = (
        "Seventeen brain structures, left and right, from a T1-weighted head MR, by MeshNet;"
        " each with its volume and its share of the intracranial volume; and the volume of the"
        " brain's parenchyma."
    )
    accepts_text = (
        "3D T1-weighted MR of a whole head: one regular stack of 60 or more slices,"
        " voxels of 2 mm or less. Needs the model pack meshnet-brain-structures."
    )
    input_kind: Literal["volume", "image"] = "volume"
    begins_early = True
    measures = measures_of(
        _label(one, side)
        for one in STRUCTURES
        for side in ((LEFT, RIGHT) if one.paired else (None,))
    )
    card = CARD
    plausible_sizes = INTRACRANIAL_SIZES

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def readiness(self) -> Readiness:
        """Whether the pack, and deepbet which finds the brain, are the proven ones."""
        brain = readiness_of(deepbet_model.CARD)
        return pack_readiness(self._settings, self.card) if brain.ready else brain

    def prove(self) -> Proof:
        """Raises ModelUnusable where the network or deepbet fails its self-test."""
        from inference.pipelines.brain.meshnet import load_network

        deepbet_model.prove()
        paths = verified_pack(self._settings, self.card)
        return prove_meshnet(load_network(paths[_NETWORK], paths[_WEIGHTS]))

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Take received 3D T1-weighted heads; say why not otherwise."""
        return judge_t1_head(headers)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Each structure that was found as a segment, with cm³ and percent of the brain.

        Raises NothingFound, ModelUnusable, InvalidRequest.
        """
        volume = context.volume
        if volume is None:
            raise InvalidRequest(
                "brain-structures was given no volume.", remedy="Give it a series of MR images."
            )
        started = time.perf_counter()
        brain = brain_mask_of(volume, _first_part(context))
        found = time.perf_counter()
        classes, labels = self._classes(volume, brain.mask, context)
        segmented = time.perf_counter()
        context.on_progress("measure", 0.97)
        segments, masks = _by_side(classes, labels, volume)
        cut_off = cut_off_at(brain.mask, volume.lps_from_kji, TO_THE_SPINAL_CORD)
        measurements = measured(segments, masks, brain.mask, volume, cut_off, brain.orientation)
        return PipelineOutput(
            segments=segments,
            masks=masks,
            measurements=measurements,
            notes=notes_of(segments, cut_off),
            timings_s={
                "find_brain": found - started,
                "segment": segmented - found,
                "measure": time.perf_counter() - segmented,
            },
        )

    def _classes(
        self, volume: Volume, brain: NDArray[np.bool_], context: PipelineContext
    ) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        """The class of each voxel of the source grid, and the labels of the classes."""
        from inference.pipelines.brain.meshnet import classify, load_network

        paths = verified_pack(context.settings, self.card)
        network = load_network(paths[_NETWORK], paths[_WEIGHTS], context.settings.torch_threads)
        missing = {one.label for one in STRUCTURES} - set(network.labels)
        if missing:
            raise ModelUnusable(
                f"The model pack knows no {', '.join(sorted(missing))}.",
                remedy="Add the pack again: mediview models add FOLDER.",
            )
        voxels = conformed(volume, measured_voxels(volume))
        on_grid = mask_on_grid(brain, volume)
        if not on_grid.any():
            raise NothingFound(
                "The brain lies outside of the middle 256 mm of the series.",
                remedy="Send a series that is centred on the head.",
            )
        if cut_off_at(on_grid, lps_from_lia(volume), TO_THE_SPINAL_CORD):
            raise NotCovered(
                f"The brain reaches out of the middle {SIZE} mm of the series, which the network"
                " sees.",
                remedy="Send a series that is centred on the head.",
            )
        box = box_of(on_grid, _MARGIN_VOXELS)
        inside = classify(
            network,
            np.ascontiguousarray(voxels[box]),
            lambda share: context.on_progress("segment", 0.3 + 0.65 * share),
        )
        whole = np.zeros(voxels.shape, np.uint8)
        whole[box] = inside
        return without_not_imaged(on_source_grid(whole, volume), volume), network.labels


def _first_part(context: PipelineContext) -> PipelineContext:
    """The context of finding the brain, which is the first third of the work."""
    return PipelineContext(
        context.settings,
        context.volume,
        on_progress=lambda stage, share: context.on_progress(stage, 0.3 * share),
    )


def _by_side(
    classes: NDArray[np.uint8], labels: tuple[str, ...], volume: Volume
) -> tuple[tuple[Segment, ...], NDArray[np.uint8]]:
    """Segments and their label map: each paired structure as left and right."""
    places = _places(classes, labels)
    plane = middle_plane([_lps_mm(places[label], volume) for label in GUIDES])
    masks = np.zeros(classes.shape, np.uint8)
    segments: list[Segment] = []

    def add(structure: Structure, side: Code | None, kji: NDArray[np.intp]) -> None:
        if not len(kji):
            return
        segments.append(
            Segment(
                _label(structure, side),
                ANATOMICAL_STRUCTURE,
                structure.code,
                structure.color_rgb,
                side,
            )
        )
        masks[tuple(kji.T)] = len(segments)

    for structure in STRUCTURES:
        kji = places[structure.label]
        if not structure.paired:
            add(structure, None, kji)
            continue
        left = plane.is_left(_lps_mm(kji, volume))
        add(structure, LEFT, kji[left])
        add(structure, RIGHT, kji[~left])
    return tuple(segments), masks


def _places(classes: NDArray[np.uint8], labels: tuple[str, ...]) -> dict[str, NDArray[np.intp]]:
    """The indices of the voxels of each class, looked for in the box that holds them all."""
    found = classes > 0
    if not found.any():
        return {label: np.empty((0, 3), np.intp) for label in labels[1:]}
    box = box_of(found, 0)
    corner = np.array([side.start for side in box], np.intp)
    inside = classes[box]
    return {
        label: np.argwhere(inside == number) + corner
        for number, label in enumerate(labels)
        if number
    }


def _lps_mm(kji: NDArray[np.intp], volume: Volume) -> NDArray[np.float64]:
    affine = volume.lps_from_kji
    points: NDArray[np.float64] = kji @ affine[:3, :3].T + affine[:3, 3]
    return points
