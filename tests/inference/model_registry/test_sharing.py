"""Models in the object store: added on one host, there on every other."""

from pathlib import Path

import pytest

from inference.model_registry.adding import add_model
from inference.model_registry.sharing import fetch_models, fetching, share_model
from inference.model_registry.status import models_named
from inference.refusals import ModelUnusable
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage, open_storage
from storage.settings import Settings
from tests.inference.orchestration import complete_series, later, settings_in, wait_for
from tests.inference.plain_models import onnx_model
from tests.inference.small import study_uid
from tests.migrated import upgrade
from tests.servers import S3Server

PIPELINE = "model-plain-spleen"


@pytest.fixture
def shared(tmp_path: Path, s3_server: S3Server) -> Settings:
    settings = settings_in(
        tmp_path,
        object_store="s3",
        s3_endpoint_url=s3_server.endpoint_url,
        s3_bucket=s3_server.new_bucket(),
        s3_access_key_id=s3_server.access_key_id,
        s3_secret_access_key=s3_server.secret_access_key,
    )
    upgrade(settings)
    return settings


def another_host(settings: Settings, tmp_path: Path) -> Settings:
    """The same database and bucket, and models of its own."""
    return settings.model_copy(update={"models_dir": tmp_path / "other" / "models"})


def add(storage: Storage, folder: Path) -> None:
    added = add_model(
        storage.settings, storage.model_states, storage.shadow_runs, folder, "petra"
    ).standing
    assert added.state == "active"
    card = added.pipeline.card
    share_model(storage, card.name, card.version, "petra")


def test_a_host_runs_a_model_that_another_one_was_given(shared: Settings, tmp_path: Path) -> None:
    with open_storage(shared) as here, open_storage(another_host(shared, tmp_path)) as there:
        add(here, onnx_model(tmp_path / "plain"))
        complete_series(here, "head", 40)
        decisions = {one.pipeline: one for one in complete_and_schedule(here, later(10))}
        # Before that host has looked for models by itself.
        job = run_job(there, decisions[PIPELINE].job_id or "", "worker")
        assert job is not None
        assert (job.state, job.reason) == ("COMPLETED", "")
        assert there.findings.of_study(study_uid("head"))[0].label == "Spleen volume"
        (standing,) = models_named(there.settings, there.model_states, "plain-spleen")
        assert standing.pipeline.readiness().ready
        assert fetch_models(there) == []
        # A corrected card of the same version replaces the one before, everywhere.
        add(here, onnx_model(tmp_path / "again", intensity={"values": [0, 1000]}))
        with fetching(there):
            card = there.settings.resolved_models_dir / "plain-spleen@1.2" / "mediview.json"
            wait_for(lambda: "1000" in card.read_text(), "the corrected card on the other host")
        # The archive of the one before is gone.
        (package,) = here.model_packages.all()
        assert list(here.objects.list("models/")) == [package.object_key]


def test_a_host_that_may_not_write_its_models_folder_is_left_alone(
    shared: Settings, tmp_path: Path
) -> None:
    """As docker-compose.yml mounts it; a file in its place refuses root as well."""
    models = tmp_path / "mounted"
    models.write_text("")
    host = shared.model_copy(update={"models_dir": models / "models"})
    with open_storage(shared) as here, open_storage(host) as there:
        add(here, onnx_model(tmp_path / "plain"))
        assert fetch_models(there) == []


def test_what_lies_in_the_bucket_instead_is_not_taken(shared: Settings, tmp_path: Path) -> None:
    with open_storage(shared) as here, open_storage(another_host(shared, tmp_path)) as there:
        add(here, onnx_model(tmp_path / "plain"))
        (package,) = here.model_packages.all()
        here.objects.put(package.object_key, b"something else")
        with pytest.raises(ModelUnusable, match="is not the one that was added"):
            fetch_models(there)
        models = there.settings.resolved_models_dir
        assert [one.name for one in models.iterdir() if not one.name.startswith(".")] == []
