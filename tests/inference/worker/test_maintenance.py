"""The worker's clock lets studies leave by rule, and gives their space back at once."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from inference.worker.maintenance import Maintenance
from inference.worker.process import Holder
from storage.core.clock import utcnow
from storage.volumes.scan import volumes_in
from tests.inference.orchestration import storage_in
from tests.inference.retention.studies import is_here, study, with_rules


def test_what_is_due_leaves_and_what_is_asked_again_changes_nothing(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        process = SimpleNamespace(storage=storage)
        maintenance = Maintenance(cast(Holder, SimpleNamespace(process=process)), lambda: False)
        first = study(storage, "first")
        maintenance.apply_retention()
        assert is_here(storage, first)
        with_rules(storage, "  - {name: at once, keep_days: 0}\n")
        maintenance.apply_retention()
        assert not is_here(storage, first)
        maintenance.apply_retention()
        maintenance.housekeep()
        assert storage.retention.last_round()["at"] <= utcnow().isoformat()
        assert list(volumes_in(storage.volumes.folder))
