"""How a result refers to a single image, which may have no place in the patient."""

from pydicom.dataset import Dataset

from inference.pipeline import ImageResult
from inference.results.source_references import reference_to


def image_reference(source: Dataset) -> Dataset:
    """As `reference_to`, without a Frame of Reference that the image does not have."""
    reference = reference_to(source)
    if not source.get("FrameOfReferenceUID"):
        del reference.FrameOfReferenceUID
    return reference


def by_uid(sources: list[Dataset]) -> dict[str, Dataset]:
    return {str(source.SOPInstanceUID): source for source in sources}


def frame_numbers(source: Dataset, number: int | None) -> list[int] | None:
    """Named of a multi-frame image alone (PS3.3 Table 10-3)."""
    return [number] if number is not None and int(source.get("NumberOfFrames") or 1) > 1 else None


def shown_frame(source: Dataset, image: ImageResult) -> int | None:
    numbers = frame_numbers(source, image.shown_frame_number)
    return numbers[0] if numbers else None
