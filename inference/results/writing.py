"""A result object as the bytes of a file."""

from io import BytesIO

from pydicom.dataset import Dataset


def part10(dataset: Dataset) -> bytes:
    """With preamble and file meta (PS3.10 7.1)."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
