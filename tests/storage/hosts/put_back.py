"""A database that is put back to before a deletion of another host."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from storage.container import Storage, open_storage
from storage.settings import Settings
from tests.migrated import upgrade
from tests.postgres import PostgresServer
from tests.storage.hosts.conftest import Host, copy_keys
from tests.storage.hosts.instances import STUDY, part10


@dataclass(frozen=True)
class PutBack:
    """Both hosts' settings on the database of before the deletion."""

    north: Settings
    south: Settings


def delete_and_put_back(
    settings_of: Any,
    postgres_server: PostgresServer,
    before_copy: Callable[[Storage], None] = lambda _: None,
    *,
    send_again: bool = False,
) -> PutBack:
    """South deletes what north received; then the database is put back to before.

    `before_copy` is called before south copies the deletion to the bucket. `send_again`: north
    receives the same again meanwhile.
    """
    north, south = settings_of("north"), settings_of("south")
    upgrade(north)
    with open_storage(north) as of_north:
        of_north.ingest.accept(part10(), "stow")
        of_north.ingest.accept(part10("kept"), "stow")
        Host(north, of_north).keep_all_in_order()
    copy_keys(north, south)
    with open_storage(south):
        pass
    url = postgres_server.copy_of(str(north.database_url))
    with open_storage(south) as of_south:
        of_south.deletions.study(STUDY)
        before_copy(of_south)
        Host(south, of_south).keep_all_in_order()
    if send_again:
        with open_storage(north) as of_north:
            of_north.ingest.accept(part10(), "stow")
            Host(north, of_north).keep_all_in_order()
    return PutBack(settings_of("north", database_url=url), settings_of("south", database_url=url))
