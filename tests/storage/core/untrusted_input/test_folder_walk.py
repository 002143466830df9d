"""Folders are gone through as `os.walk` does, and however deep they are."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicom_node.imports.folder import FolderSource
from inference.models.model_folders import files_of
from storage.core.data_folder.private_folder import open_entries
from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.folder_walk import files_below, walk


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file, and below it more folders than a path can name."""
    folder = tmp_path / "medium"
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for name in ["d"] * 1010 + ["d" * 200] * 11:
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (folder / "a.dcm").touch()
    yield folder
    # pytest forgets folders of earlier runs by shutil.rmtree, which such a one ends.
    subprocess.run(["rm", "-rf", folder], check=True)


def test_it_goes_where_os_walk_goes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    for follow in (False, True):
        expected = list(os.walk(tmp_path, followlinks=follow))
        assert list(walk(tmp_path, follow_links=follow)) == expected
    for _, folders, _ in (found := walk(tmp_path)):
        folders.clear()
    assert list(found) == []


def test_what_cannot_be_listed_is_left_out_or_reported(tmp_path: Path) -> None:
    errors: list[OSError] = []
    assert list(walk(tmp_path / "missing", errors.append)) == []
    assert [type(one) for one in errors] == [FileNotFoundError]


def test_deep_folders_stop_neither_an_import_nor_a_start(deep: Path) -> None:
    """A medium, or what a container left in the data folder."""
    assert len(list(FolderSource(deep).parts())) == 1
    deep.chmod(0o755)
    assert deep in open_entries(deep)


def test_files_below_are_those_that_can_be_read(deep: Path) -> None:
    (deep / "inner").mkdir()
    (deep / "inner" / "file").touch()
    (deep / "link").symlink_to(deep / "a.dcm")
    (deep / "nowhere").symlink_to(deep / "missing")
    os.mkfifo(deep / "pipe")
    found = {path.relative_to(deep).as_posix() for path in files_below(deep)}
    assert found == {"a.dcm", "inner/file", "link"}


def test_a_folder_of_a_model_may_be_any(deep: Path) -> None:
    assert files_of(deep) == [deep / "a.dcm"]
    for number in range(2_000):
        (deep / f"{number}").touch()
    with pytest.raises(InvalidRequest, match=r"more than 2000 files or 20 GiB"):
        files_of(deep)


def test_a_link_out_of_a_models_folder_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.onnx").touch()
    (model / "latest.onnx").symlink_to("model.onnx")
    assert len(files_of(model)) == 2
    (tmp_path / "secret").touch()
    (model / "notes.txt").symlink_to("../secret")
    with pytest.raises(InvalidRequest, match=r"notes\.txt is a link that leads out of the folder"):
        files_of(model)
