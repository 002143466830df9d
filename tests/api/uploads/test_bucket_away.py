"""An upload to a host with disks of its own while the bucket is away."""

import time
from pathlib import Path

import pytest

from api.uploads import intake as uploaded
from api.uploads.intake import Intake, schedule_touched
from inference.scheduling import completeness
from storage.core.errors import StorageUnavailable
from tests.inference.films import film, part10
from tests.inference.orchestration import receive, storage_in
from tests.postgres import PostgresServer
from tests.servers import S3Server

_WAIT_S = 0.5


def test_all_series_of_an_upload_wait_once(
    postgres_server: PostgresServer,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing copies here, as where nobody reaches the bucket."""
    monkeypatch.setattr(completeness, "_COPIED_WITHIN_S", _WAIT_S)
    # No broker is there, and the attempt to reach it takes seconds.
    monkeypatch.setattr(uploaded, "wake", lambda _: None)
    films = [film(f"of-many-{number}") for number in range(6)]
    intake = Intake()
    for one in films:
        intake.touched[str(one.StudyInstanceUID), str(one.SeriesInstanceUID)] = None
    with storage_in(
        tmp_path,
        database_url=postgres_server.migrated_database(),
        object_store="s3",
        s3_endpoint_url=s3_server.endpoint_url,
        s3_bucket=s3_server.new_bucket(),
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
        broker_url="redis://127.0.0.1:1/0",
        own_disks=True,
        audit_key="ab" * 32,
    ) as storage:
        receive(storage, [part10(one) for one in films])
        started_s = time.monotonic()
        assert schedule_touched(storage, intake).decisions == []
        assert _WAIT_S <= time.monotonic() - started_s < 4 * _WAIT_S
        states = {storage.index.series(*uids).state for uids in intake.touched}
        assert states == {"RECEIVING"}
        with pytest.raises(StorageUnavailable, match="not yet in the bucket"):
            schedule_touched(storage, intake, "film-field")
