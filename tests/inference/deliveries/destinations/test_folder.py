"""Results go to a folder, and to none but one below the export folder."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.deliveries.destinations import open_destination, probe_peer
from inference.deliveries.service import deliver_due
from storage.core.clock import utcnow
from storage.core.data_folder import private_folder
from storage.core.errors import InvalidRequest
from tests.inference.deliveries.destinations.nodes import FOLDER, deliveries, node, with_results
from tests.inference.orchestration import later


def test_a_folder_gets_whole_files_named_by_their_uids(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        results = with_results(storage)
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.state for one in deliveries(storage)} == {"CONFIRMED"}
        folder = storage.settings.data_dir / "export" / "research" / "brains"
        found = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
        assert len(found) == 2
        for one in results:
            path = Path(one.study_instance_uid, one.series_instance_uid)
            written = found[path / f"{one.sop_instance_uid}.dcm"].read_bytes()
            assert written == storage.instances.read(one)
        tested = probe_peer(storage, FOLDER)
        assert tested.ok
        assert "can be written" in tested.sentence
        assert len(list(folder.iterdir())) == 1


def test_the_names_of_all_folders_down_to_a_file_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study may leave the node on the word of this destination."""
    synced = set()
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    with node(tmp_path, FOLDER) as storage:
        (first, *_) = with_results(storage)
        monkeypatch.setattr(os, "fsync", noted)
        deliver_due(storage, utcnow(), "sender")
        export = storage.settings.data_dir / "export"
        series = Path("research", "brains", first.study_instance_uid, first.series_instance_uid)
        assert {export / one for one in (series, *series.parents)} <= synced


def test_a_file_that_was_tampered_with_is_no_proof(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        results = with_results(storage)
        destination = open_destination(storage, FOLDER)
        assert all(outcome.ok for outcome in destination.send(results))
        path = next((storage.settings.data_dir / "export").rglob(f"{results[0].sop_instance_uid}*"))
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert destination.listed(results) == {results[1].sop_instance_uid}


def test_a_link_does_not_lead_out_of_the_export_folder(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        export = storage.settings.data_dir / "export"
        export.mkdir()
        (export / "research").symlink_to(tmp_path)
        with pytest.raises(InvalidRequest, match="not below"):
            open_destination(storage, FOLDER)


def test_a_folder_that_cannot_be_written_delays_the_delivery(tmp_path: Path) -> None:
    with node(tmp_path, FOLDER) as storage:
        with_results(storage)
        export = storage.settings.data_dir / "export"
        export.write_text("in the way")
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert {one.state for one in deliveries(storage)} == {"PENDING"}
        assert not probe_peer(storage, FOLDER).ok
        export.unlink()
        assert deliver_due(storage, later(3600), "sender") == 2


@pytest.fixture
def private() -> Iterator[None]:
    """As each command of the node starts, by a shell that lets everyone read."""
    before = os.umask(0o022)
    private_folder.keep_private()
    yield
    os.umask(before)


@pytest.mark.usefixtures("private")
def test_others_may_fetch_what_is_left_for_them_and_nothing_of_the_node(tmp_path: Path) -> None:
    for name, export in (("inside", None), ("outside", tmp_path / "shared")):
        with node(tmp_path / name, FOLDER, export_dir=export) as storage:
            with_results(storage)
            deliver_due(storage, utcnow(), "worker")
            exported = [*storage.settings.resolved_export_dir.rglob("*")]
            files = {path.stat().st_mode & 0o777 for path in exported if path.is_file()}
            folders = {path.stat().st_mode & 0o777 for path in exported if path.is_dir()}
            wanted = ({0o600}, {0o700}) if export is None else ({0o644}, {0o755})
            assert (files, folders) == wanted, name
