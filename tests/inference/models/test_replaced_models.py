"""A model that is added again takes the place of the former one without a moment of none."""

import errno
import os
from pathlib import Path

import pytest

from inference.models import model_folders
from inference.models.model_folders import put_model
from storage.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path)


def put(settings: Settings, content: str) -> Path:
    return put_model(settings, "spleen", lambda ready: _write(ready, content))


def _write(ready: Path, content: str) -> None:
    (ready / "weights").write_text(content)


class Killed(BaseException):
    pass


def killed(*_: object) -> None:
    raise Killed


def test_a_model_is_there_whenever_its_replacement_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = put(settings, "old")
    monkeypatch.setattr(model_folders, "put_in_place", killed)
    monkeypatch.setattr(model_folders, "remove_tree", killed)
    with pytest.raises(Killed):
        put(settings, "new")
    assert (target / "weights").read_text() == "new"


def test_a_disk_that_refuses_the_new_one_leaves_the_former_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file system cannot exchange two folders."""
    target = put(settings, "old")

    def refused(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(model_folders, "exchange", lambda *_: False, raising=False)
    monkeypatch.setattr(model_folders, "put_in_place", refused)
    with pytest.raises(OSError, match="Input/output"):
        put(settings, "new")
    assert (target / "weights").read_text() == "old"
