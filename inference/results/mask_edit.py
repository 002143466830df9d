"""What a person changed in a mask, as its new version tells it."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.results.author import Author


@dataclass(frozen=True)
class Edit:
    """`segment_numbers` are those whose voxels changed; `predecessor` the Segmentation before."""

    author: Author
    segment_numbers: frozenset[int]
    reason: str
    predecessor: Dataset
