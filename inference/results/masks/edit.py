"""What a person changed in a mask, or clicked, as the mask tells it."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.results.author import Author, Observers


@dataclass(frozen=True)
class Edit:
    """`segment_numbers` are those whose voxels changed; `predecessor` the Segmentation before,
    which a mask need not have that a model made of a person's clicks (`is_clicked`)."""

    author: Author
    segment_numbers: frozenset[int]
    reason: str
    predecessor: Dataset | None
    is_clicked: bool = False
    observers: Observers = ()
    """Of each segment; empty: all are the author's."""

    def observer_of(self, segment_number: int) -> Author | None:
        """Who accepted the segment or changed it; None: the model alone, or nobody knows."""
        return self.observers[segment_number - 1] if self.observers else self.author

    @property
    def only_observer(self) -> Author | None:
        """Where all segments are of one."""
        first, *others = self.observers or (self.author,)
        is_only = first is not None and all(
            one is not None and one.is_same(first) for one in others
        )
        return first if is_only else None

    @property
    def word(self) -> str:
        """For titles: "edited mask", "clicked mask"."""
        return "clicked" if self.is_clicked else "edited"
