"""In which volumes instances lie is known without reading every instance."""

from sqlalchemy import insert, select, update

from storage import tables as t
from storage.container import Storage
from storage.core.clock import utcnow
from storage.db.engine import reading, writing
from storage.reconciliation.missing_volumes import unsettled_volumes
from tests.storage.plans import plan_of


def _add(storage: Storage, *volumes: str) -> None:
    """An instance in each."""
    now = utcnow()
    with writing(storage.engine) as connection:
        patient = connection.execute(insert(t.patient).values(patient_key="k")).inserted_primary_key
        assert patient is not None
        study = connection.execute(
            insert(t.study).values(
                patient_fk=patient[0], study_instance_uid="1.2", received_at=now, updated_at=now
            )
        ).inserted_primary_key
        assert study is not None
        series = connection.execute(
            insert(t.series).values(
                study_fk=study[0], series_instance_uid="1.2.1", state="COMPLETE",
                origin="received", first_instance_at=now, last_instance_at=now,
            )
        ).inserted_primary_key  # fmt: skip
        assert series is not None
        for number, volume in enumerate(volumes):
            connection.execute(
                insert(t.instance).values(
                    series_fk=series[0], sop_instance_uid=f"1.2.1.{number}", sop_class_uid="1",
                    transfer_syntax_uid="1", size_bytes=1, digest="", source="", received_at=now,
                    volume=volume, volume_offset=number,
                )
            )  # fmt: skip


def _volumes(storage: Storage) -> list[str]:
    with reading(storage.engine) as connection:
        return list(connection.execute(unsettled_volumes()).scalars())


def test_each_volume_is_named_once_and_none_whose_instances_are_in_the_bucket(
    storage: Storage,
) -> None:
    assert _volumes(storage) == []
    _add(storage, "b.mvv", "a.mvv", "b.mvv", "c.mvv", "a.mvv", "é.mvv")
    with writing(storage.engine) as connection:
        connection.execute(
            update(t.instance).where(t.instance.c.volume == "c.mvv").values(object_key="k")
        )
    assert sorted(_volumes(storage)) == ["a.mvv", "b.mvv", "é.mvv"]
    with reading(storage.engine) as connection:
        waiting = select(t.instance.c.volume).where(t.NOT_UPLOADED).distinct()
        assert set(_volumes(storage)) == set(connection.execute(waiting).scalars())


def test_an_index_leads_from_one_volume_to_the_next(storage: Storage) -> None:
    plan = plan_of(storage.engine, unsettled_volumes())
    assert "ix_instance_unsettled_volume" in plan, plan
    # As DISTINCT is answered: by all entries of the index, or all rows.
    assert "SCAN instance" not in plan, plan
    assert "Unique" not in plan, plan
    assert "HashAggregate" not in plan, plan
