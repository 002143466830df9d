"""The archive that `benchmarks.large_index` makes is one of this schema, also in several goes."""

from pathlib import Path

from sqlalchemy import func, select

from benchmarks.support.archive.fill import fill_archive
from benchmarks.support.archive.plan import planned_studies
from storage import tables as t
from storage.container import open_storage
from storage.db.engine import reading
from storage.settings import Settings


def test_an_archive_that_was_interrupted_is_filled_to_the_end(storage_settings: Settings) -> None:
    notes: list[str] = []
    fill_archive(storage_settings, 3_000, notes.append, within_s=0.0)
    count = fill_archive(storage_settings, 3_000, notes.append)
    again = fill_archive(storage_settings, 3_000, notes.append)
    studies = list(planned_studies(3_000))
    with open_storage(storage_settings) as storage:
        found, total = storage.index.studies(5, 0)
        with reading(storage.engine) as connection:
            stored = connection.execute(select(func.count()).select_from(t.instance)).scalar_one()
            uids = connection.execute(
                select(func.count(t.instance.c.sop_instance_uid.distinct()))
            ).scalar_one()
    assert count == again == stored == uids
    assert total == len(studies)
    assert found[0].study_instance_uid == studies[-1].study_instance_uid
    assert found[0].instance_count == sum(one.size for one in studies[-1].series) + 2 * bool(
        studies[-1].pipeline
    )


def test_its_volumes_take_no_room_on_the_disk(storage_settings: Settings) -> None:
    fill_archive(storage_settings, 3_000, lambda _: None)
    volumes = list(Path(storage_settings.data_dir, "volumes").glob("*.mvv"))
    assert volumes
    assert sum(one.stat().st_blocks for one in volumes) == 0
    with open_storage(storage_settings) as storage, reading(storage.engine) as connection:
        named = set(connection.execute(select(t.instance.c.volume).distinct()).scalars())
    assert {one.name for one in volumes} >= named
