"""A database put back learns from the bucket what earlier versions noted of deletions.

They did not keep when the deleted instance was received, and no copy tells it of a conflict.
"""

from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import update

from storage import tables as t
from storage.container import Storage, open_storage
from storage.core.errors import NotFound
from storage.core.uids import derive_uid
from storage.db.engine import writing
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.storage.hosts.conftest import Host, copy_keys
from tests.storage.hosts.instances import UID, part10
from tests.storage.hosts.put_back import delete_and_put_back

KEPT = derive_uid("test", "kept", "series", "0")


def forget_times(storage: Storage) -> None:
    """As a version before 0105 noted deletions."""
    with writing(storage.engine) as connection:
        connection.execute(update(t.tombstone).values(received_at=None))


@pytest.mark.parametrize(
    ("is_deleter_lost", "is_host_known"), [(True, True), (False, True), (True, False)]
)
def test_what_an_earlier_version_deleted_does_not_come_back_with_an_old_database(
    settings_of: Any, postgres_server: PostgresServer, is_deleter_lost: bool, is_host_known: bool
) -> None:
    put_back = delete_and_put_back(settings_of, postgres_server, forget_times, send_again=False)
    with ExitStack() as stack:
        if not is_host_known:
            # The backup is from before the node counted its hosts.
            with open_storage(put_back.north) as storage, writing(storage.engine) as connection:
                connection.execute(t.host.delete())
        upgrade(put_back.north)
        storage = stack.enter_context(open_storage(put_back.north))
        storage.recovery.run(thorough=True)
        if not is_deleter_lost:
            stack.enter_context(open_storage(put_back.south)).recovery.run(thorough=True)
            storage.recovery.run(thorough=True)

        with pytest.raises(NotFound):
            storage.index.instance(UID)
        assert storage.instances.read(storage.index.instance(KEPT)) == part10("kept")
        storage.ingest.accept(part10(), "stow")
        Host(put_back.north, storage).keep_all_in_order()
        storage.recovery.run(thorough=True)
        assert storage.instances.read(storage.index.instance(UID)) == part10()
    postgres_server.drop(str(put_back.north.database_url))


@pytest.mark.parametrize("is_deleter_lost", [True, False])
def test_what_was_sent_again_is_there_although_the_database_was_put_back(
    settings_of: Any, postgres_server: PostgresServer, is_deleter_lost: bool
) -> None:
    put_back = delete_and_put_back(settings_of, postgres_server, forget_times, send_again=True)
    upgrade(put_back.north)
    with ExitStack() as stack:
        storage = stack.enter_context(open_storage(put_back.north))
        storage.recovery.run(thorough=True)
        if not is_deleter_lost:
            stack.enter_context(open_storage(put_back.south)).recovery.run(thorough=True)
            storage.recovery.run(thorough=True)

        assert storage.instances.read(storage.index.instance(UID)) == part10()
    postgres_server.drop(str(put_back.north.database_url))


def test_a_discarded_conflict_does_not_come_back_from_a_lost_host(
    settings_of: Any, postgres_server: PostgresServer
) -> None:
    north, south = settings_of("north"), settings_of("south")
    other = part10(PatientComments="other")
    upgrade(north)
    with open_storage(north) as of_north:
        of_north.ingest.accept(part10(), "stow")
        of_north.ingest.accept(other, "stow")
        (conflict,) = of_north.conflicts.waiting()
        Host(north, of_north).keep_all_in_order()
        copy_keys(north, south)
        with open_storage(south):
            pass
    url = postgres_server.copy_of(str(north.database_url))
    with open_storage(south) as of_south:
        of_south.conflicts.discard(conflict.conflict_id)
        Host(south, of_south).keep_all_in_order()
    again = settings_of("north", database_url=url)

    upgrade(again)
    with open_storage(again) as storage:
        storage.recovery.run(thorough=True)
        assert not storage.conflicts.waiting()
        assert storage.instances.read(storage.index.instance(UID)) == part10()
        storage.ingest.accept(other, "stow")
        Host(again, storage).keep_all_in_order()
        storage.recovery.run(thorough=True)
        assert len(storage.conflicts.waiting()) == 1
    postgres_server.drop(url)
