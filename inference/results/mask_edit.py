"""What a person changed in a mask, or clicked, as the mask tells it."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.results.author import Author


@dataclass(frozen=True)
class Edit:
    """`segment_numbers` are those whose voxels changed; `predecessor` the Segmentation before,
    which a mask need not have that a model made of a person's clicks (`is_clicked`)."""

    author: Author
    segment_numbers: frozenset[int]
    reason: str
    predecessor: Dataset | None
    is_clicked: bool = False

    @property
    def word(self) -> str:
        """For titles: "edited mask", "clicked mask"."""
        return "clicked" if self.is_clicked else "edited"
