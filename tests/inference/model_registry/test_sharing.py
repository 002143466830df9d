"""Models in the object store: added on one host, there on every other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inference.model_registry.removal import remove_model
from inference.model_registry.sharing import (
    add_shared_model,
    fetch_models,
    fetching,
    not_fetched,
    share,
    withdraw,
)
from inference.model_registry.status import ModelBlocked, models_named
from inference.model_registry.transitions import retire
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.container import Storage, open_storage
from storage.core.errors import StorageUnavailable
from storage.model_registry.packages import PackageChanges
from storage.settings import Settings
from tests.inference.orchestration import complete_series, later, settings_in, wait_for
from tests.inference.plain_models import onnx_model
from tests.inference.small import study_uid
from tests.migrated import upgrade
from tests.servers import S3Server
from tests.services import free_port

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
    assert add_shared_model(storage, folder, "petra").standing.state == "active"


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


def test_a_model_that_cannot_be_used_is_left_alone_and_keeps_no_other_back(
    shared: Settings, tmp_path: Path
) -> None:
    with open_storage(shared) as here, open_storage(another_host(shared, tmp_path)) as there:
        add(here, onnx_model(tmp_path / "bad", name="A bad one"))
        add(here, onnx_model(tmp_path / "plain"))
        bad, _ = here.model_packages.all()
        here.objects.put(bad.object_key, b"something else")
        assert fetch_models(there) == ["plain-spleen@1.2"]
        why = not_fetched(there.settings, "model-a-bad-one", "1.2")
        assert why is not None
        assert "is not the one that was added" in why.message
        # Not even looked at again for half a minute: it may have 20 GiB.
        here.objects.delete(bad.object_key)
        assert fetch_models(there) == []
        assert not_fetched(there.settings, "model-a-bad-one", "1.2") == why
        models = there.settings.resolved_models_dir
        assert [one.name for one in models.iterdir() if one.name[0] != "."] == ["plain-spleen@1.2"]


def test_a_model_that_the_disk_has_no_room_for_is_not_fetched(
    shared: Settings, tmp_path: Path
) -> None:
    settings = another_host(shared, tmp_path)
    full = settings.model_copy(update={"free_disk_mark_bytes": 1 << 60})
    with open_storage(shared) as here, open_storage(full) as there:
        add(here, onnx_model(tmp_path / "plain"))
        assert fetch_models(there) == []
        why = not_fetched(there.settings, PIPELINE, "1.2")
        assert "MiB are free above the mark" in str(why)
    # As soon as there is room.
    with open_storage(settings) as there:
        assert fetch_models(there) == ["plain-spleen@1.2"]


def test_what_is_added_again_is_not_undone_by_those_who_fetch(
    shared: Settings, tmp_path: Path
) -> None:
    """The API and the control process of the host look for models all the time."""
    with open_storage(shared) as here:
        add(here, onnx_model(tmp_path / "plain"))
        ending = threading.Event()

        def look() -> None:
            while not ending.is_set():
                fetch_models(here)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            add(here, onnx_model(tmp_path / "again", intensity={"values": [0, 1000]}))
        finally:
            ending.set()
            looking.join()
        card = here.settings.resolved_models_dir / "plain-spleen@1.2" / "mediview.json"
        assert "1000" in card.read_text()
        (standing,) = models_named(here.settings, here.model_states, "plain-spleen")
        assert standing.state == "active"


def test_a_model_stays_as_it_was_where_the_store_is_away(shared: Settings, tmp_path: Path) -> None:
    away = shared.model_copy(update={"s3_endpoint_url": f"http://127.0.0.1:{free_port()}"})
    with open_storage(shared) as here:
        add(here, onnx_model(tmp_path / "plain"))
        with (
            open_storage(away) as cut_off,
            pytest.raises(StorageUnavailable, match="it was not added"),
        ):
            add(cut_off, onnx_model(tmp_path / "again", intensity={"values": [0, 1000]}))
        # The one before comes back, and is what was decided on.
        assert fetch_models(here) == ["plain-spleen@1.2"]
        (standing,) = models_named(here.settings, here.model_states, "plain-spleen")
        assert standing.state == "active"
        with open_storage(away) as cut_off, pytest.raises(StorageUnavailable):
            add(cut_off, onnx_model(tmp_path / "new", name="New one"))
        assert not (here.settings.resolved_models_dir / "new-one@1.2").exists()


def test_new_weights_of_a_pack_reach_a_host_that_has_the_old_ones(
    shared: Settings, tmp_path: Path
) -> None:
    """A pack has no list of digests: those are the code's."""
    pack = shared.resolved_models_dir / "some-pack"
    pack.mkdir(parents=True)
    with open_storage(shared) as here, open_storage(another_host(shared, tmp_path)) as there:
        for weights in (b"old", b"new"):
            (pack / "weights.ts").write_bytes(weights)
            share(here, pack, "petra")
            assert fetch_models(there) == ["some-pack"]
            found = there.settings.resolved_models_dir / "some-pack" / "weights.ts"
            assert found.read_bytes() == weights
        assert fetch_models(there) == []


def test_a_former_archive_stays_where_the_commit_of_the_new_one_fails(
    shared: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = shared.resolved_models_dir / "some-pack"
    pack.mkdir(parents=True)
    with open_storage(shared) as here, open_storage(another_host(shared, tmp_path)) as there:
        (pack / "weights.ts").write_bytes(b"old")
        share(here, pack, "petra")
        (former,) = here.model_packages.all()
        changing = here.model_packages.changing

        @contextmanager
        def broken() -> Iterator[PackageChanges]:
            with changing() as packages:
                yield packages
                raise StorageUnavailable("The database went away before its commit.")

        (pack / "weights.ts").write_bytes(b"new")
        with monkeypatch.context() as patch:
            patch.setattr(here.model_packages, "changing", broken)
            with pytest.raises(StorageUnavailable):
                share(here, pack, "petra")
        assert here.model_packages.all() == [former]
        assert here.objects.exists(former.object_key)
        share(here, pack, "petra")
        assert not here.objects.exists(former.object_key)
        assert fetch_models(there) == ["some-pack"]


def test_a_model_that_is_removed_leaves_every_host_and_the_store(
    shared: Settings, tmp_path: Path
) -> None:
    with open_storage(shared) as here, open_storage(another_host(shared, tmp_path)) as there:
        add(here, onnx_model(tmp_path / "plain"))
        assert fetch_models(there) == ["plain-spleen@1.2"]
        with pytest.raises(ModelBlocked, match="is active, so its files are not removed"):
            remove_model(here, "plain-spleen", None, "petra")
        (standing,) = models_named(here.settings, here.model_states, "plain-spleen")
        retire(here.model_states, here.shadow_runs, standing, "petra")
        removed = remove_model(here, "plain-spleen", "1.2", "petra", "Withdrawn by its maker.")
        assert removed == "1.2"
        assert list(here.objects.list("models/")) == []
        # A worker's host, which takes what jobs need, and forgets what is removed by itself.
        assert fetch_models(there, only_removed=True) == []
        for host in (here, there):
            assert fetch_models(host) == []
            assert list(host.settings.resolved_models_dir.glob("[!.]*")) == []
        newest = here.model_states.history("plain-spleen")[0]
        assert newest.detail == "Its files were removed. Withdrawn by its maker."
        # Added again it is shared again, and waits for somebody who activates it.
        again = add_shared_model(here, onnx_model(tmp_path / "again"), "petra").standing
        assert again.state == "retired"
        assert fetch_models(there) == ["plain-spleen@1.2"]


def test_a_model_that_another_host_removes_while_it_is_shared_is_there_for_all(
    shared: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = shared.resolved_models_dir / "some-pack"
    pack.mkdir(parents=True)
    (pack / "weights.ts").write_bytes(b"weights")
    with open_storage(shared) as here, open_storage(another_host(shared, tmp_path)) as there:
        share(here, pack, "petra")
        put, puts = here.objects.put, []

        def put_and_lose(key: str, *content: object) -> None:
            put(key, *content)  # type: ignore[arg-type]
            puts.append(key)
            if len(puts) == 1:
                withdraw(there.model_packages, there.objects, "some-pack", "paul")

        monkeypatch.setattr(here.objects, "put", put_and_lose)
        share(here, pack, "petra")
        (package,) = here.model_packages.all()
        assert here.objects.exists(package.object_key)
        assert fetch_models(there) == ["some-pack"]
