"""The database before the first start of a node."""

from pathlib import Path

import pytest

from storage.container import open_storage
from storage.core.errors import StorageUnavailable
from storage.maintenance.upgrade import prepare_if_new
from storage.settings import load_settings


def test_a_database_is_made_where_none_is_and_left_alone_where_one_was_lost(tmp_path: Path) -> None:
    new = load_settings(data_dir=tmp_path / "new")
    prepare_if_new(new)
    with open_storage(new) as storage:
        assert storage.accounts.all() == []
    volumes = tmp_path / "lost" / "volumes"
    volumes.mkdir(parents=True)
    (volumes / "1.mvv").touch()
    lost = load_settings(data_dir=tmp_path / "lost")
    prepare_if_new(lost)
    with pytest.raises(StorageUnavailable), open_storage(lost):
        pass
