"""What one host deletes stays deleted, and what comes again is there again."""

from typing import Any

import pytest

from storage import tables as t
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import NotFound, StorageUnavailable
from storage.core.uids import derive_uid
from storage.db.engine import writing
from storage.volumes.deletion_counter import Generation
from storage.volumes.host_id import host_of_volume
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.storage.hosts.conftest import Host, copy_keys
from tests.storage.hosts.instances import STUDY, UID, TwoHosts, part10
from tests.storage.hosts.put_back import delete_and_put_back


def test_what_one_host_deletes_no_other_brings_back(two_hosts: TwoHosts) -> None:
    north, south = two_hosts
    north.storage.ingest.accept(part10(), "stow")
    north.keep_in_order()

    south.storage.deletions.study(STUDY)
    north.storage.volumes.close()
    north.storage.recovery.run(thorough=True)
    north.keep_all_in_order()

    with pytest.raises(NotFound):
        north.storage.index.instance(UID)
    assert not list(north.storage.objects.list("dicom/"))


@pytest.mark.parametrize("rebuilt_first", ["north", "south"])
def test_what_comes_again_behind_the_deletion_of_another_host_outlasts_the_index(
    two_hosts: TwoHosts, rebuilt_first: str
) -> None:
    north, south = two_hosts
    sent = part10()
    north.storage.ingest.accept(sent, "stow")
    for _ in range(3):
        # The counter of the north knows nothing of these.
        south.storage.ingest.accept(part10(study="other"), "stow")
        south.storage.deletions.study(derive_uid("test", "other"))
    south.storage.deletions.study(STUDY)

    north.storage.ingest.accept(sent, "stow")
    north.storage.volumes.close()
    south.storage.volumes.close()
    with writing(north.storage.engine) as connection:
        for table in (t.instance, t.series, t.study, t.volume, t.tombstone, t.uncopied_deletion):
            connection.execute(table.delete())
    of = {"north": north, "south": south}
    for name in sorted(of, key=lambda one: one != rebuilt_first):
        of[name].storage.recovery.run(thorough=True)
    # As each host does within a minute.
    north.storage.recovery.run()

    assert north.storage.instances.read(north.storage.index.instance(UID)) == sent
    with pytest.raises(NotFound):
        north.storage.index.instance(derive_uid("test", "other", "series", "0"))


def test_a_counter_that_was_lost_does_not_get_ahead_of_the_other_hosts(
    two_hosts: TwoHosts,
) -> None:
    """A deletion elsewhere would not cover what it receives then."""
    north, south = two_hosts
    south.storage.ingest.accept(part10(study="other"), "stow")
    south.storage.deletions.study(derive_uid("test", "other"))
    north.storage.ingest.accept(part10(instance="1"), "stow")
    north.storage.volumes.generation.close()
    counter = north.storage.volumes.folder / "deletions"
    counter.write_bytes(b"\xff" * counter.stat().st_size)
    north.storage.volumes.generation._mapped = None

    north.storage.ingest.accept(part10(), "stow")
    south.storage.deletions.study(STUDY)
    north.storage.volumes.close()
    north.storage.recovery.run(thorough=True)

    with pytest.raises(NotFound):
        north.storage.index.instance(UID)


def test_the_object_of_a_deleted_instance_does_not_come_back_by_another_host(
    two_hosts: TwoHosts,
) -> None:
    """The same UID with other content, received elsewhere while the old object has yet to go."""
    north, south = two_hosts
    newer = part10(PatientComments="newer")
    north.storage.ingest.accept(part10(), "stow")
    north.keep_in_order()
    south.storage.deletions.study(STUDY)
    south.storage.ingest.accept(newer, "stow")

    south.keep_in_order()
    before = south.storage.index.instance(UID).location.object_key
    south.keep_all_in_order()
    north.keep_all_in_order()

    assert before == ""
    assert north.storage.instances.read(north.storage.index.instance(UID)) == newer


def test_a_lost_index_does_not_bring_back_what_a_lost_host_deleted(
    settings_of: Any, postgres_server: PostgresServer
) -> None:
    north, south = settings_of("north"), settings_of("south")
    upgrade(north)
    with open_storage(north) as of_north:
        copy_keys(north, south)
        of_north.ingest.accept(part10(), "stow")
        with open_storage(south) as of_south:
            host = Host(south, of_south)
            of_south.deletions.study(STUDY)
            host.keep_all_in_order()
    url = postgres_server.migrated_database()
    again = settings_of("north", database_url=url)

    upgrade(again)
    with open_storage(again) as storage:
        storage.recovery.run(thorough=True)
        with pytest.raises(NotFound):
            storage.index.instance(UID)
        # Received again it stays.
        storage.ingest.accept(part10(), "stow")
        storage.volumes.close()
        storage.recovery.run(thorough=True)
        assert storage.instances.read(storage.index.instance(UID)) == part10()
    postgres_server.drop(url)


def test_what_another_host_may_not_have_renewed_is_stored_again(two_hosts: TwoHosts) -> None:
    """It was killed between the row and its last look; the sender repeats to this one."""
    north, south = two_hosts
    sent = part10()
    north.storage.ingest.accept(sent, "stow")
    north.keep_in_order()
    with writing(north.storage.engine) as connection:
        connection.execute(
            t.tombstone.insert().values(
                sop_instance_uid=UID, study_instance_uid=STUDY, generation=7, deleted_at=utcnow()
            )
        )
    south.storage.recovery.run()

    outcome = south.storage.ingest.accept(sent, "stow").outcome

    assert outcome == "duplicate"
    assert host_of_volume(south.storage.index.instance(UID).location.volume) == (
        south.storage.hosts.own_id()
    )


@pytest.mark.parametrize("is_migrated", [True, False])
def test_a_database_that_was_put_back_does_not_bring_back_what_a_lost_host_deleted(
    settings_of: Any, postgres_server: PostgresServer, is_migrated: bool
) -> None:
    again = delete_and_put_back(settings_of, postgres_server).north

    if is_migrated:
        upgrade(again)
    with open_storage(again) as storage:
        storage.recovery.run(thorough=True)
        with pytest.raises(NotFound):
            storage.index.instance(UID)
        kept = derive_uid("test", "kept", "series", "0")
        assert storage.instances.read(storage.index.instance(kept)) == part10("kept")
        # Received again it stays, as by an index that was never put back.
        storage.ingest.accept(part10(), "stow")
        Host(again, storage).keep_all_in_order()
        assert storage.instances.read(storage.index.instance(UID)) == part10()
    postgres_server.drop(str(again.database_url))


def test_a_bucket_that_is_away_stops_no_host_whose_database_was_only_started_again(
    two_hosts: TwoHosts,
) -> None:
    north, _ = two_hosts

    def fail() -> None:
        raise StorageUnavailable("The bucket does not answer.")

    recovery = north.storage.recovery
    recovery._learn_deletions = fail
    (north.storage.volumes.folder / "reconciled-with").unlink()
    assert recovery.run() == 0

    # One that was put back is older than the deletions that this host knows of.
    Generation(north.storage.volumes.folder).advance()
    (north.storage.volumes.folder / "reconciled-with").unlink()
    with pytest.raises(StorageUnavailable):
        recovery.run()
