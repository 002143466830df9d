"""One tumour that a model shows by several masks over each other is measured once."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inference.imaging.volume import assemble_volume
from inference.lesions.measurable import is_measurable, is_one_type, without_composites
from inference.lesions.points import spread_points, stored_points
from inference.pipeline import PipelineOutput, Segment
from storage.core.findings import Code
from storage.lesions.entities import Lesion
from tests import builders
from tests.inference.lesions.matches import lesion

ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
NEOPLASM = Code("108369006", "SCT", "Neoplasm")
NECROSIS = Code("6574001", "SCT", "Necrosis")
SHAPE = (12, 40, 40)
VOLUME = assemble_volume(
    builders.series(
        np.zeros(SHAPE, np.int16),
        spacing_mm=(3.0, 0.7, 1.1),
        directions=builders.rotation(12, -7, 20),
    )
)


def cube(half: int, centre: tuple[int, int, int] = (6, 20, 20)) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(max(one - half, 0), one + half) for one in centre)] = True
    return mask


def measured(
    masks: Mapping[str, NDArray[np.bool_]],
    types: Mapping[str, Code] | None = None,
    stated: Mapping[str, bool] | None = None,
) -> dict[str, bool]:
    """Which of the lesions that lie over each other are measurable, by name."""
    kinds = {name: (types or {}).get(name, NEOPLASM) for name in masks}
    output = PipelineOutput(
        tuple(Segment(name, ABNORMAL, kinds[name], (1, 2, 3), is_lesion=True) for name in masks),
        np.stack(list(masks.values()), axis=-1),
    )
    lesions: list[Lesion] = [
        replace(
            lesion(name, 20, kind=kinds[name], is_measurable=(stated or {}).get(name)),
            segment_number=number,
            volume_mm3=float(np.count_nonzero(mask)),
            points=stored_points(spread_points(mask, VOLUME)),
        )
        for number, (name, mask) in enumerate(masks.items(), start=1)
    ]
    found = without_composites(lesions, VOLUME, output)
    return {one.lesion_id: is_measurable(one) for one in found}


def test_of_a_tumour_within_its_whole_the_innermost_is_measured() -> None:
    masks = {"whole": cube(6), "core": cube(4), "enhancing": cube(2), "other": cube(2, (6, 5, 35))}
    assert measured(masks) == {
        "whole": False,
        "core": False,
        "enhancing": True,
        "other": True,
    }


def test_necrosis_within_a_tumour_does_not_make_it_a_composite() -> None:
    masks = {"tumour": cube(4), "necrosis": cube(2)}
    assert measured(masks, {"necrosis": NECROSIS}) == {"tumour": True, "necrosis": False}


def test_a_tumour_that_touches_another_is_measured() -> None:
    masks = {"large": cube(5), "beside": cube(3, (6, 24, 20))}
    assert measured(masks) == {"large": True, "beside": True}


def test_the_card_may_name_the_whole_as_what_is_measured() -> None:
    masks = {"whole": cube(6), "enhancing": cube(2)}
    found = measured(masks, stated={"whole": True, "enhancing": False})
    assert found == {"whole": True, "enhancing": False}


def test_the_tumour_and_its_necrosis_are_never_one_lesion() -> None:
    assert is_one_type(NEOPLASM, NEOPLASM)
    assert not is_one_type(NEOPLASM, NECROSIS)
    # Both codes of SNOMED CT for lymph nodes.
    nodes = [Code(value, "SCT", "Lymph node") for value in ("59441001", "181756000")]
    assert is_one_type(*nodes)
