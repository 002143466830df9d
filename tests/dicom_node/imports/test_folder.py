"""Folders are imported bit for bit, each file once, and go on where they were interrupted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dicom_node.archives.receiving import Counts
from dicom_node.imports.folder import FolderSource
from dicom_node.imports.journal import Journal
from inference.scheduling.schedule import complete_and_schedule
from storage.core.errors import InvalidRequest
from tests.dicom_node.imports.importing import bring_in, stored_files, write
from tests.inference.orchestration import later, storage_in
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.services import tool


def test_each_file_is_taken_once_as_it_is(tmp_path: Path) -> None:
    source = FolderSource(tmp_path / "medium 1")
    first = write(tmp_path / "medium 1" / "IMAGES" / "A", "a")
    (tmp_path / "medium 1" / "README.TXT").write_text("not an image")
    with storage_in(tmp_path) as storage:
        result = bring_in(storage, source)
        assert (result.counts.stored, len(result.counts.refused)) == (5, 1)
        name, reason = result.counts.refused[0]
        assert name == "README.TXT"
        assert "not a DICOM file" in reason
        assert stored_files(storage, "a") == first
        again = bring_in(storage, source)
        assert (again.known, again.parts, again.counts.total) == (2, 2, 0)
        second = write(tmp_path / "medium 1" / "IMAGES" / "B", "b", 3)
        assert bring_in(storage, source).counts.stored == 3
        assert stored_files(storage, "b") == second


def test_names_that_are_no_utf8_and_links_to_themselves_stop_nothing(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    write(medium / "A", "a")
    Path(os.fsdecode(os.fsencode(medium / "A") + b"/\xff\xfe.txt")).write_text("not an image")
    (medium / "around").symlink_to("around")
    with storage_in(tmp_path) as storage:
        counts = bring_in(storage, FolderSource(medium)).counts
    assert counts.stored == 5
    (text, not_dicom), (link, to_itself) = sorted(counts.refused)
    assert (text, link) == ("A/\\xff\\xfe.txt", "around")
    assert "not a DICOM file" in not_dicom
    assert to_itself == "The link leads to itself."


def test_pipelines_run_on_it_where_that_was_said(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        write(tmp_path / "kept", "a")
        write(tmp_path / "used", "b")
        bring_in(storage, FolderSource(tmp_path / "kept"))
        bring_in(storage, FolderSource(tmp_path / "used"), run_pipelines=True)
        decisions = complete_and_schedule(storage, later(60), (BrightRegion(),))
        stated = {one.study_instance_uid: one for one in decisions}
        assert stated[study_uid("b")].accepted
        assert not stated[study_uid("a")].accepted
        assert "was imported" in stated[study_uid("a")].reason


def test_two_imports_of_one_name_do_not_run_at_once(tmp_path: Path) -> None:
    script = "import os,sys,time; f=open(sys.argv[1],'a'); os.lockf(f.fileno(),os.F_LOCK,0); "
    journal = tmp_path / "one.jsonl"
    script += "print('locked', flush=True); time.sleep(60)"
    other = subprocess.Popen(
        [sys.executable, "-c", script, journal], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InvalidRequest, match="Another import writes"), Journal(journal):
            pass
    finally:
        other.kill()
        other.communicate()


def test_half_a_line_of_a_killed_import_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(b'{"key": "first"}\n{"key": "sec')
    counts = Counts(stored=3, duplicate=1, refused=[("größe.dcm", "It is cut off.")])
    with Journal(path) as journal:
        assert journal.is_done("first")
        assert journal.counts_of("first") == Counts(), "an earlier version did not note it"
        journal.done("second", counts)
    with Journal(path) as journal:
        assert journal.is_done("second")
        assert journal.counts_of("second") == counts


def run_command(data_dir: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", "import", *arguments],
        env={**os.environ, "MEDIVIEW_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_report_of_an_import_that_goes_on_has_what_was_refused_before(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    whole = write(tree / "one", "a", 3)
    (tree / "one" / "cut off.dcm").write_bytes(whole[0][:300])
    with storage_in(tmp_path) as storage:
        data_dir = storage.settings.data_dir
    report = tmp_path / "report.json"
    first = run_command(data_dir, tree, "--report", report)
    assert first.returncode == 1
    stated = json.loads(report.read_text())
    assert stated["earlier"] == {"stored": 0, "duplicate": 0, "conflict": 0}
    refused = stated["refused"]
    assert [one["name"] for one in refused] == ["one/cut off.dcm"]

    write(tree / "two", "b", 2)
    second = run_command(data_dir, tree, "--report", report)
    assert second.returncode == 1, "the file that was refused is still not here"
    assert "2 stored, 0 here already, 0 conflicts, 0 refused." in second.stdout
    assert "by an earlier run: 3 stored, 0 here already, 0 conflicts, 1 refused." in second.stdout
    assert "1 refused: The File Meta Information" in second.stdout
    assert json.loads(report.read_text()) == {
        "stored": 2,
        "duplicate": 0,
        "conflict": 0,
        "earlier": {"stored": 3, "duplicate": 0, "conflict": 0},
        "refused": refused,
        "failed": [],
    }


def test_what_was_too_large_comes_in_once_it_may(tmp_path: Path) -> None:
    write(tmp_path / "large", "a", 2)
    with storage_in(tmp_path, max_instance_bytes=1000) as storage:
        refused = bring_in(storage, FolderSource(tmp_path / "large")).counts.refused
        assert len(refused) == 2
    with storage_in(tmp_path) as storage:
        assert bring_in(storage, FolderSource(tmp_path / "large")).counts.stored == 2


def test_what_a_dicomdir_lists_is_compared_with_what_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "medium"
    (folder / "IMAGES").mkdir(parents=True)
    for number, content in enumerate(mr_series("a", 5)):
        (folder / "IMAGES" / f"I{number}").write_bytes(content)
    program = tool("dcmmkdir", "dcmtk")
    options = ["+r", "+I", "-W", "--no-consistency-check", "+id", folder, "IMAGES"]
    subprocess.run([program, *options], cwd=folder, check=True)
    paths = sorted((folder / "IMAGES").iterdir())
    missing, other = paths[0], paths[1]
    shown = [str(one.relative_to(folder)) for one in (missing, other)]
    kept = missing.read_bytes()
    missing.unlink()
    other.write_bytes(mr_series("b", 1)[0])
    # As a system without capitals shows it.
    paths[2].rename(paths[2].with_name(paths[2].name.lower()))
    with storage_in(tmp_path) as storage:
        result = bring_in(storage, FolderSource(folder))
        assert [name for name, _ in result.counts.refused] == shown
        assert "lists it, and it is not there" in result.counts.refused[0][1]
        assert "and it is another" in result.counts.refused[1][1]
        assert result.counts.stored == 4
        missing.write_bytes(kept)
        again = bring_in(storage, FolderSource(folder))
        assert [name for name, _ in again.counts.refused] == shown[1:]


def test_what_is_no_dicomdir_is_named(tmp_path: Path) -> None:
    write(tmp_path / "medium", "a", 1)
    (tmp_path / "medium" / "DICOMDIR").write_bytes(b"none")
    with storage_in(tmp_path) as storage:
        result = bring_in(storage, FolderSource(tmp_path / "medium"))
        assert result.counts.stored == 1
        ((name, reason),) = result.counts.refused
        assert (name, "cannot be read as a DICOMDIR" in reason) == ("DICOMDIR", True)
