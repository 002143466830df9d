"""Whether a host has the files of a model is asked four times a minute, and reads them once."""

import os
from pathlib import Path

import pytest

from inference.model_registry import model_archives
from inference.model_registry.model_archives import files_digest
from inference.models.files import file_sha256


def test_weights_are_read_again_only_when_they_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return file_sha256(path)

    monkeypatch.setattr(model_archives, "file_sha256", counted)
    weights, card = tmp_path / "weights.pt", tmp_path / "card.yaml"
    weights.write_bytes(b"old" * 1000)
    card.write_text("name: pack")
    first = files_digest(tmp_path)
    assert files_digest(tmp_path) == first
    assert sorted(read) == ["card.yaml", "weights.pt"]

    weights.write_bytes(b"new" * 1000)
    os.utime(weights, ns=(1, 1))
    assert files_digest(tmp_path) != first
    assert read[2:] == ["weights.pt"]
    weights.write_bytes(b"old" * 1000)
    os.utime(weights, ns=(2, 2))
    assert files_digest(tmp_path) == first
