"""What a host acknowledges once the bucket has it."""

import shutil
from typing import Any

from storage.container import open_storage
from tests.migrated import upgrade
from tests.storage.hosts.conftest import copy_keys
from tests.storage.hosts.instances import UID, part10


def test_what_the_bucket_acknowledged_is_read_without_the_host_that_received_it(
    settings_of: Any,
) -> None:
    north, south = settings_of("north"), settings_of("south", acknowledge="bucket")
    upgrade(north)
    with open_storage(north) as of_north:
        copy_keys(north, south)
        with open_storage(south) as of_south:
            of_south.ingest.accept(part10(), "stow")
        shutil.rmtree(south.data_dir)

        assert of_north.instances.read(of_north.index.instance(UID)) == part10()
