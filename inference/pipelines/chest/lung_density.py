"""lung-density: both lungs of a chest CT, their volume and how dense they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.directions import in_words
from inference.imaging.padding import not_imaged
from inference.imaging.volume import Volume
from inference.models.card import MORPHOLOGICAL_OPERATIONS, Proof
from inference.models.population import Population
from inference.normal_ranges.lung_capacity import TotalLungCapacity
from inference.normal_ranges.reference import ReferenceValues
from inference.pipeline import (
    Acceptance,
    Measurement,
    ModelCard,
    PipelineContext,
    PipelineOutput,
    Readiness,
    Segment,
)
from inference.pipelines.chest.chest_ct import judge_chest_ct
from inference.pipelines.chest.doubts import doubts_of
from inference.pipelines.chest.lungs import LUNG_BELOW_HU, Lungs, segment_lungs
from inference.pipelines.chest.self_test import prove_lungs
from inference.pipelines.codes import ANATOMICAL_STRUCTURE, PERCENT, VOLUME
from inference.volume_preparation.coverage import cut_off_at, validity_of, with_caveat
from inference.volume_preparation.plausible_sizes import PlausibleSize
from storage.core.entities import Instance, Series
from storage.core.errors import InvalidRequest
from storage.core.findings import Code

_LEFT = Code("44029006", "SCT", "Left lung")
_RIGHT = Code("3341006", "SCT", "Right lung")
_EITHER = Code("39607008", "SCT", "Lung")
_BOTH = "Both lungs"
_MEASURES = ("volume", "mean density", "LAA-950", "15th percentile")
_UNDETERMINED = "Lung of undetermined side"
# This node's own. Of adults the predicted total lung capacity is below 8.5 L up to two metres (GLI
# 2021, `lung_capacity`), and emphysema adds to it; of children it is 1.7 L at six years (117 cm)
# and 3.5 L or so at twelve.
_SIZES = tuple(
    PlausibleSize(label, ((0.0, 0.0, young), (6.0, 0.0, child), (12.0, 0.0, adult)), "this node's")
    for label, young, child, adult in (
        (f"{_BOTH} volume", 3.0, 5.5, 10.0),
        (f"{_UNDETERMINED} volume", 3.0, 5.5, 10.0),
        (f"{_LEFT.meaning} volume", 2.0, 3.5, 6.5),
        (f"{_RIGHT.meaning} volume", 2.0, 3.5, 6.5),
    )
)
# No standard code says which voxels and which statistic; ours name both, in 64 characters.
_MEAN_DENSITY = Code("MLD", "99MEDIVIEW", "Mean density of lung below -500 HU, no airways")
_LOW_ATTENUATION = Code("LAA950", "99MEDIVIEW", "Share below -950 HU of lung below -500 HU")
_PERCENTILE_15 = Code("PERC15", "99MEDIVIEW", "15th percentile of lung below -500 HU")
_LITRE = Code("L", "UCUM", "liter")
_HU = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
_EMPHYSEMA_BELOW_HU = -950.0
_MM3_IN_LITRE = 1_000_000.0
_ADULTS = (18.0, 150.0)
_COUNTED = (
    "Volume is that of the whole mask, vessels within the lung included; mean density, LAA-950 and"
    " 15th percentile are of its voxels below -500 HU, which leaves vessels out. Airways are in"
    " neither."
)
_LIBRARIES = ("connected-components-3d", "edt", "fill-voids", "scipy")


class LungDensity:
    """Measures lungs by thresholds and morphology; there are no weights to trust."""

    name = "lung-density"
    version = "1.2.0"
    title = "Lung density"
    description = (
        "Volume and density of both lungs in a chest CT: mean, LAA-950 and 15th percentile,"
        " airways and vessels left out of the density."
    )
    accepts_text = (
        "Axial chest CT in HU: slices 3 mm apart or less, 150 mm long or more,"
        " with both lungs in the field of view."
    )
    input_kind: Literal["volume", "image"] = "volume"
    begins_early = True
    measures = frozenset(
        f"{what} {measure}"
        for what in (_LEFT.meaning, _RIGHT.meaning, _BOTH, _UNDETERMINED)
        for measure in _MEASURES
    )
    plausible_sizes = _SIZES
    card = ModelCard(
        name="lung-density",
        version="1.2.0",
        licence="Apache-2.0",
        source="MediViewAI",
        intended_use=(
            "Research use only. Compare only scans of like kernel, slice thickness, dose and"
            " depth of breath; contrast agent raises, and sharp kernels lower, what is measured."
        ),
        input_description="Axial chest CT in HU, slices 3 mm apart or less.",
        training_data="None: thresholds and morphology.",
        population=Population(
            age_years=_ADULTS,
            contrast_agent=False,
            source="the limit of low attenuation, which is that of adults without contrast agent",
        ),
        output_codes=(_LEFT, _RIGHT, _EITHER, _MEAN_DENSITY, _LOW_ATTENUATION, _PERCENTILE_15),
        normal_ranges=(
            TotalLungCapacity("Both lungs volume"),
            ReferenceValues(
                "Both lungs LAA-950",
                PERCENT.value,
                None,
                5.0,
                "COPDGene 2019 (Lowe et al., Chronic Obstr Pulm Dis 2019; 6: 384-399): from 5 % at"
                " full inspiration it counts as emphysema",
                age_years=_ADULTS,
                without_contrast_agent=True,
                # The source names none here: its value is shown beside every kernel with a caveat.
                kernels=(),
            ),
        ),
        family=MORPHOLOGICAL_OPERATIONS,
    )

    def readiness(self) -> Readiness:
        """Whether the libraries of its morphology are installed."""
        for library in _LIBRARIES:
            try:
                metadata.distribution(library)
            except metadata.PackageNotFoundError:
                return Readiness(
                    False, f"The package {library} is not installed: pip install {library}."
                )
        return Readiness(True, "Needs no weights: thresholds and morphology.")

    def prove(self) -> Proof:
        """Raises ModelUnusable where a phantom's lungs are not as large as they are."""
        return prove_lungs()

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        """Take received chest CTs that are thin enough; say why not otherwise."""
        return judge_chest_ct(headers)

    def run(self, context: PipelineContext) -> PipelineOutput:
        """Left and right lung on the source grid, with volume in litres and density.

        The mask of a lung holds its vessels; its density is that of the voxels below
        -500 HU, without airways. Raises NothingFound, InvalidRequest.
        """
        volume = context.volume
        if volume is None:
            raise InvalidRequest(
                "lung-density was given no volume.", remedy="Give it a series of CT images."
            )
        started = time.perf_counter()
        context.on_progress("segment", 0.1)
        outside = not_imaged(volume)
        lungs = segment_lungs(volume.voxels, volume.lps_from_kji, outside)
        segmented = time.perf_counter()
        context.on_progress("measure", 0.9)
        segments, masks, measurements = _measured(volume, lungs, outside)
        if lungs.undetermined.any():
            measurements = _truncated(measurements, lungs, volume, outside)
        # They do not overlap: `masks` has each of them as it is.
        found = [one for one in (lungs.left, lungs.right, lungs.undetermined) if one.any()]
        doubts = doubts_of(volume, lungs, found, outside)
        output = PipelineOutput(
            segments=segments,
            masks=masks,
            measurements=tuple(map(doubts.applied, measurements)),
            notes=(*_notes(lungs), _COUNTED),
            timings_s={
                "segment": segmented - started,
                "measure": time.perf_counter() - segmented,
            },
        )
        for caveat in doubts.caveats:
            output = with_caveat(output, caveat)
        return output


def _notes(lungs: Lungs) -> Iterator[str]:
    if not lungs.undetermined.any():
        return
    if lungs.body_cut_off_at:
        yield (
            f"The images cut the body off {in_words(lungs.body_cut_off_at)}: whether the lung is"
            " the left or the right one is not determined."
        )
    else:
        yield (
            "What was found lies across the middle of the body: whether it is the left or the"
            " right lung, or both, is not determined."
        )


def _truncated(
    measurements: Sequence[Measurement],
    lungs: Lungs,
    volume: Volume,
    outside: NDArray[np.bool_] | None,
) -> tuple[Measurement, ...]:
    """Where the body is cut off, the other lung may be as well: no value is that of a whole."""
    cut_off = cut_off_at(lungs.undetermined, volume.lps_from_kji, padding=outside)
    where = tuple(dict.fromkeys((*lungs.body_cut_off_at, *cut_off)))
    if not where:
        return tuple(measurements)
    return tuple(replace(one, validity=validity_of(where)) for one in measurements)


def _measured(
    volume: Volume, lungs: Lungs, outside: NDArray[np.bool_] | None
) -> tuple[tuple[Segment, ...], NDArray[np.uint8], tuple[Measurement, ...]]:
    found = [
        (label, mask, code, color)
        for label, mask, code, color in (
            ("Left lung", lungs.left, _LEFT, (110, 170, 235)),
            ("Right lung", lungs.right, _RIGHT, (130, 205, 140)),
            (_UNDETERMINED, lungs.undetermined, _EITHER, (200, 200, 200)),
        )
        if mask.any()
    ]
    segments = tuple(
        Segment(label, ANATOMICAL_STRUCTURE, code, color) for label, _, code, color in found
    )
    # As they are stored: what noise puts below -1024 HU is no padding, and counts.
    hu, voxel_mm3 = volume.voxels, volume.voxel_volume_mm3
    counted = hu < LUNG_BELOW_HU
    # Not all padding: where it is -1024, so is what the scanner clips in emphysema.
    if outside is not None:
        counted &= ~outside
    masks = np.zeros(hu.shape, np.uint8)
    measurements: list[Measurement] = []
    densities = []
    litres = []
    for index, (label, mask, _, _) in enumerate(found):
        masks[mask] = index + 1
        density = hu[mask & counted]
        volume_l = float(np.count_nonzero(mask)) * voxel_mm3 / _MM3_IN_LITRE
        measurements += _of_one(label, density, volume_l, index)
        densities.append(density)
        litres.append(volume_l)
    if len(segments) > 1:
        both = _of_one(_BOTH, np.concatenate(densities), sum(litres), None)
        measurements += [replace(one, parts=(0, 1)) for one in both]
    return segments, masks, tuple(measurements)


def _of_one(
    what: str, density: NDArray[np.float32], volume_l: float, segment_index: int | None
) -> list[Measurement]:
    """Of one lung, or of both; `density` are its voxels in HU."""
    low = float(np.count_nonzero(density < _EMPHYSEMA_BELOW_HU)) / density.size * 100.0
    return [
        Measurement(f"{what} volume", VOLUME, volume_l, _LITRE, segment_index),
        Measurement(
            f"{what} mean density",
            _MEAN_DENSITY,
            float(density.mean(dtype=np.float64)),
            _HU,
            segment_index,
        ),
        Measurement(f"{what} LAA-950", _LOW_ATTENUATION, low, PERCENT, segment_index),
        Measurement(
            f"{what} 15th percentile",
            _PERCENTILE_15,
            float(np.percentile(density, 15)),
            _HU,
            segment_index,
        ),
    ]
