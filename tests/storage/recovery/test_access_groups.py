"""Access groups outlast a damaged index, enforced as before."""

from pathlib import Path

import pytest
from sqlalchemy import text

from storage.access_groups.entities import Member
from storage.access_groups.visibility import visibility_of
from storage.container import open_storage
from storage.core.callers.visibility import Caller
from storage.db.engine import writing
from storage.recovery.salvage import salvage
from storage.settings import load_settings
from tests.migrated import upgrade


@pytest.mark.parametrize("is_lost", [False, True], ids=["whole", "without its state"])
def test_groups_are_enforced_after_the_index_was_taken_out(tmp_path: Path, is_lost: bool) -> None:
    old, new = (load_settings(data_dir=tmp_path / name) for name in ("old", "new"))
    for settings in (old, new):
        upgrade(settings)
    with open_storage(old) as storage:
        storage.access_groups.add("North", rule={"InstitutionName": "North"})
        storage.access_groups.add_member("North", Member("account", "ada"))
        storage.access_groups.enforce(True)
        if is_lost:
            with writing(storage.engine) as connection:
                connection.execute(text("DROP TABLE access_state"))
    salvage(old.data_dir / "index.sqlite3", new.data_dir / "index.sqlite3")
    with open_storage(new) as storage:
        assert [one.name for one in storage.access_groups.all()] == [
            "North",
            "administrators",
            "everyone",
        ]
        assert storage.access_groups.get("North").rule == {"InstitutionName": "North"}
        visibility = visibility_of(storage.engine, Caller("account", "ada"))
        assert visibility is not None
        assert visibility.group_ids == (1, 3)
