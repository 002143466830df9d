"""The node's clock moves what was received to the bucket, with real worker and beat."""

from pathlib import Path

import pytest

from storage.maintenance.object_upload import is_behind
from tests.inference.orchestration import wait_for
from tests.inference.processes import workers_in
from tests.servers import S3Server
from tests.storage.instances import part10


@pytest.mark.slow
def test_received_instances_reach_the_bucket_by_themselves(
    tmp_path: Path, s3_server: S3Server
) -> None:
    with workers_in(
        tmp_path,
        object_store="s3",
        s3_endpoint_url=s3_server.endpoint_url,
        s3_bucket=s3_server.new_bucket(),
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
    ) as workers:
        storage = workers.storage
        contents = [part10(instance=str(number)) for number in range(5)]
        for content in contents:
            storage.ingest.accept(content, "stow")
        workers.start("control", "beat")
        wait_for(lambda: not is_behind(storage.engine), "everything to be in the bucket")
        keys = list(storage.objects.list("dicom/"))
        assert sorted(storage.objects.get(key) for key in keys) == sorted(contents)
