"""A head that its header turns over: the network is surer of it turned back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from numpy.typing import NDArray

from inference.imaging.volume import assemble_volume
from inference.pipeline import ignore_progress
from inference.pipelines.brain import deepbet_model
from inference.pipelines.brain.head_orientation import doubt, turned_over

Turn = Callable[[torch.Tensor], torch.Tensor]
WAYS: dict[str, Turn] = {
    "back to front": lambda x: x.flip(1),
    "upside down": lambda x: x.flip(2),
    "upside down and back to front": lambda x: x.flip(1, 2),
    "across": lambda x: x.permute(1, 0, 2),
    "on its side": lambda x: x.permute(2, 1, 0),
    "on its back": lambda x: x.permute(0, 2, 1).flip(1),
    "on its face": lambda x: x.permute(0, 2, 1).flip(2),
}


def head() -> torch.Tensor:
    """Of no symmetry; what is sure of it is 1 or 0, and what is not 0.5."""
    x = torch.zeros(12, 12, 12)
    x[2:9, 1:8, 4:10] = 1.0
    return x


def network(knows: torch.Tensor, asked: list[str]) -> Turn:
    """Surest of the head that it knows."""

    def answer(x: torch.Tensor) -> torch.Tensor:
        asked.append("")
        unsure = (x != knows) & (knows > 0)
        return torch.where(unsure, 0.6, knows)

    return answer


@pytest.mark.parametrize("how", WAYS)
def test_what_the_network_is_surer_of_turned_is_named(how: str) -> None:
    x = WAYS[how](head()).contiguous()
    answer = network(head(), [])
    said = turned_over(x, 10.0, answer)
    assert f"as of one that lies {how}:" in said


def test_a_head_that_the_network_is_sure_of_is_not_asked_about_again() -> None:
    asked: list[str] = []
    assert turned_over(head(), 3.7, network(head().flip(1), asked)) == ""
    assert asked == []


def test_doubt_that_turning_does_not_end_is_no_turned_head_and_much_of_it_is_stated() -> None:
    asked: list[str] = []
    unsure = torch.full((12, 12, 12), 0.6)
    own = doubt(unsure)
    assert own == pytest.approx(12.0)

    def answer(_: torch.Tensor) -> torch.Tensor:
        asked.append("")
        return unsure

    assert turned_over(head(), 5.0, answer) == ""
    assert len(asked) == len(WAYS)
    assert turned_over(head(), own, answer).startswith("The network is unsure of much of the head")
    assert doubt(torch.zeros(4, 4, 4)) == 0.0


@pytest.fixture(scope="module")
def t1_head(shared_data: Path) -> NDArray[np.float32]:
    """The shared head, every third and fourth voxel; axes to right, anterior, superior."""
    from nibabel.orientations import apply_orientation, io_orientation

    folder = shared_data / "mr_t1_head"
    volume = assemble_volume([pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))])
    ras_from_kji = np.diag((-1.0, -1.0, 1.0, 1.0)) @ volume.lps_from_kji
    turn = io_orientation(ras_from_kji[:, [2, 1, 0, 3]])
    return np.asarray(apply_orientation(volume.voxels.T, turn), np.float32)[::3, ::3, ::4]


@pytest.mark.slow
@pytest.mark.parametrize("how", WAYS)
def test_a_real_head_that_is_turned_over_is_noticed(how: str, t1_head: NDArray[np.float32]) -> None:
    turned = WAYS[how](torch.from_numpy(t1_head.copy())).numpy()
    found = deepbet_model.brain_mask(turned, 0, ignore_progress)
    # On its face it is found so badly that no turn of what was found is sure.
    assert f"as of one that lies {how}:" in found.orientation or how == "on its face"
    assert found.orientation


@pytest.mark.slow
def test_a_real_head_that_lies_right_or_mirrored_is_not(t1_head: NDArray[np.float32]) -> None:
    for right in (t1_head, t1_head[::-1].copy()):
        assert deepbet_model.brain_mask(right, 0, ignore_progress).orientation == ""
