"""What a bundle's inference configuration may be."""

from pathlib import Path

import pytest

from inference.bundles.configuration import read_configuration, targets_of
from storage.core.errors import InvalidRequest


def test_anchors_are_read_as_monai_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "inference.yaml"
    file.write_text("size: &size [32, 32]\npre: {_target_: monai.transforms.Resized, to: *size}\n")
    read = read_configuration(file)
    assert (read["pre"]["to"], targets_of(read)) == ([32, 32], ["Resized"])


@pytest.mark.parametrize(
    "text", ["a: &a [*a]", "[" * 300, "a: \xff".encode("latin-1")], ids=["endless", "deep", "bytes"]
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str | bytes) -> None:
    file = tmp_path / "inference.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidRequest, match=r"inference\.yaml cannot be read"):
        read_configuration(file)
