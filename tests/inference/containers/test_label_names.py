"""Label maps whose values the container itself names, in a `labels.json` beside them."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.containers.results import merged_masks
from tests.inference.containers.outputs import MASK, SHAPE, SPLEEN, label_map, read, refusal

LIVER = {
    "label": "Liver",
    "code": ["10200004", "SCT", "Liver"],
    "color_rgb": [120, 60, 20],
}
KIDNEY = {"label": "Kidney", "code": ["64033007", "SCT", "Kidney"], "laterality": "left"}


def maps(folder: Path, *values: int, turn: str = "RAS") -> None:
    """The cube in equal parts of each value, and nothing around."""
    labels = np.zeros(SHAPE, np.int32)
    for part, value in zip(np.array_split(np.argwhere(MASK), len(values)), values, strict=True):
        labels[tuple(part.T)] = value
    label_map(folder, labels, turn)


def name(folder: Path, stated: Any) -> None:
    (folder / "labels.json").write_text(json.dumps(stated))


def test_names_and_codes_are_those_of_the_file(tmp_path: Path) -> None:
    maps(tmp_path, 3, 300, 1, turn="PIR")
    name(tmp_path, {"1": "Spleen", "3": LIVER, "300": KIDNEY, "4": "Pancreas"})
    masks = merged_masks(read(tmp_path))
    assert masks is not None
    by_label = {one.label: one for one in masks.segments}
    assert set(by_label) == {"Spleen", "Liver", "Kidney"}
    liver, kidney, spleen = (by_label[one] for one in ("Liver", "Kidney", "Spleen"))
    assert (liver.type.value, liver.type.scheme_designator) == ("10200004", "SCT")
    assert liver.color_rgb == (120, 60, 20)
    assert kidney.laterality is not None
    assert kidney.laterality.value == "7771000"
    assert (spleen.type.scheme_designator, spleen.type.meaning) == ("99MEDIVIEW", "Spleen")
    parts = dict(zip((3, 300, 1), np.array_split(np.argwhere(MASK), 3), strict=True))
    for value, segment in ((3, liver), (300, kidney), (1, spleen)):
        number = masks.segments.index(segment) + 1
        np.testing.assert_array_equal(np.argwhere(masks.array == number), parts[value])


def test_the_card_counts_more_than_the_file(tmp_path: Path) -> None:
    maps(tmp_path, 1, 2)
    name(tmp_path, {"1": "Something else", "2": "Liver"})
    masks = merged_masks(read(tmp_path, {1: SPLEEN}))
    assert masks is not None
    assert [one.label for one in masks.segments] == ["Spleen", "Liver"]


def test_maps_of_two_folders_have_names_of_their_own(tmp_path: Path) -> None:
    for folder, label in (("organs", "Liver"), ("vessels", "Aorta")):
        (tmp_path / folder).mkdir()
        maps(tmp_path / folder, 1)
        name(tmp_path / folder, {"1": label})
    found = read(tmp_path)
    masks = merged_masks(found)
    assert masks is not None
    assert [one.label for one in masks.segments] == ["Liver", "Aorta"]
    assert found.notes == ()


def test_a_value_without_a_name_is_left_out_and_noted(tmp_path: Path) -> None:
    maps(tmp_path, 1, 7)
    name(tmp_path, {"1": "Spleen"})
    found = read(tmp_path)
    masks = merged_masks(found)
    assert masks is not None
    assert [one.label for one in masks.segments] == ["Spleen"]
    assert "label value 7 without a name" in " ".join(found.notes)


def test_names_that_begin_alike_have_codes_of_their_own(tmp_path: Path) -> None:
    maps(tmp_path, 1, 2)
    name(tmp_path, {"1": "Right-Cerebellum-Exterior", "2": "Right-Cerebellum-White-Matter"})
    masks = merged_masks(read(tmp_path))
    assert masks is not None
    assert len({one.type.value for one in masks.segments}) == 2


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"0": "Background"}, "labels.json of the container"),
        ({"one": "Spleen"}, "labels.json of the container"),
        (["Spleen"], "labels.json of the container"),
        ({"1": {"label": "Spleen", "code": ["78961009"]}}, "labels.json of the container"),
        ({"1": "Verified by Dr. X"}, "labels.json of the container"),
        ({"1": "No haemorrhage"}, "1.label: Value error, is a statement"),
        ({str(n): f"Label {n}" for n in range(1, 300)}, "labels.json of the container"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, stated: Any, says: str) -> None:
    maps(tmp_path, 1)
    name(tmp_path, stated)
    assert says in refusal(tmp_path)


def test_without_names_the_refusal_says_how_to_give_them(tmp_path: Path) -> None:
    maps(tmp_path, 1)
    assert "neither the card nor a labels.json beside it names its values" in refusal(tmp_path)


def test_the_page_states_a_file_that_is_read(tmp_path: Path) -> None:
    page = Path("docs/pipelines/containers.md").read_text("utf-8")
    (block,) = re.findall(r"```json labels\n(.*?)```", page, re.DOTALL)
    maps(tmp_path, *(int(value) for value in json.loads(block)))
    (tmp_path / "labels.json").write_text(block)
    masks = merged_masks(read(tmp_path))
    assert masks is not None
    assert [one.label for one in masks.segments] == ["Spleen", "Left kidney"]
