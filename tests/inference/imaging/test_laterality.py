"""Which side of the body images state, wherever they state it."""

import pytest
from pydicom.dataset import Dataset

from inference.imaging.laterality import side_of


def stated(**attributes: object) -> Dataset:
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return header


def modified(code: str) -> list[Dataset]:
    return [stated(AnatomicRegionModifierSequence=[stated(CodeValue=code)])]


def framed(*sides: str) -> list[Dataset]:
    return [stated(FrameAnatomySequence=[stated(FrameLaterality=side)]) for side in sides]


@pytest.mark.parametrize(
    ("headers", "side"),
    [
        ([stated(Laterality="R")], "R"),
        ([stated(ImageLaterality="L"), stated(ImageLaterality="L")], "L"),
        ([stated(ImageLaterality="L"), stated(ImageLaterality="R")], ""),
        ([stated(ImageLaterality="L"), stated()], ""),
        ([stated(ImageLaterality="L", Laterality="R")], ""),
        ([stated(PerFrameFunctionalGroupsSequence=framed("R", "R"))], "R"),
        ([stated(PerFrameFunctionalGroupsSequence=framed("R", "L"))], ""),
        ([stated(SharedFunctionalGroupsSequence=framed("U"))], ""),
        ([stated(AnatomicRegionSequence=modified("24028007"))], "R"),
        ([stated(AnatomicRegionSequence=modified("G-A101"))], "L"),
        ([stated(SharedFunctionalGroupsSequence=[
            stated(FrameAnatomySequence=[stated(AnatomicRegionSequence=modified("7771000"))])
        ])], "L"),
        ([stated(BodyPartExamined="RIGHT KNEE")], "R"),
        ([stated(BodyPartExamined="KNIE_LINKS")], "L"),
        ([stated(BodyPartExamined="KNEE")], ""),
        ([stated(BodyPartExamined="L AND R HAND")], ""),
        ([stated(Laterality="")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_a_side_is_known_where_all_statements_agree(headers: list[Dataset], side: str) -> None:
    assert side_of(headers) == side
