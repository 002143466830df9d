"""What is said to be lost after a repair."""

import pytest

from api.cli.storage.repair_report import lost_words
from storage import tables as t
from storage.maintenance.reindexing.rows import Rebuilt
from storage.recovery.repair import Repaired
from storage.recovery.salvage import Salvaged


@pytest.mark.parametrize("table", ["second_factor", "access_group", "project", "peer"])
def test_every_table_that_could_not_be_read_is_named(table: str) -> None:
    assert table in t.metadata.tables
    salvaged = [Salvaged(table, 1, is_whole=False), Salvaged("job", 3, is_whole=True)]
    (word,) = lost_words(Repaired(rebuilt=Rebuilt(), salvaged=salvaged))
    assert word.split()[0].rstrip("s") in table.replace("_", " ")
